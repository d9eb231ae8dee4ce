#!/bin/sh
# hostlist.sh   What 100,000 names cost beside nodeset, in one sitting: CPU of the whole process,
# best of BENCH_ROUNDS alternating runs of each.
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"

# Every r1t01 .. r2000t50, mixed by a generator of our own: the same file everywhere.
awk 'BEGIN {
	n = 100000
	for (i = 0; i < n; i++) name[i] = sprintf("r%dt%02d", 1 + i % 2000, 1 + int(i / 2000))
	for (x = i = n; i > 1; i--) {
		x = (x * 16807) % 2147483647
		k = x % i; was = name[i - 1]; name[i - 1] = name[k]; name[k] = was
	}
	for (i = 0; i < n; i++) print name[i]
}' >"$dir/shuffled"

# nodeset reads names from standard input only
printf '#!/bin/sh\nexec nodeset -f <%s/shuffled\n' "$dir" >"$dir/nodeset-fold"
chmod +x "$dir/nodeset-fold"

# cpu CASE CLIENT: one line "CASE CLIENT CPU_MS WALL_MS PEAK_KB STATUS".
cpu() {
	case $1-$2 in
	count-perilune) set -- "$@" "$perilune" hosts -c 'node[000001-100000]' ;;
	count-nodeset) set -- "$@" nodeset -c 'node[000001-100000]' ;;
	expand-perilune) set -- "$@" "$perilune" hosts -e 'node[000001-100000]' ;;
	expand-nodeset) set -- "$@" nodeset -e 'node[000001-100000]' ;;
	fold-perilune) set -- "$@" "$perilune" hosts -f "^$dir/shuffled" ;;
	fold-nodeset) set -- "$@" "$dir/nodeset-fold" ;;
	esac
	what=$1 client=$2
	shift 2
	echo "$what $client $("$cost" "$@" 2>>"$dir/stderr")"
}

clients=perilune
command -v nodeset >/dev/null && clients="$clients nodeset"
round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	for what in count expand fold; do
		for client in $clients; do cpu "$what" "$client"; done
	done
done | awk '
	{ key = $1 " " $2 }
	$6 != 0 { failed[key]++ }
	!(key in best) || $3 < best[key] { best[key] = $3 }
	!($1 in seen) { seen[$1] = 1; order[++k] = $1 }
	END {
		printf "%-10s %14s %14s %8s   CPU of 100,000 names\n", "", "perilune ms", "nodeset ms", "ratio"
		for (i = 1; i <= k; i++) {
			ours = order[i] " perilune"; peer = order[i] " nodeset"
			printf "%-10s %14.1f", order[i], best[ours]
			if (peer in best && best[ours] > 0)
				printf " %14.1f %8.1f", best[peer], best[peer] / best[ours]
			printf "%s\n", failed[ours] ? "   (" failed[ours] " runs failed)" : ""
		}
	}'
