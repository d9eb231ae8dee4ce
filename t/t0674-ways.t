#!/bin/sh
# The way to a host as its configuration has it: the address that a connection comes from, and what
# goes by the system's ssh because we cannot do it ourselves.
test_description="ways to a host"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen ssh ssh-agent
fleet_start 4 || test_done

# x LINES ARGUMENT...: exec with these lines before the fleet's configuration.
x() {
	{ printf '%b\n' "$1"; cat "$FLEET_SSH_CONFIG"; } >config
	shift
	perilune exec -F config "$@"
}

test_expect_success "BindAddress is where connections come from" '
	x "BindAddress 127.9.9.9" -w "127.1.0.[1-2]" "echo \${SSH_CONNECTION%% *}" >out &&
	sort out >sorted && printf "127.1.0.%s: 127.9.9.9\n" 1 2 | test_cmp - sorted
'

test_expect_success "an address that is not ours is told" '
	expect_exit 3 x "BindAddress 192.0.2.1" -w 127.1.0.1 true 2>err &&
	grep "connect: cannot connect from its BindAddress 192.0.2.1: " err &&
	expect_exit 3 x "BindAddress ::1" -w 127.1.0.1 true 2>err &&
	grep "BindAddress ::1: it is of another kind" err &&
	expect_exit 3 x "BindInterface nosuch0" -w 127.1.0.1 true 2>err &&
	grep "BindInterface nosuch0: it has no IPv4 address" err
'

test_expect_success "a name for an address goes by the system" '
	x "BindAddress localhost\nAddressFamily inet" -w 127.1.0.1 "echo \${SSH_CONNECTION%% *}" >out 2>err &&
	echo "127.1.0.1: 127.0.0.1" | test_cmp - out &&
	test "$(grep -c "by the system.s ssh: its configuration has a name for a BindAddress" err)" = 1
'

test_expect_success "where no key is accepted, ssh tries what it can do without, and that is told" '
	ssh-keygen -q -t ed25519 -N "" -f "$FLEET_DIR/other" &&
	sed "s,^\( *IdentityFile\).*,\1 $FLEET_DIR/other," "$FLEET_SSH_CONFIG" >refused &&
	expect_exit 3 perilune exec -F refused -w 127.1.0.1 true 2>err && ! grep "system" err &&
	for what in GSSAPIAuthentication HostbasedAuthentication; do
		{ echo "$what yes"; cat refused; } >config &&
		expect_exit 3 perilune exec -F config -w "127.1.0.[1-3]" true 2>err || return 1
		cat err
		test "$(grep -c "by the system.s ssh: " err)" = 1 || return 1
		grep "  auth (.*): 127.1.0.\[1-3\]" err || return 1
	done
'

test_expect_success "a key that is accepted needs none of it" '
	x "GSSAPIAuthentication yes\nHostbasedAuthentication yes" -w 127.1.0.1 "echo in" >out 2>err &&
	echo "127.1.0.1: in" | test_cmp - out && ! grep "system" err
'

test_expect_success "an agent goes along where that is asked for, and nowhere else" '
	eval "$(ssh-agent)" >/dev/null && agent=$SSH_AGENT_PID && ssh-add -q "$FLEET_DIR/id_ed25519" &&
	x "Host *.1\nForwardAgent yes\nIdentityAgent SSH_AUTH_SOCK\nHost *" -w "127.1.0.[1-2]" \
		"test -S \"\$SSH_AUTH_SOCK\" && ssh-add -l | cut -d\" \" -f1 || echo none" >out 2>err
	status=$?; kill $agent; unset SSH_AUTH_SOCK
	cat out err
	test $status = 0 && sort out >sorted && printf "127.1.0.1: 256\n127.1.0.2: none\n" | test_cmp - sorted &&
	test "$(grep -c "^perilune: exec: 127.1.0.1 goes by the system.s ssh: its configuration asks for ForwardAgent" err)" = 1
'

test_expect_success "a jump host needs no agent: who lets it have one is not sent another way for it" '
	eval "$(ssh-agent)" >/dev/null && agent=$SSH_AGENT_PID && ssh-add -q "$FLEET_DIR/id_ed25519" &&
	x "Host *.4\nForwardAgent yes\nIdentityAgent SSH_AUTH_SOCK\nHost *.3\nProxyJump 127.1.0.4\nHost *" \
		-w 127.1.0.3 "echo in" >out 2>err
	status=$?; kill $agent; unset SSH_AUTH_SOCK
	test $status = 0 && echo "127.1.0.3: in" | test_cmp - out && ! grep "system" err
'

test_done
