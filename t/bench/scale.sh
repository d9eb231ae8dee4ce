#!/bin/sh
# scale.sh   What many hosts cost the client in memory: a sweep over all of them in one invocation,
# and so many sessions held idle by one process. On one machine the other side is the larger one:
# an idle session costs sshd near 2 MB, a visit 30 ms of CPU.
#
# BENCH_HOSTS (1,000; the marks are for 10,000) and BENCH_IDLE (1,000; the mark is for 5,000).
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"
n=${BENCH_HOSTS:-1000}
idle=${BENCH_IDLE:-1000}
[ "$n" -ge "$idle" ] || n=$idle
bench_fleet_start "$n"

# each answers with its own address
sweep() {
	# cost gives its program no standard output
	ANSWERS=$dir/answers "$cost" sh -c 'exec "$0" "$@" >"$ANSWERS"' "$perilune" exec -f 96 \
		-F "$FLEET_SSH_CONFIG" -w "^$FLEET_HOSTS" \
		'set -- $SSH_CONNECTION; echo $3' 2>"$dir/errors"
}

# The size in kB of a recipe that holds k sessions, given by itself when all are idle.
held_kb() {
	head -n "$1" "$FLEET_HOSTS" >"$dir/held"
	"$perilune" run -f 96 -F "$FLEET_SSH_CONFIG" -w "^$dir/held" \
		"$dir/hold.lua" 2>&1 | sed -n 's/.*resident \([0-9]*\).*/\1/p' | head -n 1
}
cat >"$dir/hold.lua" <<'LUA'
local pl = require "perilune"
return pl.recipe {
  name = "hold", summary = "How large this program is with a session to every host.",
  run = function(t)
    t.hosts:exec("true"):must()
    t:note("resident %s", t:read("/proc/self/status"):match("VmRSS:%s*(%d+)"))
  end,
}
LUA

sweep >"$dir/cost"
read -r cpu wall peak status <"$dir/cost"
wrong=$(awk '$1 != $2 ":"' "$dir/answers" | wc -l)
answers=$(sort -u "$dir/answers" | wc -l)
printf 'sweep: %s hosts, %s answers (%s wrong), exit %s, %.3f ms CPU a host, %.1f MB, %.0f s\n' \
	"$n" "$answers" "$wrong" "$status" "$(echo "$cpu $n" | awk '{ print $1 / $2 }')" \
	"$(echo "$peak" | awk '{ print $1 / 1024 }')" "$(echo "$wall" | awk '{ print $1 / 1000 }')"

one=$(held_kb 1) all=$(held_kb "$idle")
printf 'idle: %s sessions held, %.1f MB, %.1f kB each\n' "$idle" \
	"$(echo "$all" | awk '{ print $1 / 1024 }')" \
	"$(echo "$one $all $idle" | awk '{ print ($2 - $1) / ($3 - 1) }')"
