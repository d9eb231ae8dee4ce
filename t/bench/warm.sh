#!/bin/sh
# warm.sh   What a further command on a warm session costs the client: a recipe that runs 11 commands
# on 200 hosts of a private loopback fleet against one that runs 1, best of three alternating runs
# of each. PERILUNE_MARK names the bare mark to measure against, as in fanout.sh.
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"
n=${BENCH_HOSTS:-200}
bench_fleet_start "$n"

cat >"$dir/commands.lua" <<'LUA'
local pl = require "perilune"
return pl.recipe {
  name = "commands", summary = "The same command so many times.",
  options = { times = { type = "int", default = 1, help = "how often" } },
  run = function(t, o)
    for _ = 1, o.times do t.hosts:exec("hostname"):must() end
  end,
}
LUA

repeat_perilune() {
	"$cost" "$perilune" run -f 64 -F "$FLEET_SSH_CONFIG" -w "^$FLEET_HOSTS" "$dir/commands.lua" \
		--times "$1"
}
repeat_mark() { run_mark -r "$1"; }

clients=perilune
[ -z "${PERILUNE_MARK-}" ] || clients="$clients mark"
round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	for client in $clients; do
		for times in 1 11; do
			echo "$client $times $(repeat_"$client" $times 2>>"$dir/stderr")"
		done
	done
done | awk -v n="$n" '
	$6 != 0 { failed[$1]++ }
	!(($1, $2) in best) || $3 < best[$1, $2] { best[$1, $2] = $3 }
	{ if (!seen[$1]++) order[++k] = $1 }
	END {
		printf "%-10s %14s %14s %20s\n", "client", "first ms/host", "further ms/host", "times perilune"
		for (i = 1; i <= k; i++) {
			c = order[i]
			further = (best[c, 11] - best[c, 1]) / 10 / n
			if (c == "perilune") ours = further
			printf "%-10s %14.3f %14.3f %20.2f%s\n", c, best[c, 1] / n, further, further / ours, \
				failed[c] ? "  (" failed[c] " runs failed)" : ""
		}
	}'
