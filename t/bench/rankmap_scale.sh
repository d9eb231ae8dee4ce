#!/bin/sh
# rankmap_scale.sh   CPU and memory of maps from communication graphs as they grow to 1 million ranks
# and 10 million edges: meshes without an end where each rank talks to 18 others. CPU per edge would
# be level if time were linear; beside it, CPU per edge and level of cutting in two (log2 of the
# ranks). BENCH_SIZES names sides "X:Y:Z", BENCH_EFFORT is fast, normal or best.
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"

# mesh X Y Z: faces weigh 100, edges 10.
mesh() {
	awk -v X="$1" -v Y="$2" -v Z="$3" 'BEGIN {
		for (dz = -1; dz <= 1; dz++) for (dy = -1; dy <= 1; dy++) for (dx = -1; dx <= 1; dx++) {
			far = dx * dx + dy * dy + dz * dz
			if (far == 1 || far == 2) {
				x[++k] = dx; y[k] = dy; z[k] = dz; weight[k] = far == 1 ? 100 : 10
			}
		}
		print X * Y * Z, 9 * X * Y * Z, "001"
		for (c = 0; c < Z; c++) for (b = 0; b < Y; b++) for (a = 0; a < X; a++) {
			line = ""
			for (i = 1; i <= k; i++)
				line = line " " 1 + (a + x[i] + X) % X + X * ((b + y[i] + Y) % Y + \
					Y * ((c + z[i] + Z) % Z)) " " weight[i]
			print line
		}
	}' >"$dir/graph"
}

for sides in ${BENCH_SIZES:-20:21:24 31:32:32 42:48:50 66:70:70 112:100:100}; do
	mesh "${sides%%:*}" "$(expr "$sides" : '.*:\(.*\):')" "${sides##*:}"
	n=$(awk 'NR == 1 { print $1; exit }' "$dir/graph")
	tree=4:18:7:20:$(((n + 10079) / 10080))
	echo "$n" "$("$cost" "$perilune" map --tree "$tree" --distance 1:3:10:30:100 \
		--comm "$dir/graph" --effort "${BENCH_EFFORT:-normal}" -o "$dir/map")"
done | awk '
	BEGIN {
		printf "%9s %10s %8s %7s %13s %21s\n", "ranks", "edges", "CPU s", "MB", "us per edge",
			"us per edge and cut"
	}
	$5 != 0 { print $1, "failed with status", $5; next }
	{
		edges = 9 * $1; us = 1000 * $2 / edges
		printf "%9d %10d %8.2f %7.0f %13.3f %21.3f\n", $1, edges, $2 / 1000, $4 / 1024, us,
			us / (log($1) / log(2))
	}'
