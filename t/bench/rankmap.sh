#!/bin/sh
# rankmap.sh   J and CPU of maps from communication graphs beside Scotch's (package scotch), in one
# sitting. With PERILUNE_JUDGE, a folder with gen.py, its graphs too: transformer jobs with shuffled
# ranks, random and geometric graphs. J of Scotch in brackets: it put two ranks on one GPU.
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"

effort=${BENCH_EFFORT:-normal}

# grid FILE X Y Z: a METIS graph of X x Y x Z ranks that talk to their neighbours.
grid() {
	awk -v X="$2" -v Y="$3" -v Z="$4" 'BEGIN {
		print X * Y * Z, (X - 1) * Y * Z + X * (Y - 1) * Z + X * Y * (Z - 1), "001"
		for (z = 0; z < Z; z++) for (y = 0; y < Y; y++) for (x = 0; x < X; x++) {
			at = 1 + x + X * (y + Y * z); line = ""
			if (z > 0) line = line " " at - X * Y " 1"
			if (y > 0) line = line " " at - X " 1"
			if (x > 0) line = line " " at - 1 " 1"
			if (x + 1 < X) line = line " " at + 1 " 1"
			if (y + 1 < Y) line = line " " at + X " 1"
			if (z + 1 < Z) line = line " " at + X * Y " 1"
			print line
		}
	}' >"$dir/$1"
}

# make NAME ARGUMENTS-OF-GEN...: a graph of the judge's.
make_judged() {
	name=$1 kind=$2
	shift 2
	python3 "$PERILUNE_JUDGE/gen.py" "$kind" "$dir/$name" "$@" >/dev/null
}

grid grid2-1008 28 36 1
grid grid2-10080 96 105 1
grid grid3-10080 20 21 24
graphs="grid2-1008 grid2-10080 grid3-10080"
if [ -n "${PERILUNE_JUDGE:-}" ]; then
	make_judged l1008 llm 4 2 7 18 18 1 1
	make_judged l4032 llm 8 1 8 63 24 1 1
	make_judged l10080a llm 8 2 10 63 72 1 1
	make_judged l10080b llm 4 1 12 210 56 1 1
	make_judged geometric rgg 10080 1
	make_judged random rnd 10080 16 1
	graphs="$graphs l1008 l4032 l10080a l10080b geometric random"
fi

# tree GRAPH: tree, distance, and Scotch's words for the same machine.
tree() {
	case $1 in
	*1008) echo "4:18:7:2 1:3:10:30 tleaf 4 2 30 7 10 18 3 4 1" ;;
	l4032) echo "4:18:7:8 1:3:10:30 tleaf 4 8 30 7 10 18 3 4 1" ;;
	grid2-10080) echo "4:8:315 1:10:100 tleaf 3 315 100 8 10 4 1" ;;
	*) echo "4:18:7:20 1:3:10:30 tleaf 4 20 30 7 10 18 3 4 1" ;;
	esac
}

# score GRAPH MAP: J of a map, nothing where two ranks share a GPU.
score() {
	"$perilune" map --tree "$tree" --distance "$distance" --comm "$dir/$1" --evaluate "$2" \
		2>/dev/null | awk '/^x distance/ { print $4 }'
}

scotch() {
	"$cost" scotch_gmap "$dir/$1.grf" "$dir/target" "$dir/scotch" /dev/null -cb -b0.001 2>/dev/null
	awk 'NR > 1 { print $2 }' "$dir/scotch" >"$dir/scotch.map"
}

printf '%-12s %12s %9s %12s %9s %7s\n' graph "perilune J" "CPU ms" "Scotch J" "CPU ms" "J ratio"
for graph in $graphs; do
	# shellcheck disable=SC2046
	set -- $(tree "$graph")
	tree=$1 distance=$2
	shift 2
	ours=$("$cost" "$perilune" map --tree "$tree" --distance "$distance" --comm "$dir/$graph" \
		--effort "$effort" -o "$dir/map")
	j=$(score "$graph" "$dir/map")
	peer='' peer_j=''
	if command -v scotch_gmap >/dev/null && gcv -ic -os "$dir/$graph" "$dir/$graph.grf"; then
		echo "$*" >"$dir/target"
		peer=$(scotch "$graph")
		scotch "$graph" >/dev/null
		peer_j=$(score "$graph" "$dir/scotch.map")
	fi
	echo "$graph $j ${ours%% *} ${peer_j:--} ${peer%% *}"
done | awk '
	{ printf "%-12s %12s %9s %12s %9s", $1, $2, $3, $4, $5 }
	$4 > 0 { printf " %7.3f", $2 / $4; sum += log($2 / $4); n++ }
	{ print "" }
	END { if (n) printf "geometric mean of J beside Scotch: %.3f over %d graphs\n", exp(sum / n), n }'
