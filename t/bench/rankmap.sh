#!/bin/sh
# rankmap.sh   J and CPU of maps from communication graphs beside Scotch's (package scotch), in
# alternating runs, the least CPU of BENCH_ROUNDS counts. With PERILUNE_JUDGE, a folder with gen.py
# and eval.c, its graphs too, and its program scores both: transformer jobs with shuffled ranks,
# random and geometric graphs. BENCH_LARGE=1 adds 100,800 ranks, where Scotch takes a minute or, on
# meshes, more than it is given. BENCH_EFFORT is ours, BENCH_GRAPHS names some of the graphs.
#
# Scotch is given three ways to map and the best of them counts: it puts two ranks on one GPU where
# its load may be 0.1 % uneven, also with the strategy that favours balance, and keeps all apart but
# at a price where it may not be uneven at all. Where every map of its is invalid it has no J.
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"

effort=${BENCH_EFFORT:-normal}
peer_limit=${BENCH_PEER_SECONDS:-120}
judge=${PERILUNE_JUDGE:-}

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

judged() {
	name=$1 kind=$2
	shift 2
	python3 "$judge/gen.py" "$kind" "$dir/$name" "$@" >/dev/null
}

# make GRAPH: its file.
make_graph() {
	case $1 in
	grid2-1008) grid "$1" 28 36 1 ;;
	grid2-10080) grid "$1" 96 105 1 ;;
	grid3-10080) grid "$1" 20 21 24 ;;
	grid3-100800) grid "$1" 42 48 50 ;;
	l1008) judged "$1" llm 4 2 7 18 18 1 1 ;;
	l4032) judged "$1" llm 8 1 8 63 24 1 1 ;;
	l10080a) judged "$1" llm 8 2 10 63 72 1 1 ;;
	l10080b) judged "$1" llm 4 1 12 210 56 1 1 ;;
	l100800) judged "$1" llm 8 2 10 630 24 1 1 ;;
	geometric) judged "$1" rgg 10080 1 1 ;;
	random) judged "$1" rnd 10080 8 1 ;;
	esac
}

# machine GRAPH: tree, distance, and Scotch's words for the same machine.
machine() {
	case $1 in
	*-1008 | l1008) echo "4:18:7:2 1:3:10:30 tleaf 4 2 30 7 10 18 3 4 1" ;;
	l4032) echo "4:18:7:8 1:3:10:30 tleaf 4 8 30 7 10 18 3 4 1" ;;
	grid2-10080) echo "4:8:315 1:10:100 tleaf 3 315 100 8 10 4 1" ;;
	*100800) echo "4:18:7:20:10 1:3:10:30:100 tleaf 5 10 100 20 30 7 10 18 3 4 1" ;;
	*) echo "4:18:7:20 1:3:10:30 tleaf 4 20 30 7 10 18 3 4 1" ;;
	esac
}

# score GRAPH MAP: J; nothing where two ranks share a GPU or one has none.
score() {
	if [ -n "$judge" ]; then
		"$dir/eval" "$dir/$1" "$2" "$tree" "$distance" 2>/dev/null |
			sed -n 's/^J=\([0-9]*\) .* maxload=1 .*/\1/p'
	else
		"$perilune" map --tree "$tree" --distance "$distance" --comm "$dir/$1" \
			--evaluate "$2" 2>/dev/null | awk '/^x distance/ { print $4 }'
	fi
}

# Prints CPU_MS PEAK_KB J; J is - where the run failed or its map is invalid.
run_perilune() {
	rm -f "$dir/map"
	"$cost" "$perilune" map --tree "$tree" --distance "$distance" --comm "$dir/$1" \
		--effort "$effort" -o "$dir/map" | { read -r cpu _ kb _ && echo "$cpu $kb"; }
	j=$(score "$1" "$dir/map")
	echo "${j:--}"
}

# run_scotch GRAPH OPTION...
run_scotch() {
	graph=$1
	shift
	rm -f "$dir/scotch"
	"$cost" timeout "$peer_limit" scotch_gmap "$dir/$graph.grf" "$dir/target" "$dir/scotch" \
		/dev/null "$@" 2>/dev/null | { read -r cpu _ kb _ && echo "$cpu $kb"; }
	j=''
	if [ -s "$dir/scotch" ]; then
		sort -n "$dir/scotch" | awk 'NF == 2 { print $2 }' >"$dir/scotch.map"
		j=$(score "$graph" "$dir/scotch.map")
	fi
	echo "${j:--}"
}

# tell WHO GRAPH, the run on standard input: "WHO GRAPH CPU_MS PEAK_KB J".
tell() { echo "$1" "$2" "$(cat)" | tr '\n' ' ' && echo; }

run_rounds() {
	round=0
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		run_perilune "$1" | tell perilune "$1"
		[ -s "$dir/$1.grf" ] || continue
		run_scotch "$1" -b0.001 | tell scotch "$1"
		run_scotch "$1" -cb -b0.001 | tell scotch "$1"
		run_scotch "$1" -b0 | tell scotch "$1"
	done
}

graphs="grid2-1008 grid2-10080 grid3-10080"
[ -z "${BENCH_LARGE:-}" ] || graphs="$graphs grid3-100800"
if [ -n "$judge" ]; then
	cc -O2 -w -o "$dir/eval" "$judge/eval.c" -lm
	graphs="$graphs l1008 l4032 l10080a l10080b geometric random"
	[ -z "${BENCH_LARGE:-}" ] || graphs="$graphs l100800"
fi

for graph in ${BENCH_GRAPHS:-$graphs}; do
	# shellcheck disable=SC2046
	set -- $(machine "$graph")
	tree=$1 distance=$2
	shift 2
	echo "$*" >"$dir/target"
	make_graph "$graph"
	! command -v scotch_gmap >/dev/null || gcv -ic -os "$dir/$graph" "$dir/$graph.grf"
	run_rounds "$graph"
	rm -f "$dir/$graph" "$dir/$graph.grf"
done | awk '
	function line() {
		if (graph == "") return
		printf "%-13s %11s %8.0f %6.0f %11s %8.0f %6.0f", graph, j["perilune"],
			cpu["perilune"], mb["perilune"], j["scotch"], cpu["scotch"], mb["scotch"]
		if (j["perilune"] + 0 > 0 && j["scotch"] + 0 > 0) {
			printf " %8.3f %9.2f", j["perilune"] / j["scotch"], cpu["perilune"] / cpu["scotch"]
			sum += log(j["perilune"] / j["scotch"]); n++
		}
		if (invalid) printf "  %d of %d maps of Scotch are invalid", invalid, maps
		print ""
		invalid = maps = 0; split("", j); split("", cpu); split("", mb)
	}
	BEGIN {
		printf "%-13s %11s %8s %6s %11s %8s %6s %8s %9s\n", "graph", "perilune J", "CPU ms",
			"MB", "Scotch J", "CPU ms", "MB", "J ratio", "CPU ratio"
	}
	$2 != graph { line(); graph = $2 }
	{ if (!($1 in j)) { j[$1] = "invalid"; cpu[$1] = $3 } }
	$1 == "scotch" { maps++; if ($5 == "-") { invalid++; next } }
	$5 == "-" { next }
	j[$1] == "invalid" || $5 < j[$1] { j[$1] = $5 }
	$3 < cpu[$1] { cpu[$1] = $3 }
	$4 / 1024 > mb[$1] { mb[$1] = $4 / 1024 }
	END {
		line()
		if (n) printf "geometric mean of J beside Scotch: %.3f over %d graphs\n", exp(sum / n), n
	}'
