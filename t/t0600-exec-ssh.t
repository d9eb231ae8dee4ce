#!/bin/sh
# exec over real SSH: every form of output, exit statuses, limits, and every way a host can fail.
test_description="exec over SSH"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

x() { perilune exec -F "$FLEET_SSH_CONFIG" --progress never "$@"; }

# valid_json FILE: every line is JSON by a reader that is not ours, where there is one.
valid_json() {
	if command -v jq >/dev/null; then
		jq -e . <"$1" >/dev/null
	elif command -v python3 >/dev/null; then
		python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' <"$1"
	else
		perilune _lua - <<-END
			local json = require "perilune.core.json"
			for line in io.lines "$1" do assert(json.decode(line)) end
		END
	fi
}

# In a command, the address of the host that it runs on: all of them are this machine.
here="\$(set -- \$SSH_CONNECTION; echo \$3)"

fleet_start 32 || test_done
all="127.1.0.[1-32]"
# commands of all hosts leave their marks here; a path without spaces
marks=$FLEET_DIR/marks
mkdir "$marks"

# ---- output ----

test_expect_success "lines carry the name of their host and come while commands go on" '
	(x -w "127.1.0.[1-4]" "echo up; while ! test -e $marks/go; do sleep 0.02; done; echo down" >out) &
	wait_for test_line_count = 4 out && sort out >early && touch $marks/go && wait $! &&
	printf "127.1.0.%s: up\n" 1 2 3 4 | test_cmp - early &&
	test_line_count = 8 out && test "$(grep -c ": down$" out)" = 4
'

test_expect_success "the command runs on the host that is named" '
	x -w "$all" "echo $here" >out && test_line_count = 32 out &&
	awk "\$1 != \$2 \":\" { exit 1 }" out
'

test_expect_success "-b folds equal output; names are sorted and folded" '
	x -b -w "$all" "case $here in *.7 | *.9) echo odd ;; *) echo even ;; esac" >out &&
	rule=--------------- &&
	{ echo $rule && echo "127.1.0.[1-6,8,10-32] (30)" && echo $rule && echo even &&
	  echo $rule && echo "127.1.0.[7,9] (2)" && echo $rule && echo odd; } >expected &&
	test_cmp expected out
'

test_expect_success "-N leaves the names out, and is for -b too" '
	x -N -w "127.1.0.[1-2]" "echo same" >out && printf "same\nsame\n" | test_cmp - out &&
	x -b -N -w "$all" "echo same" >out && echo same | test_cmp - out
'

test_expect_success "--json is JSON: bytes that are no text, quotes, both streams, a summary" '
	expect_exit 1 x --json -w "127.1.0.[1-3]" \
		"printf \"a\\\"\\\\\\\\\\\\t\\001\\n\"; printf \"\\377\" >&2; exit 3" >out 2>err &&
	test_line_count = 4 out && valid_json out &&
	test "$(grep -c "\"stderr_base64\":\"/w==\"" out)" = 3 &&
	test "$(grep -c "\"outcome\":\"exit\",\"code\":3" out)" = 3 &&
	tail -n 1 out | grep "\"tasks\":3,\"ok\":0,\"exit\":3"
'

test_expect_success "--outdir has the bytes of every host, and of no other" '
	x --outdir files -w "$all" "echo $here; printf \"\\0\\377x\" >&2" >out &&
	test_must_be_empty out && test "$(ls files | wc -l)" = 64 &&
	for i in 1 17 32; do
		echo 127.1.0.$i | cmp - files/127.1.0.$i.out || return 1
		printf "\\0\\377x" | cmp - files/127.1.0.$i.err || return 1
	done
'

test_expect_success "lines of both streams come once each" '
	x -w "$all" "for i in 1 2 3 4 5 6 7 8 9 10; do echo \$i; echo \$i >&2; done" >out 2>err &&
	test "$(sort -u out | wc -l)" = 320 && test "$(sort -u err | wc -l)" = 320 &&
	test_line_count = 320 out
'

# ---- exit status ----

test_expect_success "exit codes and signals are told apart, sorted by cause, hosts folded" '
	expect_exit 1 x -w "127.1.0.[1-12]" "case $here in
		*.1 | *.2 | *.3) exit 7 ;; *.4) exit 1 ;; *.5) kill -KILL \$\$ ;; esac" 2>err &&
	cat >expected <<-\END &&
	  exit 7: 127.1.0.[1-3]
	  exit 1: 127.1.0.4
	  signal KILL: 127.1.0.5
	END
	sed 1d err | test_cmp expected - &&
	grep "^perilune: exec: 12 hosts: 7 ok, 4 exit, 1 signal (" err
'

test_expect_success "-S is the largest remote status, 128 and the signal for a killed one" '
	expect_exit 9 x -q -S -w "127.1.0.[1-9]" "exit \$(echo $here | sed \"s/.*\\.//\")" 2>err &&
	test_must_be_empty err &&
	expect_exit 143 x -q -S -w "127.1.0.[1-2]" "kill -TERM \$\$" 2>err
'

test_expect_success "-S does not hide what is worse" '
	expect_exit 124 x -q -S -u 300ms -w "127.1.0.[1-2]" \
		"case $here in *.1) exit 9 ;; esac; exec sleep 60"
'

# ---- limits ----

test_expect_success "-u ends the command and what it started there" '
	expect_exit 124 x -u 500ms -w "127.1.0.[1-8]" \
		"echo \$PERILUNE_TASK >>$marks/tags.u; sleep 300 & sleep 300" 2>err &&
	test_line_count = 8 $marks/tags.u && nothing_left $marks/tags.u &&
	grep "^perilune: exec: 8 hosts: 8 timeout (" err &&
	grep "^  timeout (ran longer than 0.5 s): 127.1.0.\[1-8\]$" err
'

test_expect_success "a command that ignores to be ended is ended" '
	expect_exit 124 x -u 500ms -w 127.1.0.1 "trap \"\" TERM HUP INT
		echo \$PERILUNE_TASK >>$marks/tags.deaf; while :; do sleep 1; done" 2>err &&
	nothing_left $marks/tags.deaf
'

test_expect_success "-k cancels the rest, once each, those that run are ended there" '
	expect_exit 1 x -k -f 8 -w "$all" "echo \$PERILUNE_TASK >>$marks/tags.k
		case $here in *.3) exit 5 ;; esac; exec sleep 300" 2>err &&
	nothing_left $marks/tags.k &&
	grep "^perilune: exec: 32 hosts: 1 exit, 31 canceled (" err &&
	grep "^  exit 5: 127.1.0.3$" err &&
	grep "^  canceled (canceled before it started): 127.1.0.\[.*-32\]$" err
'

test_expect_success "--max-fail lets so many fail" '
	expect_exit 1 x --max-fail 3 -f 1 -w "$all" false 2>err &&
	grep " 4 exit, 28 canceled (" err &&
	expect_exit 1 x --max-fail 50% -w "127.1.0.[1-8]" "case $here in *.[1-4]) exit 1 ;; esac" 2>err &&
	grep " 4 ok, 4 exit (" err
'

test_expect_success "fewer descriptors than the fanout needs make it smaller" '
	(ulimit -n 50 && x -w "$all" "echo hi" >out 2>err) && test_line_count = 32 out &&
	grep "^perilune: exec: fanout is limited to 6 by the descriptors allowed" err
'

test_expect_success "output that cannot be written is said once" '
	if ! test -w /dev/full; then return 0; fi &&
	expect_exit 2 x -w 127.1.0.1 "echo hi" >/dev/full 2>err && test_line_count = 1 err &&
	grep "^perilune: exec: cannot write output: " err
'

# ---- which hosts ----

test_expect_success "WCOLL names the hosts, -x leaves some out" '
	WCOLL=$FLEET_HOSTS x -x "127.1.0.[1-30]" "echo hi" >out && sort out >sorted &&
	printf "127.1.0.%s: hi\n" 31 32 | test_cmp - sorted &&
	x -w "^$FLEET_HOSTS" -x "127.1.0.[2-32]" "echo hi" >out &&
	echo "127.1.0.1: hi" | test_cmp - out
'

# ---- the SSH configuration ----

# A sshd that is stopped: the kernel takes connections for it and nobody speaks.
silent=$FLEET_DIR.silent
silent_stop() {
	kill -CONT "$(cat "$silent/sshd.pid")" 2>/dev/null
	fleet stop "$silent"
	rm -rf "$silent"
}
fleet start "$silent" 1 >silent.env || test_done
silent_port=$(sed -n "s/FLEET_PORT=//p" silent.env) silent_pid=$(cat "$silent/sshd.pid")
trap 'status=$?; silent_stop; fleet_stop; (exit $status); die' EXIT
kill -STOP "$silent_pid"

test_expect_success "prepare a configuration of hosts that fail in every way" '
	ssh-keygen -q -t ed25519 -N "" -f $marks/other &&
	ssh-keygen -q -t ed25519 -N secret -f $marks/locked &&
	: >$marks/empty && awk "{ print \$1, \$2, k }" k="$(cut -d" " -f2 $marks/other.pub)" \
		"$FLEET_DIR/known_hosts" >$marks/changed &&
	sed -i "1i # a comment" $marks/changed &&
	cat >hosts.cfg <<-END
	# nobody listens on port 1
	Host down
	  HostName 127.2.0.1
	  Port 1
	Host silent
	  HostName 127.1.0.1
	  Port $silent_port
	  IdentityFile $silent/id_ed25519
	  UserKnownHostsFile $silent/known_hosts
	Host unknown
	  HostName 127.1.0.2
	  UserKnownHostsFile $marks/empty
	Host changed
	  HostName 127.1.0.3
	  UserKnownHostsFile $marks/changed
	Host nokey
	  HostName 127.1.0.4
	  IdentityFile $marks/nowhere
	Host refused
	  HostName 127.1.0.5
	  IdentityFile $marks/other
	Host locked
	  HostName 127.1.0.6
	  IdentityFile $marks/locked
	Host lost-name
	  HostName no-such-host.invalid
	Host good*
	  HostName 127.1.0.7
	Host *
	  Port $FLEET_PORT
	  User $(id -un)
	  IdentitiesOnly yes
	  IdentityFile $FLEET_DIR/id_ed25519
	  UserKnownHostsFile $FLEET_DIR/known_hosts
	  GlobalKnownHostsFile /dev/null
	  Compression yes
	  ControlMaster auto
	END
'

h() { perilune exec -F hosts.cfg -t 1s --progress never "$@"; }

test_expect_success "Host blocks give name, port, user, key and known hosts" '
	h -w "good[1-3]" "echo $here" >out 2>err && sort out >sorted &&
	printf "good%s: 127.1.0.7\n" 1 2 3 | test_cmp - sorted
'

test_expect_success "keywords that are not honoured are noted once, with file and line" '
	test_line_count = 2 err &&
	grep "^perilune: exec: hosts.cfg:[0-9]*: Compression is not honoured" err &&
	grep "^perilune: exec: hosts.cfg:[0-9]*: ControlMaster is not honoured" err
'

# fails STATUS HOST TEXT: with a good host beside it, HOST fails with TEXT in its reason and the
# good one is not touched by it.
fails() {
	expect_exit "$1" h -w "$2,good1" "echo hi" >out 2>err &&
	echo "good1: hi" | test_cmp - out &&
	grep "^perilune: exec: 2 hosts: 1 ok, 1 ${4:-unreachable} (" err &&
	grep "^  ${4:-unreachable} (.*$3.*): $2\$" err
}

test_expect_success "a host that is down" '
	fails 3 down "connect: .*refused.*; 127.2.0.1 port 1"
'

test_expect_success "and that is said while the others still run" '
	said="$(pwd)/said" &&
	look="i=0; until grep -q refused \"$said\"; do i=\$((i+1)); [ \$i -lt 600 ] || exit 9; sleep .05; done" &&
	expect_exit 3 h --progress auto -w "down,good1" "$look; echo seen" >out 2>"$said" &&
	echo "good1: seen" | test_cmp - out &&
	test "$(grep -c refused "$said")" -eq 2
'

test_expect_success "a host that takes the connection and says nothing" '
	fails 3 silent "banner: connected, but .* within 1 s; 127.1.0.1 port $silent_port"
'

test_expect_success "a name that nobody knows" '
	fails 3 lost-name "resolve: no address for its name: .*; no-such-host.invalid port "
'

test_expect_success "an unknown host key: which host, which file, what to do" '
	do="ssh-keyscan -p $FLEET_PORT HOST >>$marks/empty" &&
	fails 3 unknown "not in $marks/empty; .*$do; 127.1.0.2 port $FLEET_PORT shows SHA256:" hostkey
'

test_expect_success "what it says to do helps" '
	if ! command -v ssh-keyscan >/dev/null; then return 0; fi &&
	ssh-keyscan -p $FLEET_PORT 127.1.0.2 >>$marks/empty 2>/dev/null &&
	h -w unknown "echo hi" 2>err >out && echo "unknown: hi" | test_cmp - out && : >$marks/empty
'

test_expect_success "a changed host key: which host, which file, which line, what to do" '
	fails 3 changed "HOST KEY HAS CHANGED.*out of $marks/changed; 127.1.0.3 port $FLEET_PORT shows .* line 2" hostkey
'

test_expect_success "a key file that is not there" '
	sed "/IdentityFile .*id_ed25519/d" hosts.cfg >bare.cfg &&
	expect_exit 3 perilune exec -F bare.cfg -w nokey true 2>err &&
	grep "auth (cannot read key file $marks/nowhere: No such file" err
'

test_expect_success "a key that is not accepted, and one with a passphrase" '
	expect_exit 3 perilune exec -F bare.cfg -w refused true 2>err &&
	grep "auth (.*refused.*: $marks/other is not accepted; put its .pub into" err &&
	expect_exit 3 perilune exec -F bare.cfg -w locked true 2>err &&
	grep "auth (key file $marks/locked has a passphrase" err
'

test_expect_success "many with the same trouble are one line" '
	sed "s|known_hosts\$|nobody|" "$FLEET_SSH_CONFIG" >strange.cfg &&
	expect_exit 3 perilune exec -F strange.cfg -w "$all" true 2>err &&
	sed -n "/^perilune: exec: 32 hosts: /,\$p" err >summary &&
	test "$(grep -c "^  hostkey (" summary)" = 1 &&
	grep "^  hostkey (its host key is not in .*): 127.1.0.\[1-32\]$" summary
'

test_expect_success "all of them at once: each once, the others go on, the worst status wins" '
	expect_exit 3 h --json -w "good[1-9],down,silent,unknown,changed,lost-name" "exit 4" >out 2>err &&
	test_line_count = 15 out && valid_json out &&
	test "$(grep -c "\"outcome\":\"exit\"" out)" = 9 &&
	tail -n 1 out | grep "\"exit\":9,.*\"unreachable\":3,.*\"hostkey\":2,"
'

test_expect_success "a configuration that is wrong: file and line, exit 2, no traceback" '
	for text in Host "Port abc" "Prot 22"; do
		echo "$text" >wrong.cfg &&
		expect_exit 2 perilune exec -F wrong.cfg -w a true 2>err &&
		test_line_count = 1 err && grep "^perilune: exec: wrong.cfg:1: " err || return 1
	done &&
	expect_exit 2 perilune exec -F no.cfg -w a true 2>err && grep "no.cfg" err
'

test_expect_success "a keyword that only other hosts may ignore is refused as ssh refuses it" '
	printf "Host 127.1.0.2\n IgnoreUnknown Frob*\nHost *\n Frobnicate 1\n" >some.cfg &&
	cat "$FLEET_SSH_CONFIG" >>some.cfg &&
	expect_exit 255 ssh -G -F some.cfg 127.1.0.1 2>theirs && ssh -G -F some.cfg 127.1.0.2 >/dev/null &&
	expect_exit 3 perilune exec -F some.cfg -w "127.1.0.[1-2]" "echo up" >out 2>err && cat err &&
	echo "127.1.0.2: up" | test_cmp - out && grep "bad configuration option.*: 127.1.0.1$" err
'

test_expect_success "-l is the user" '
	expect_exit 3 x -l nobody -w 127.1.0.1 true 2>err && grep "login as nobody" err | grep refused
'

test_expect_success "--idle-timeout counts from the last byte, not from the start" '
	x -w 127.1.0.1 --idle-timeout 1500ms \
		"for i in 1 2 3 4 5 6 7; do echo \$i; sleep 0.3; done" >out && test_line_count = 7 out
'

test_expect_success "--retries tries again what never began" '
	expect_exit 3 h -t 200ms --retries 2 -w silent true 2>/dev/null &&
	h -t 200ms --retries 100 -w good1,silent \
		"case \"\$SSH_CONNECTION\" in
		*\" $silent_port\") ;; *) sleep 0.7; kill -CONT $silent_pid ;; esac; echo hi" >out 2>err &&
	grep "^silent: hi$" out && test_line_count = 2 out
'

test_done
