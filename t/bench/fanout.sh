#!/bin/sh
# fanout.sh   What a fan-out costs the client, beside its peers, in one sitting: 500 hosts of a
# private loopback fleet, `hostname`, fanout 64, best of three alternating runs of each.
#
# Peers that are not installed are left out. PERILUNE_MARK names a program that takes the options
# of the bare libssh2 + libevent mark (-f -n -w -p -i -a -k -e -m -c -r) to measure against.
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"
n=${BENCH_HOSTS:-500}
bench_fleet_start "$n"

run_perilune() { "$cost" "$perilune" exec -q -f 64 -F "$FLEET_SSH_CONFIG" -w "^$FLEET_HOSTS" hostname; }
run_pdsh() {
	PDSH_SSH_ARGS_APPEND="-F $FLEET_SSH_CONFIG" "$cost" pdsh -R ssh -f 64 -w "^$FLEET_HOSTS" hostname
}
run_clush() {
	"$cost" clush -q -f 64 -o "-F $FLEET_SSH_CONFIG" --hostfile "$FLEET_HOSTS" hostname
}

clients=perilune
[ -z "${PERILUNE_MARK-}" ] || clients="$clients mark"
command -v pdsh >/dev/null && clients="$clients pdsh"
command -v clush >/dev/null && clients="$clients clush"

round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	for client in $clients; do
		echo "$client $(run_"$client" 2>>"$dir/stderr")"
	done
done | awk -v n="$n" '
	$5 != 0 { failed[$1]++ }
	!($1 in best) || $2 < best[$1] { best[$1] = $2; peak[$1] = $4 }
	{ if (!seen[$1]++) order[++k] = $1 }
	END {
		printf "%-10s %12s %10s %14s\n", "client", "CPU ms/host", "peak MB", "times perilune"
		for (i = 1; i <= k; i++) {
			c = order[i]
			printf "%-10s %12.3f %10.1f %14.2f%s\n", c, best[c] / n, peak[c] / 1024, \
				best[c] / best["perilune"], failed[c] ? "  (" failed[c] " runs failed)" : ""
		}
	}'
