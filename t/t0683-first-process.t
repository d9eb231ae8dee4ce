#!/bin/sh
# Hosts on which sshd is the first process, as in many containers: what has lost its parent there is
# a child of sshd, and yet of no session.
test_description="sshd as the first process"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh

bed_start
s() { timeout 20 ssh -F "$BED_CONFIG" h1 "$@"; }

test_expect_success "a host, and a command on it" '
	hosts_up 1 1 && s "cat /proc/1/comm" >first && echo sshd | test_cmp - first &&
	perilune doctor --supervisor >"$BED/text" 2>/dev/null && grep -q PERILUNE_TASK "$BED/text" &&
	{ perilune exec -F "$BED_CONFIG" -w h1 "touch $BED/up; until test -e $BED/go; do sleep 0.1; done; echo done" \
		>out 2>err & pid=$!; } &&
	wait_for test -e "$BED/up"
'

# A supervisor that comes when its sshd has gone: at once it finds the end of its input.
cat >"$BED/late" <<'END'
echo $$ >/run/bed/late.pid
until read -r stat </proc/$$/stat && set -- ${stat##*) } && [ $2 = 1 ]; do sleep 0.02; done
exec sh -c "$(cat /run/bed/text)" perilune 0123456789abcdef
END

test_expect_success "a supervisor that comes late ends nothing of other sessions" '
	s "setsid -f sh $BED/late </dev/null >/dev/null 2>&1" && wait_for test -s "$BED/late.pid" &&
	wait_for s "! test -d /proc/$(cat "$BED/late.pid")" && touch "$BED/go" && wait $pid
	status=$?; cat err; test $status = 0 && echo "h1: done" | test_cmp - out
'

test_expect_success "one machine under many names serves all of them" '
	for i in $(seq 11 30); do echo "10.98.0.2 h$i"; done >>"$BED/hosts" &&
	perilune exec -F "$BED_CONFIG" -w "h[11-30]" "echo here" >out 2>err
	status=$?; cat err; test $status = 0 && test_line_count = 20 out
'

# Those whose parents are gone are children of sshd there, whoever they belong to.
# Another test may reap on this machine at the same time: nobody else has these.
other=20261122-093012-$(od -An -N3 -tx1 /dev/urandom | tr -d " \n")
ours=20261122-093013-$(od -An -N3 -tx1 /dev/urandom | tr -d " \n")
gone() { s "! test -e /proc/$(cat "$1")"; }
leave() {
	s "PERILUNE_TASK=$1 setsid -f sh -c \"trap : TERM; echo \\\$\\\$ >$BED/$2.part; \
		mv $BED/$2.part $BED/$2; while :; do sleep 0.1; done\" </dev/null >/dev/null 2>&1" &&
	wait_for test -s "$BED/$2" && wait_for s "grep -qx \"PPid:.1\" /proc/$(cat "$BED/$2")/status"
}

test_expect_success "reap ends what the run has left there, and nothing else of the same parent" '
	rm -f "$BED/up" "$BED/go" && leave $ours-1.h1.0.1 deaf && leave $other-1.h1.0.1 foreign &&
	leave "$ours-1.h1.1.1 PERILUNE_DETACH=1" detached &&
	{ perilune exec -F "$BED_CONFIG" -w h1 \
		"touch $BED/up; until test -e $BED/go; do sleep 0.1; done; echo done" >out 2>err & pid=$!; } &&
	wait_for test -e "$BED/up" && perilune reap -F "$BED_CONFIG" -w h1 --dry-run $ours >found &&
	grep "found sh -c.*$(cat "$BED/deaf")" found && ! grep "$(cat "$BED/foreign")" found &&
	perilune reap -F "$BED_CONFIG" -w h1 --grace 300ms $ours >found && gone "$BED/deaf" &&
	grep "ended sh -c.*$(cat "$BED/deaf")" found && grep "left alone.*$(cat "$BED/detached")" found &&
	s "kill -0 $(cat "$BED/foreign") $(cat "$BED/detached") && kill -KILL $(cat "$BED/detached")" &&
	touch "$BED/go" && wait $pid && echo "h1: done" | test_cmp - out
'

test_expect_success "so does what ends a command without a supervisor" '
	rm -f "$BED/up" "$BED/go" && {
		perilune exec -F "$BED_CONFIG" -w h1 --no-supervisor \
			"touch $BED/up; until test -e $BED/go; do sleep 0.1; done; echo done" >out 2>err & pid=$!
	} && wait_for test -e "$BED/up" &&
	{ perilune exec -F "$BED_CONFIG" -w h1 --no-supervisor \
		"setsid -f sh -c \"echo \\\$\\\$ >$BED/left; sleep 300; :\"; sleep 300" >/dev/null 2>&1 &
		ended=$!; } && wait_for test -s "$BED/left" && kill -INT $ended &&
	expect_exit 130 wait $ended && wait_for gone "$BED/left" && s "kill -0 $(cat "$BED/foreign")" &&
	touch "$BED/go" && wait $pid && echo "h1: done" | test_cmp - out
'

test_done
