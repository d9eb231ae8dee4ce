#!/bin/sh
# doctor: what is wrong here and on the fleet, one line each, with what to do.
test_description="doctor"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

# says LEVEL TOPIC TEXT: there is such a line in out.
says() { grep "^$1 *$2 .*$3" out || { cat out; return 1; }; }
mkdir -p "$HOME/.ssh" && chmod 700 "$HOME/.ssh"

test_expect_success "this machine: versions, ssh, descriptors, no problem" '
	perilune doctor >out 2>err && says ok versions "libssh2 1" && says ok ssh OpenSSH &&
	says "[a-z]*" descriptors "sessions kept" && ! grep "^problem" out && test_must_be_empty err
'

test_expect_success "keys: permissions, kind, passphrase; -q leaves out what is well" '
	ssh-keygen -q -t ed25519 -N "" -f "$HOME/.ssh/id_ed25519" &&
	ssh-keygen -q -t ecdsa -N secret -f "$HOME/.ssh/id_ecdsa" &&
	perilune doctor >out && says ok key "id_ed25519 (ed25519)" &&
	says advice key "id_ecdsa has a passphrase.*-> .*ssh-add" &&
	chmod 644 "$HOME/.ssh/id_ed25519" && expect_exit 1 perilune doctor -q >out &&
	says problem key "others can read .*id_ed25519.*-> chmod 600" && ! grep "^ok" out &&
	chmod 600 "$HOME/.ssh/id_ed25519"
'

test_expect_success "an agent that is not there" '
	SSH_AUTH_SOCK="$(pwd)/nowhere" && export SSH_AUTH_SOCK &&
	expect_exit 1 perilune doctor >out && says problem agent "nobody answers"
'
unset SSH_AUTH_SOCK

test_expect_success "known_hosts: many hashed lines, writable by others" '
	i=0 && while [ $i -lt 300 ]; do echo "|1|aaaa|bbbb ssh-ed25519 AAAA"; i=$((i + 1)); done \
		>"$HOME/.ssh/known_hosts" &&
	perilune doctor >out && says advice known_hosts "300 lines, 300 of them hashed" &&
	chmod 666 "$HOME/.ssh/known_hosts" && expect_exit 1 perilune doctor >out &&
	says problem known_hosts "others can write" && rm "$HOME/.ssh/known_hosts"
'

test_expect_success "configuration that does not parse, state that others can see" '
	mkdir -p "$XDG_CONFIG_HOME/perilune" "$XDG_STATE_HOME/perilune" &&
	echo "return {" >"$XDG_CONFIG_HOME/perilune/config.lua" && chmod 755 "$XDG_STATE_HOME/perilune" &&
	expect_exit 1 perilune doctor >out && says problem configuration "config.lua:" &&
	says problem state "mode 755" && chmod 700 "$XDG_STATE_HOME/perilune" &&
	echo "return { fanout = 7 }" >"$XDG_CONFIG_HOME/perilune/config.lua" &&
	perilune doctor >out && says ok configuration &&
	rm "$XDG_CONFIG_HOME/perilune/config.lua"
'

test_expect_success "--json: an object for each finding" '
	perilune doctor --json >out && grep "^{" out | grep "\"level\":\"ok\"" | grep "\"topic\":\"versions\""
'

test_expect_success "--supervisor prints the program that runs on hosts, and its checksum" '
	perilune doctor --supervisor >text 2>err && test -s text &&
	sum=$(head -c -1 text | sha256sum | cut -d" " -f1) && grep "$sum" err
'

test_expect_success "what makes no sense is told" '
	expect_exit 2 perilune doctor node1 2>err && grep "named with -w: .node1." err
'

fleet_start 4 || test_done

test_expect_success "a fleet: who answers, how long it takes, what is there" '
	perilune doctor -F "$FLEET_SSH_CONFIG" -w "127.1.0.[1-4]" >out 2>err &&
	says ok reach "4 of 4 hosts answer" && says ok time "a visit takes .*slowest: .* 127.1.0" &&
	says ok "login shell" "[a-z]" && says ok system "$(uname -s)" && says ok clock "of ours" &&
	! grep "^problem" out
'

doctor_of_fleet() { perilune doctor -F "$FLEET_SSH_CONFIG" -w "127.1.0.[1-2]" >out 2>err; }
no_ssh_left() { ! pgrep -f "ssh -F $FLEET_SSH_CONFIG"; }
# rule TEXT: what sshd_config says of sessions and subsystems.
rule() {
	sed "/^MaxSessions/d; /^Subsystem/d" "$FLEET_DIR/sshd_config" >rules && printf "%b\n" "$1" >>rules &&
	cat rules >"$FLEET_DIR/sshd_config" && rm "$FLEET_DIR/sshd.pid" &&
	pid=$(pgrep -f "sshd -f $FLEET_DIR/sshd_config|sshd: .*$FLEET_DIR/sshd_config" | head -n 1) &&
	kill -HUP "$pid" && wait_for test -s "$FLEET_DIR/sshd.pid"
}

test_expect_success "how many sessions a connection carries, and whether sftp answers" '
	rule "MaxSessions 3" && doctor_of_fleet &&
	says advice sessions "carries 3 sessions: 127.1.0.\[1-2\] -> MaxSessions 10" &&
	says advice sftp "does not answer: 127.1.0.\[1-2\] -> Subsystem" &&
	rule "MaxSessions 10\nSubsystem sftp internal-sftp" && doctor_of_fleet &&
	says ok sessions "carries 10 sessions: " && says ok sftp "answers: 127.1.0.\[1-2\]" &&
	rule "MaxSessions 40" && doctor_of_fleet && says ok sessions "carries more than 10 sessions" &&
	wait_for no_ssh_left
'

test_expect_success "hosts that cannot be reached: folded, exit 3" '
	{ printf "Host 127.2.*\n  HostName 127.0.0.1\n  Port 1\n" && cat "$FLEET_SSH_CONFIG"; } >config &&
	sed -i "s/^Host 127.1.\*/Host */" config &&
	expect_exit 3 perilune doctor -F config -w "127.1.0.1,127.2.0.[1-3]" >out 2>err &&
	says problem reach "unreachable (connect: .*refused.*): 127.2.0.\[1-3\]" &&
	says ok reach "1 of 4 hosts answer"
'

test_done
