#!/bin/sh
# A server that is not OpenSSH's: dropbear, as small machines and containers have it.
test_description="hosts that run dropbear"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen dropbear dropbearkey unshare
# dropbear takes authorized_keys from the home that /etc/passwd names, and from nowhere else
if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
	skip_all="a home of dropbear's own needs root and a mount namespace"
	test_done
fi

fleet_start 6 || test_done
drop=$FLEET_DIR/dropbear
client=$FLEET_DIR/client
mkdir -p "$drop/home/.ssh" && chmod 700 "$drop/home" "$drop/home/.ssh"
cp "$FLEET_DIR/id_ed25519.pub" "$drop/home/.ssh/authorized_keys"
chmod 600 "$drop/home/.ssh/authorized_keys"
dropbearkey -t ed25519 -f "$drop/key" >"$drop/key.said" 2>&1
sed "s,^\(root:[^:]*:0:0:[^:]*:\)[^:]*,\1$drop/home," /etc/passwd >"$drop/passwd"

# In the place of the fleet's sshd, at its port.
"$PERILUNE_SRCDIR/scripts/dev/fleet" stop "$FLEET_DIR" >/dev/null
unshare -m sh -c "mount --make-rprivate / && mount --bind $drop/passwd /etc/passwd &&
	exec dropbear -F -E -s -r $drop/key -P $drop/pid -p 0.0.0.0:$FLEET_PORT" 2>"$drop/log" &
dropbear=$!
trap 'fleet_status=$?; kill $dropbear; fleet_stop; (exit $fleet_status); die' EXIT
printf '[127.1.*]:%s %s\n' "$FLEET_PORT" "$(grep ^ssh- "$drop/key.said" | cut -d' ' -f1,2)" \
	>"$drop/known"
sed "s,UserKnownHostsFile .*,UserKnownHostsFile $drop/known," "$FLEET_SSH_CONFIG" >"$client"
wait_for ssh -F "$client" -n 127.1.0.1 true || { cat "$drop/log" >&2; test_done; }

all="127.1.0.[1-6]"
px() { perilune exec --transport "$by" -F "$client" -w "$all" "$@"; }

# count_is_in N FILE: so many lines are in it.
count_is_in() { [ "$(wc -l <"$2")" -eq "$1" ]; }

# stay: in the background as $pid, processes on every host that stay, until all are there.
stay() {
	rm -f "$drop/tags" && {
		perilune exec --transport "$by" -F "$client" -w "$all" \
			"echo \$PERILUNE_TASK >>$drop/tags; sleep 300 & setsid sleep 300 & wait" \
			>/dev/null 2>err & pid=$!
	} && wait_for count_is_in 6 "$drop/tags"
}

for by in ssh openssh; do
	test_expect_success "$by: it takes five logins at once from one address: forty hosts are reached" '
		perilune exec --transport $by -F "$client" -w "127.1.0.[1-40]" "echo up" >out &&
		test_line_count = 40 out
	'

	test_expect_success "$by: commands run, in their home, with both streams" '
		px "pwd; echo problem >&2" >out 2>err; status=$?; cat err; test $status = 0 &&
		test_line_count = 6 out && ! grep -v ": $drop/home$" out &&
		test "$(grep -c ": problem$" err)" = 6
	'

	test_expect_success "$by: stdin reaches each, much output comes whole" '
		head -c 400000 /dev/urandom | base64 >data &&
		px --stdin all --outdir got cat <data >/dev/null && for file in got/*.out; do
			cmp data "$file" || return 1
		done && test "$(ls got/*.out | wc -l)" = 6; status=$?; rm -rf got; return $status
	'

	test_expect_success "$by: exit status and death by a signal" '
		expect_exit 1 px "exit 7" 2>err && grep "exit 7: 127.1.0.\[1-6\]" err &&
		expect_exit 1 px "kill -SEGV \$\$" 2>err; cat err; grep SEGV err
	'

	test_expect_success "$by: cancelled, nothing is left there" '
		stay && kill -INT $pid && expect_exit 130 wait $pid && nothing_left $drop/tags
	'

	test_expect_success "$by: nor when perilune is killed" '
		stay && kill -KILL $pid && { wait $pid; nothing_left $drop/tags; }
	'

	test_expect_success "$by: push and pull" '
		rm -rf back && mkdir back &&
		perilune push --transport $by -F "$client" -w 127.1.0.1 data copy-$by &&
		cmp data "$drop/home/copy-$by" &&
		perilune pull --transport $by -F "$client" -w 127.1.0.1 copy-$by back/ &&
		cmp data "$(find back -type f)"
	'
done

test_done
