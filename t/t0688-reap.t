#!/bin/sh
# reap: what a run left on its hosts is found by its record and ended; nothing else is.
test_description="reap"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen
[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && test_set_prereq BECOME_NOBODY

fleet_start 2 || test_done

# left RUN [NAME=VALUE]: leaves a process as a run does whose sessions are gone; its pid is $left.
left() {
	run=$1 && shift && rm -f up &&
	{ env "PERILUNE_TASK=$run-1.127.1.0.1.0.1" "$@" setsid sh -c \
		"trap '' TERM; echo \$\$ >up.part; mv up.part up; sleep 300; sleep 300" >/dev/null 2>&1 & } &&
	wait_for test -s up && left=$(cat up)
}
alive() { kill -0 "$1" 2>/dev/null; }
gone() { ! alive "$1"; }
id_of_last() { perilune runs list --json | head -n 1 | sed 's/.*"id": *"\([^"]*\)".*/\1/'; }

test_expect_success "without a run that is known there is a word about it" '
	expect_exit 2 perilune reap 2>err && grep "give the run" err &&
	expect_exit 2 perilune reap 2026 2>err && grep "no run begins with .2026." err &&
	expect_exit 2 perilune reap 20261122-093012-1f2e3d 2>err && grep "name its hosts with -w" err
'

test_expect_success "a dry run lists and ends nothing" '
	perilune exec -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 true && run=$(id_of_last) && left "$run" &&
	perilune reap --dry-run "$run" >out && alive $left &&
	grep "^127.1.0.1: found sh -c trap.*sleep 300 (pid .*$left.* old)" out &&
	kill -KILL -$left
'

test_expect_success "what the run left is ended, by its record alone, from anywhere" '
	left "20261122-093012-1f2e3d" && other=$left && run=$(id_of_last) &&
	perilune exec -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 true && run=$(id_of_last) && left "$run" &&
	(cd / && perilune reap --grace 300ms "$run") >out && gone $left && alive $other &&
	grep "^127.1.0.1: ended sh -c .*$left" out && grep "ended sleep 300" out
'

test_expect_success "one whose environment has the words of what is ended is none of the run" '
	{ env "BYSTANDER=sh -c trap sleep 300" sleep 300 & bystander=$!; } && left "$run" &&
	perilune reap --grace 300ms "$run" >out && gone $left && alive $bystander &&
	! grep "pid $bystander" out && kill $bystander
'

test_expect_success "it may be said again" '
	perilune reap "$run" >out && echo "127.1.0.1: nothing left" >expected && test_cmp expected out
'

test_expect_success "last is the last run that was no reaping" '
	perilune reap last >out && perilune runs list --json | head -n 1 | grep "\"$run\""
'

test_expect_success "a run of elsewhere is reaped where hosts are named" '
	perilune reap -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 --grace 300ms 20261122-093012-1f2e3d >out &&
	gone $other && grep "$other" out
'

test_expect_success "what was detached is left alone, unless asked for" '
	left "$run" PERILUNE_DETACH=1 && perilune reap --grace 300ms "$run" >out && alive $left &&
	grep "left alone, as it was detached: sh -c .*$left" out &&
	perilune reap --detached --grace 300ms "$run" && gone $left
'

test_expect_success BECOME_NOBODY "somebody else who carries the tag is left alone" '
	env PERILUNE_TASK="$run-1.h.0.1" setpriv --reuid 65534 sleep 300 & foreign=$! &&
	wait_for grep -q "^Uid:.65534" /proc/$foreign/status &&
	perilune reap --grace 300ms "$run" >out && alive $foreign && kill $foreign &&
	grep "nothing left" out
'

test_expect_success "a host that cannot be looked at is named, the others are reaped" '
	perilune exec -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 true && run=$(id_of_last) && left "$run" &&
	expect_exit 3 perilune reap -w "127.1.0.1,nosuchhost.invalid" --grace 300ms "$run" \
		>out 2>err && gone $left && grep "reap: unreachable .*nosuchhost.invalid" err
'

test_expect_success "a local run is reaped here" '
	perilune exec true && run=$(id_of_last) && left "$run" &&
	perilune reap --json --grace 300ms "$run" >out && gone $left &&
	grep "\"pid\": *$left" out && grep "\"state\": *\"ended\"" out
'

test_done
