#!/bin/sh
# simgrid.sh   Whether the order of maps by our predicted time is the order by SimGrid's (Debian's
# libsimgrid-dev): ten maps of a job on an oversubscribed fat tree, for 64, 256 and 1,024 ranks
# (BENCH_RANKS=64 for some), and Kendall's tau of the two times. Fails where that is below 0.8.
#
# What it does not prove: SimGrid's fat tree has one link per GPU, so nothing is said of NVLink
# domains, rails and adapters shared by GPUs; traffic is one axis after the other, as the model has
# it, so nothing of overlap; and both are models, so nothing of milliseconds. Where the orders
# differ, it is mostly by what the model leaves out: SimGrid's routes over parallel uplinks are fixed
# by the destination's number, and some collide; where routing is adaptive they do not.
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"

for program in smpicc smpirun; do
	command -v $program >/dev/null || {
		echo "$program is not installed: apt-get install libsimgrid-dev"
		exit 0
	}
done
smpicc -std=gnu11 -O1 -o "$dir/job" "$PERILUNE_SRCDIR/t/bench/simgrid_job.c"

# fat_tree GPUS HOSTS PODS UP UP2: hosts of GPUS machines, one link each, on a leaf with UP uplinks;
# HOSTS of them a pod, whose UP switches have UP2 uplinks each; PODS of those. For both of us.
fat_tree() {
	gpus=$1 hosts=$2 pods=$3 up=$4 up2=$5
	ranks=$((gpus * hosts * pods))
	cat >"$dir/platform.xml" <<-END
		<?xml version='1.0'?>
		<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
		<platform version="4.1">
		  <cluster id="tree" prefix="n" suffix="" radical="0-$((ranks - 1))" speed="1Gf"
		    bw="12.5GBps" lat="1us" loopback_bw="100GBps" loopback_lat="0us"
		    topology="FAT_TREE" topo_parameters="3;$gpus,$hosts,$pods;1,$up,$up2;1,1,1"/>
		</platform>
	END
	cat >"$dir/machine.lua" <<-END
		local function level(name, count, over)
		  return { name = name, count = count, link = "infiniband", bandwidth_gbyte_s = 12.5,
		    oversubscription = over }
		end
		return { hosts = "h[0-$((hosts * pods - 1))]", gpus_per_host = $gpus, topology = {
		  level("host", $gpus), level("pod", $hosts, $gpus / $up),
		  level("fabric", $pods, $gpus * $hosts / ($up * $up2)) } }
	END
}

# job SIZE:PATTERN:BYTES...: the axes a, b, c, d from the inside, for both of us: rings as of tensor
# and data parallelism, all-to-all as of experts, p2p as of a pipeline.
job() {
	axes=$* order='' names="a b c d"
	set --
	for axis in $axes; do
		name=${names%% *} names=${names#* }
		set -- "$@" --axis "$name=$axis"
		order=$order${order:+-}$name
	done
	printf '%s\n' "$@" --job "order=$order" >"$dir/options"
}

# map OPTION...: on this machine, of this job.
map() {
	while IFS= read -r option; do
		set -- "$@" "$option"
	done <"$dir/options"
	"$perilune" map --topo "$dir/machine.lua" --for mpi "$@" 2>/dev/null
}

# permute AWK: a map from an expression in r (rank) and n, g, h, p (ranks, GPUs, hosts, pods).
permute() {
	awk -v n="$ranks" -v g="$gpus" -v h="$hosts" -v p="$pods" -v inner="${axes%%:*}" \
		"BEGIN { for (r = 0; r < n; r++) print int($1) }"
}

# shuffle SEED FIELDS: the machine's GPUs with hosts, GPUs of pods, or all of them in random order.
shuffle() {
	awk -v seed="$1" -v unit="$2" -v within="$3" -v n="$ranks" 'BEGIN {
		srand(seed)
		for (i = 0; i < n / unit; i++) at[i] = i
		size = within / unit
		for (base = 0; base < n / unit; base += size)
			for (i = size - 1; i > 0; i--) {
				k = int(rand() * (i + 1)); t = at[base + i]
				at[base + i] = at[base + k]; at[base + k] = t
			}
		for (i = 0; i < n; i++) print at[int(i / unit)] * unit + i % unit
	}'
}

# Some ranks of a map change places with others.
disturb() {
	awk 'BEGIN { srand(5) } { at[NR] = $1 } END {
		for (i = 1; i <= NR / 8; i++) {
			a = 1 + int(rand() * NR); b = 1 + int(rand() * NR)
			t = at[a]; at[a] = at[b]; at[b] = t
		}
		for (i = 1; i <= NR; i++) print at[i]
	}'
}

# keep NAME: the map on standard input is one of the ten, unless it is there under another name.
keep() {
	cat >"$dir/new"
	set -- "$1" "$dir"/map.*
	[ $# -le 10 ] || return 0
	for file in "$@"; do
		! cmp -s "$dir/new" "$file" || return 0
	done
	mv "$dir/new" "$dir/map.$1"
}

make_maps() {
	rm -f "$dir"/map.*
	map --format vector | keep ours
	permute "r" >"$dir/given"
	keep given <"$dir/given"
	permute "(r % (h * p)) * g + r / (h * p)" | keep robin_hosts
	permute "(r % p) * g * h + r / p" | keep robin_pods
	permute "(r % inner) * (n / inner) + r / inner" | keep transposed
	shuffle 1 "$gpus" "$ranks" | keep hosts_shuffled
	shuffle 2 1 $((gpus * hosts)) | keep pods_shuffled
	shuffle 3 1 "$ranks" | keep random
	disturb <"$dir/map.ours" | keep disturbed
	permute "int(r / (g * h)) * g * h + (r % h) * g + int(r / h) % g" | keep robin_in_pods
	shuffle 4 2 "$ranks" | keep pairs_shuffled
	permute "(r % (h * p)) * g + r / (h * p)" | disturb | keep robin_disturbed
	disturb <"$dir/given" | keep given_disturbed
}

predicted() {
	map --evaluate "$1" --format json | sed -n 's/^"cost":{"step":\([0-9.e+-]*\).*/\1/p'
}

# simulated MAP: seconds of the step, then of each axis. Ranks are threads of one process: it is
# seconds for 1,024 of them, and minutes otherwise.
simulated() {
	sed 's/^/n/' "$1" >"$dir/hostfile"
	# shellcheck disable=SC2086 # axes are words
	timeout 600 smpirun -np "$ranks" -platform "$dir/platform.xml" -hostfile "$dir/hostfile" \
		--cfg=smpi/privatization:no --cfg=contexts/stack-size:128 \
		--cfg=smpi/allgather:ring --cfg=smpi/alltoall:basic_linear \
		--cfg=smpi/simulate-computation:no --log=root.thres:critical \
		"$dir/job" "$gpus" $axes
}

# Kendall's tau of columns 2 (predicted) and 3 (simulated), over the pairs of maps that the simulator
# tells apart: whose times differ by more than 1 %. A pair that we predict equal counts as half right.
kendall() {
	awk 'function side(a, b, share) { return a - b > a * share ? 1 : b - a > b * share ? -1 : 0 }
	{ x[NR] = $2; y[NR] = $3 }
	END {
		for (i = 1; i <= NR; i++) for (k = 1; k < i; k++) {
			dy = side(y[i], y[k], 0.01)
			sum += side(x[i], x[k], 1e-6) * dy; n += dy != 0
		}
		printf "%.3f of %d pairs\n", n ? sum / n : 0, n
	}' "$1"
}

# compare: both times of each map, the best first, and how well the orders agree.
compare() {
	make_maps
	for file in "$dir"/map.*; do
		echo "${file##*/map.} $(predicted "$file") $(simulated "$file")"
	done | sort -k2,2g >"$dir/times"
	tau=$(kendall "$dir/times")
	echo "$ranks ranks, $axes"
	echo "  map               predicted  simulated s, by axis"
	awk '{ printf "  %-16s %10.4f %10.4f  ", $1, $2, $3
		for (i = 4; i <= NF; i++) printf " %.4f", $i
		print "" }' "$dir/times"
	echo "  Kendall's tau $tau"
	[ "$(wc -l <"$dir/times")" -eq 10 ] || failed="$failed $ranks"
	echo "$tau" | awk '{ exit $1 < 0.8 }' || failed="$failed $ranks"
}

failed=''
for n in ${BENCH_RANKS:-64 256 1024}; do
	case $n in
	64) fat_tree 4 4 4 1 2
		job 4:ring:16e6 4:alltoall:32e6 4:p2p:64e6 && compare
		job 8:alltoall:32e6 2:p2p:8e6 4:ring:64e6 && compare ;;
	256) fat_tree 8 8 4 2 4
		job 8:ring:64e6 8:alltoall:32e6 4:p2p:8e6 && compare
		job 4:ring:64e6 8:alltoall:32e6 4:p2p:16e6 2:ring:32e6 && compare ;;
	1024) fat_tree 8 16 8 2 8
		job 8:ring:16e6 8:p2p:8e6 16:alltoall:32e6 && compare
		job 8:ring:64e6 8:alltoall:32e6 4:p2p:16e6 4:ring:32e6 && compare ;;
	*) echo "BENCH_RANKS: 64, 256, 1024, not $n" >&2 && exit 2 ;;
	esac
done
echo "not shown by this: NVLink domains, rails, overlap, milliseconds"
[ -z "$failed" ] || { echo "the order differs (tau below 0.8) at:$failed ranks" >&2 && exit 1; }
