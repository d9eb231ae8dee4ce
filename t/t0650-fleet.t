#!/bin/sh
# scripts/dev/fleet: many SSH hosts on one machine, and nothing left of them afterwards.
test_description="scripts/dev/fleet"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen ssh

dir=$(mktemp -d)/fleet
stop_all() {
	fleet stop "$dir"
	fleet stop "$dir.2"
	rm -rf "${dir%/*}"
}
trap 'status=$?; stop_all; (exit $status); die' EXIT

# ---- misuse ----

test_expect_success "wrong arguments say how it is called, and start nothing" '
	for words in "" start "start $dir" "start $dir many" "start $dir 3x" "begin $dir 4" "stop"; do
		expect_exit 2 fleet $words 2>err && grep "^fleet start DIR N \[PORT\]" err || return 1
	done &&
	expect_exit 1 fleet start "$dir" 0 2>err && grep "^fleet: N is 1 to 10000, not 0$" err &&
	expect_exit 1 fleet start "$dir" 10001 2>err && test ! -e "$dir"
'

test_expect_success "a port that is no port" '
	for port in x 0 70000; do
		expect_exit 1 fleet start "$dir" 2 $port 2>err && grep "^fleet: " err || return 1
	done && ! test -e "$dir/sshd.pid"
'

test_expect_success "no fleet is no fleet: status 1, and stop has nothing to do" '
	expect_exit 1 fleet status "$dir" >out && grep "^no fleet runs in " out && fleet stop "$dir"
'

# ---- use ----

test_expect_success "start prints what is to be sourced, and the hosts are there" '
	fleet start "$dir" 300 >out && test_cmp "$dir/env" out && . "$dir/env" && test "$FLEET_N" = 300 &&
	test "$(wc -l <"$FLEET_HOSTS")" = 300 && test "$(sort -u "$FLEET_HOSTS" | wc -l)" = 300 &&
	for host in $(sed -n "1p;\$p" "$FLEET_HOSTS"); do
		test "$(ssh -F "$FLEET_SSH_CONFIG" -n $host "set -- \$SSH_CONNECTION; echo \$3")" = $host || return 1
	done
'

test_expect_success "status says what runs" '
	fleet status "$dir" >out && grep "^sshd [0-9]*, port $FLEET_PORT, 300 hosts$" out
'

test_expect_success "one fleet a folder, and it goes on" '
	expect_exit 1 fleet start "$dir" 2 2>err && grep "is running: stop it first" err &&
	fleet status "$dir"
'

test_expect_success "another one takes another port; a port that is taken is said to be" '
	expect_exit 1 fleet start "$dir.2" 2 "$FLEET_PORT" 2>err && grep "port $FLEET_PORT" err &&
	fleet start "$dir.2" 2 >env.2 && ! grep "FLEET_PORT=$FLEET_PORT$" env.2 && fleet stop "$dir.2"
'

test_expect_success "keys and folder are for nobody else" '
	test "$(stat -c %a "$dir")" = 700 && test "$(stat -c %a "$dir/id_ed25519")" = 600
'

test_expect_success "stop leaves no process and no open port" '
	pid=$(cat "$dir/sshd.pid") && fleet stop "$dir" && ! grep -qs . "/proc/$pid/cmdline" &&
	expect_exit 1 fleet status "$dir" && ! grep "$(printf ":%04X 00000000:0000 0A" "$FLEET_PORT")" /proc/net/tcp
'

test_expect_success "a pid of somebody else in its file is left alone" '
	sleep 100 & other=$! && echo $other >"$dir/sshd.pid" && fleet stop "$dir" &&
	expect_exit 1 fleet status "$dir" && kill $other
'

test_expect_success "it starts again in the same folder, with the same keys" '
	cksum "$dir/id_ed25519" >before && fleet start "$dir" 3 >out &&
	cksum "$dir/id_ed25519" | test_cmp before - && fleet stop "$dir"
'

test_done
