#!/bin/sh
# warm.sh   What a further command on a warm session costs the client: a recipe that runs 11 commands
# on 200 hosts of a private loopback fleet against one that runs 1, best of three alternating runs
# of each. PERILUNE_MARK names the bare mark to measure against, as in fanout.sh.
set -eu
: "${PERILUNE_BUILDDIR:?run it with make bench}"
src=${PERILUNE_SRCDIR:?}
perilune=$PERILUNE_BUILDDIR/perilune cost=$PERILUNE_BUILDDIR/t/bench/cost
n=${BENCH_HOSTS:-200} rounds=${BENCH_ROUNDS:-3}
dir=$(mktemp -d)
trap '"$src/scripts/dev/fleet" stop "$dir/fleet" >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export HOME="$dir" XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/config"
"$src/scripts/dev/fleet" start "$dir/fleet" "$n" >/dev/null
. "$dir/fleet/env"

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

run_perilune() {
	"$cost" "$perilune" run -f 64 -F "$FLEET_SSH_CONFIG" -w "^$FLEET_HOSTS" "$dir/commands.lua" \
		--times "$1"
}
run_mark() {
	FLEET_HOSTKEY=$FLEET_DIR/host_ed25519.pub "$cost" "$PERILUNE_MARK" -f "$FLEET_HOSTS" -n "$n" -w 64 \
		-p "$FLEET_PORT" -i "$FLEET_DIR/id_ed25519" -a 1 -k curve25519-sha256 -e aes128-ctr \
		-m hmac-sha2-256 -c hostname -r "$1"
}

clients=perilune
[ -z "${PERILUNE_MARK-}" ] || clients="$clients mark"
round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	for client in $clients; do
		for times in 1 11; do
			echo "$client $times $(run_"$client" $times 2>>"$dir/stderr")"
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
