#!/bin/sh
# Half of the fleet dies during a run, again and again: each host has exactly one outcome, the
# killed are lost, the others finish as if nothing had been. PERILUNE_SOAK=1: 100 rounds.
test_description="half of the fleet dies during a run"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

rounds=3
[ -z "$PERILUNE_SOAK" ] || rounds=100
hosts=32
fleet_start $hosts || test_done
all="127.1.0.[1-$hosts]"
marks=$FLEET_DIR/marks

# Says which process of sshd carries its session, prints, waits for the end of the storm.
command="set -- \$SSH_CONNECTION
	echo before; echo \$PPID >$marks/new.\$3 && mv $marks/new.\$3 $marks/up.\$3
	while ! test -e $marks/go; do sleep 0.05; done; echo after"

# kill_half: ends the sessions of half of the hosts, chosen at random, and names them in `killed`.
kill_half() {
	ls "$marks" | sed -n 's/^up\.//p' | shuf | head -n $((hosts / 2)) | sort >killed &&
	ls "$marks" | sed -n 's/^up\.//p' | sort | comm -23 - killed >spared &&
	while read -r host; do
		session=$(cat "$marks/up.$host")
		grep -q "^sshd" "/proc/$session/comm" && kill -KILL "$session" || return 1
	done <killed
}

# with OUTCOME: the hosts of `out` that ended so, sorted; each is one object with this outcome.
with() { sed -n "s/^{\"host\":\"\([^\"]*\)\",\"outcome\":\"$1\".*/\1/p" out | sort; }

storm() {
	rm -rf "$marks" && mkdir "$marks" &&
	{ perilune exec --json --progress never -F "$FLEET_SSH_CONFIG" -w "$all" "$command" >out 2>err & pid=$!; } &&
	wait_for count_is $hosts "$marks/up.*" && kill_half &&
	wait_for lost_are $((hosts / 2)) && touch "$marks/go" && expect_exit 3 wait $pid &&
	with lost | test_cmp killed - && with ok | test_cmp spared - &&
	test_line_count = $((hosts + 1)) out &&
	test "$(grep -c "\"stdout\":\"before.nafter.n\"" out)" = $((hosts / 2)) &&
	test "$(grep -c "\"lost\",.*\"stdout\":\"before.n\"" out)" = $((hosts / 2)) &&
	tail -n 1 out | grep "{\"tasks\":$hosts,\"ok\":$((hosts / 2)),.*\"lost\":$((hosts / 2)),\"canceled\":0}" &&
	grep "^perilune: exec: $hosts hosts: $((hosts / 2)) ok, $((hosts / 2)) lost (" err
}
lost_are() { test "$(with lost | wc -l)" = "$1"; }

test_expect_success "$rounds rounds with --json: $hosts hosts, half of them killed" '
	for round in $(seq $rounds); do
		storm || { echo "round $round"; return 1; }
	done
'

test_expect_success "the summary names the lost, folded, and what to think of it" '
	sed 1d err >reasons && cat reasons &&
	grep "^  lost (" reasons && test "$(wc -l <reasons)" -le 3
'

test_expect_success "with -b the output of before is kept, of the lost too" '
	rm -rf "$marks" && mkdir "$marks" &&
	{ perilune exec -b -F "$FLEET_SSH_CONFIG" -w "$all" "$command" >out 2>err & pid=$!; } &&
	wait_for count_is $hosts "$marks/up.*" && kill_half && touch "$marks/go" &&
	expect_exit 3 wait $pid && grep "^before$" out && grep "^after$" out
'

is_gone() { ! grep -qs "^sshd" "/proc/$1/comm"; }

test_expect_success "the sshd itself dies: hosts that were to come are unreachable, none is lost twice" '
	rm -rf "$marks" && mkdir "$marks" &&
	{ perilune exec --json -f 8 -F "$FLEET_SSH_CONFIG" -w "$all" "$command" >out 2>err & pid=$!; } &&
	wait_for count_is 8 "$marks/up.*" && listener=$(cat "$FLEET_DIR/sshd.pid") &&
	kill "$listener" && wait_for is_gone "$listener" && touch "$marks/go" &&
	expect_exit 3 wait $pid && test_line_count = $((hosts + 1)) out &&
	tail -n 1 out | grep "{\"tasks\":$hosts,\"ok\":8,.*\"unreachable\":24," &&
	grep "^  unreachable (connect: .*): 127.1.0.\[9-32\]$" err
'

test_done
