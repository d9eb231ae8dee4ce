#!/bin/sh
# From a name to an address: name servers that are silent, names with several addresses, IPv6, and
# the interface that a connection goes out by.
test_description="names and addresses"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh

bed_start

x() { timeout 60 perilune exec -F "$BED_CONFIG" --progress never "$@"; }
# within MS COMMAND...: it took no longer than that. getaddrinfo itself would give up after 10 s.
within() {
	within_ms=$1 within_began=$(date +%s%3N)
	shift
	"$@"
	within_status=$?
	within_took=$(($(date +%s%3N) - within_began))
	echo "took $within_took ms"
	[ $within_took -le $within_ms ] && return $within_status
}

test_expect_success "a bed with a name server and IPv6" '
	hosts_up 1 2 && dns_on 1 && wait_for timeout 1 getent ahosts good &&
	ip -6 addr add fd98::ff/64 dev br0 nodad && ip -6 addr add fd98::fe/64 dev br0 nodad &&
	for i in 1 2; do ip -n h$i -6 addr add fd98::$i/64 dev eth0 nodad || return 1; done &&
	cat >>"$BED_CONFIG" <<-END
		Host good* two* silent* fd98* fe80* six* ours*
		  HostKeyAlias h1
		  User root
		  IdentityFile $BED/id
		  IdentitiesOnly yes
		  IdentityAgent none
		  UserKnownHostsFile $BED/known_hosts
		  GlobalKnownHostsFile /dev/null
		Host six
		  HostName fd98::2
		Host ours
		  HostName fd98::2
		  BindAddress fd98::fe
	END
'

test_expect_success "names of which the server says nothing keep no other waiting, nor the end" '
	expect_exit 3 within 5000 x -t 2s --json -w "silent[1-20],good[1-3]" "echo here" >out 2>err
	status=$?; cat err; tail -n 4 out
	test $status = 0 && test "$(grep -c "\"outcome\":\"ok\"" out)" = 3 &&
	test "$(grep -c "\"outcome\":\"unreachable\",\"phase\":\"resolve\"" out)" = 20
'

test_expect_success "a hundred of them do not either" '
	expect_exit 3 within 6000 x -f 200 -t 3s --json -w "silent[1-100],good[1-3]" "echo here" >out 2>err
	status=$?; cat err; tail -n 4 out
	test $status = 0 && test "$(grep -c "\"outcome\":\"ok\"" out)" = 3
'

test_expect_success "a name whose first address is dead is reached by its second" '
	x -t 4s -w two "echo \${SSH_CONNECTION% *}" >out && grep " 10.98.0.2$" out
'

test_expect_success "an IPv6 address is a HostName" '
	x -w six "echo \${SSH_CONNECTION% *}" >out && grep "^six: fd98::f[ef] [0-9]* fd98::2$" out
'

test_expect_success "an IPv6 address is a host" '
	perilune hosts -e "fd98::1 fd98::2" >out && printf "fd98::1\nfd98::2\n" | test_cmp - out &&
	x -w "fd98::1,fd98::2" "echo \${SSH_CONNECTION% *}" >out && sort out | sed "s/ .* / /" >sorted &&
	printf "fd98::%s: fd98::%s\n" 1 1 2 2 | test_cmp - sorted
'

test_expect_success "and one of the link, with the interface" '
	link=$(ip -n h1 -6 addr show dev eth0 scope link | sed -n "s/.*inet6 \(fe80[^/]*\).*/\1/p") &&
	wait_for x -t 1s -w "$link%br0" true &&
	x -w "$link%br0" "hostname" >out && echo "$link%br0: h1" | test_cmp - out
'

test_expect_success "what is no part of a name is refused, and told where it belongs" '
	expect_exit 2 x -w "[fd98::1]:22" true 2>err && cat err &&
	grep "an IPv6 address is written without brackets: fd98::1; its port.*ssh configuration" err &&
	expect_exit 2 x -w "[fe80::1%br0]" true 2>err && grep "without brackets: fe80::1%br0; " err &&
	expect_exit 3 x -w "h9:2222" true 2>err && grep "(a port is no part of it: use Port" err &&
	expect_exit 3 x -w "root@h9" true 2>err && grep "(a user is no part of it: use -l" err
'

test_expect_success "BindAddress is where connections come from" '
	x -w ours "echo \${SSH_CONNECTION%% *}" >out && echo "ours: fd98::fe" | test_cmp - out
'

test_expect_success "BindInterface gives its address" '
	ip link add d0 type bridge && ip addr add 10.98.255.1/32 dev d0 && ip link set d0 up &&
	x -w h1 "echo \${SSH_CONNECTION%% *}" >before && echo "h1: 10.98.255.254" | test_cmp - before &&
	{ echo "BindInterface d0"; cat "$BED_CONFIG"; } >bound &&
	timeout 60 perilune exec -F bound -w h1 "echo \${SSH_CONNECTION%% *}" >out &&
	echo "h1: 10.98.255.1" | test_cmp - out
'

test_done
