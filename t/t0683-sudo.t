#!/bin/sh
# Commands as root through the sudo of the system, for an account that is there for this test alone:
# sshd and sudo see accounts and rules of their own. The terminal is one of script(1).
test_description="commands as root, through sudo"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen sudo script openssl unshare setsid

password="correct 'horse"
user=perilune-test
fleet_start 4 || test_done
all="127.1.0.[1-4]"
marks=$FLEET_DIR/marks

# Bound over those of the system, where sshd runs.
cat >"$FLEET_DIR/private" <<END
set -e
mount --make-rprivate /
for file in passwd group shadow sudoers; do mount --bind "$FLEET_DIR/\$file" /etc/\$file; done
mount -t tmpfs tmpfs /etc/sudoers.d
exec $(PATH=$PATH:/usr/sbin command -v sshd) -f "$FLEET_DIR/sshd_config" "\$@"
END

rules() { printf "Defaults env_reset, use_pty\nroot ALL=(ALL) ALL\n%b\n" "$1" >"$FLEET_DIR/sudoers"; }

{
	for file in passwd group shadow; do cp "/etc/$file" "$FLEET_DIR/$file" || exit; done
	echo "$user:x:4242:4242::$FLEET_DIR:/bin/sh" >>"$FLEET_DIR/passwd" &&
	echo "$user:x:4242:" >>"$FLEET_DIR/group" &&
	echo "$user:$(openssl passwd -6 "$password"):19000:0:99999:7:::" >>"$FLEET_DIR/shadow" &&
	chmod 600 "$FLEET_DIR/shadow" && rules "" && chmod 440 "$FLEET_DIR/sudoers" &&
	chmod 711 "$FLEET_DIR" && chmod 644 "$FLEET_DIR/authorized_keys" &&
	mkdir -m 777 "$marks" &&
	sed -i "s/^AllowUsers .*/AllowUsers $user/" "$FLEET_DIR/sshd_config" &&
	sed -i "s/^  User .*/  User $user/" "$FLEET_SSH_CONFIG" &&
	kill "$(cat "$FLEET_DIR/sshd.pid")" && wait_for test ! -e "$FLEET_DIR/sshd.pid"
} 2>/dev/null && unshare -m sh "$FLEET_DIR/private" 2>private.err && wait_for test -e "$FLEET_DIR/sshd.pid" || {
	cat private.err >&2
	skip_all="no accounts of its own for an sshd here (root and mount namespaces)"
	test_done
}

# x OPTION...: without a terminal, so that nobody can be asked.
x() { setsid -w timeout 60 perilune exec -F "$FLEET_SSH_CONFIG" --sudo "$@" </dev/null 2>err; }

# typed ANSWER COMMAND: runs COMMAND on a terminal, where ANSWER is typed once it asks. What the
# terminal shows is in `screen`; output in `out`.
typed() {
	: >screen
	{ wait_for grep -q "sudo password" screen && printf "%s\n" "$1"; } |
		SHELL=/bin/sh timeout 60 script -q -f -e -c "$2 >out" screen >/dev/null
}

exec_sudo="perilune exec -F $FLEET_SSH_CONFIG --sudo"

test_expect_success "the account is nobody without sudo" '
	perilune exec -F "$FLEET_SSH_CONFIG" -N -w 127.1.0.1 "id -un" >out && echo $user | test_cmp - out
'

test_expect_success "refused: which host, why, and what to do" '
	rules "" && expect_exit 1 x -w "$all" "id -u" >out && test_must_be_empty out &&
	grep "sudo refused: sudo: a password is required (--sudo asks" err && grep "127.1.0.\[1-4\]" err
'

for transport in ssh openssh; do
	test_expect_success "where sudo asks nothing, with stdin, tag and environment ($transport)" '
		rules "$user ALL=(ALL) NOPASSWD: ALL" &&
		x --transport $transport -N -w "$all" "id -u; sh -c \"echo \\\$PERILUNE_TASK\"; echo \$SHELL" >out &&
		test "$(grep -c "^0$" out)" = 4 && test "$(grep -c ":[0-9a-f]\{16\}$" out)" = 4 &&
		test "$(grep -c "^/bin/sh$" out)" = 4 &&
		cat >env.lua <<-END &&
		local pl = require "perilune"
		return pl.recipe { name = "env", summary = "As root.", run = function(t)
		  local opts = { sudo = true, env = { HIDDEN = "a\nb" }, stdin = "one\ntwo" }
		  io.write(t.hosts:exec("id -u; printenv HIDDEN; cat", opts):must()[1].stdout, "\n")
		  io.write(t.hosts:exec({ "id", "-un" }):must()[1].stdout)
		end }
		END
		timeout 60 perilune run -F "$FLEET_SSH_CONFIG" --transport $transport -w 127.1.0.1 ./env.lua >out 2>err &&
		printf "%s\n" 0 a b one two $user >expected && head -n 6 out | test_cmp expected -
	'

	test_expect_success "with a password, asked for once, shown nowhere ($transport)" '
		rules "$user ALL=(ALL) ALL" &&
		typed "$password" "$exec_sudo --transport $transport -N -w $all \
			\"id -u; cat /proc/[0-9]*/cmdline | tr \\\\\\\\0 x >$marks/cmdlines; cat\"" &&
		test "$(grep -c "^0$" out)" = 4 && test_line_count = 4 out &&
		test "$(grep -c "sudo password" screen)" = 1 && ! grep -F "$password" screen &&
		test -s "$marks/cmdlines" && ! grep -aF "$password" "$marks/cmdlines" &&
		! grep -rF "$password" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME"
	'
done

test_expect_success "a password that is not asked for is not taken for stdin" '
	rules "$user ALL=(ALL) NOPASSWD: ALL" &&
	typed "$password" "$exec_sudo -N -w 127.1.0.1 \"id -u; cat\"" && echo 0 | test_cmp - out
'

test_expect_success "a wrong one is refused, and was tried once on a host" '
	rules "Defaults logfile=$FLEET_DIR/sudo.log\n$user ALL=(ALL) ALL" &&
	expect_exit 1 typed wrong "$exec_sudo -w 127.1.0.1 id" && test_must_be_empty out &&
	grep "sudo refused: sudo: .*(is the password right" screen &&
	test "$(grep -c "incorrect password" "$FLEET_DIR/sudo.log")" = 1
'

# Children that leave: in a session of their own, twice forked, without the tag, deaf to TERM.
cat >"$FLEET_DIR/family" <<END
sh -c 'trap "" TERM HUP INT; echo \$\$ >$marks/deaf.\$\$; while :; do sleep 0.2; done' &
setsid sh -c 'echo \$\$ >$marks/setsid.\$\$; exec sleep 300' &
(sh -c 'echo \$\$ >$marks/twice.\$\$; exec sleep 300' &) &
env -i PATH="\$PATH" sh -c 'echo \$\$ >$marks/bare.\$\$; exec sleep 300' &
wait
END

none_alive() { for p in $(cat "$1"); do ! kill -0 "$p" 2>/dev/null || return 1; done; }

# family OPTION...: starts one on every host, in the background as $pid, until all are up.
family() {
	rm -f "$marks"/* && rules "$user ALL=(ALL) NOPASSWD: ALL" &&
	{ setsid -w perilune exec -F "$FLEET_SSH_CONFIG" --sudo -w "$all" "$@" "sh $FLEET_DIR/family" \
		</dev/null >out 2>err & pid=$!; } &&
	wait_for count_is 16 "$marks/*" && cat "$marks"/* >pids &&
	for p in $(cat pids); do test "$(stat -c %u "/proc/$p")" = 0 || return 1; done
}

test_expect_success "SIGKILL of perilune ends what runs as root" '
	family && main=$(pgrep -P $pid -x perilune || echo $pid) && kill -KILL $main &&
	{ wait $pid; wait_for none_alive pids; }
'

test_expect_success "so does a time limit" '
	family -u 4s && expect_exit 124 wait $pid && wait_for none_alive pids
'

test_expect_success "and without a supervisor, what keeps its tag" '
	rm -f "$marks"/* && rules "$user ALL=(ALL) NOPASSWD: ALL" &&
	expect_exit 124 x -w "$all" --no-supervisor -u 3s \
		"setsid sleep 300 & echo \$! >$marks/left.\$!; wait" &&
	cat "$marks"/left.* >pids && test_line_count = 4 pids && wait_for none_alive pids
'

test_done
