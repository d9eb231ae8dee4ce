#!/bin/sh
# The verb topo calibrate, and what maps tell on a machine that was calibrated.
test_description="topo calibrate"
. /usr/share/sharness/sharness.sh

# table COLLECTIVE FACTOR GB/S US HOST:GPU...: what nccl-tests would print of such links.
table() {
	collective=$1 factor=$2 bandwidth=$3 latency=$4 rank=0
	shift 4
	echo "# Collective test starting: ${collective}_perf" &&
	for place in "$@"; do
		echo "#  Rank  $rank Group  0 Pid  99$rank on ${place%:*}.site device  ${place#*:} [0:19:0] x"
		rank=$((rank + 1))
	done &&
	awk -v factor="$factor" -v bandwidth="$bandwidth" -v latency="$latency" "BEGIN {
		for (size = 65536; size <= 1073741824; size *= 4) {
			us = latency + size * factor / bandwidth / 1e3; alg = size / us / 1e3
			printf \"%d %d float sum -1 %.2f %.2f %.2f 0 %.2f %.2f %.2f N/A\n\", size, size / 4,
				us, alg, alg * factor, us, alg, alg * factor
		} }" &&
	echo "# Avg bus bandwidth    : 1"
}

machine=gb300-nvl72:racks=16
inside() { table all_reduce 1.5 800 18 r001t01:0 r001t01:1 r001t01:2 r001t01:3; }
across() { table all_reduce 1.5 100 18 r001t01:0 r001t02:0 r002t01:0 r002t02:0; }

refused() { # refused WORDS ARGUMENTS...
	words=$1
	shift
	expect_exit 2 perilune topo calibrate "$@" >out 2>err && grep -e "$words" err &&
	test_must_be_empty out
}

test_expect_success "what cannot be told is refused, with what to measure" '
	inside >inside.txt &&
	refused "fabric: run all_reduce_perf on one GPU each of r001t01 and r009t01" inside.txt \
		--topo $machine &&
	grep "su: run all_reduce_perf on one GPU each of r001t01 and r002t01" err &&
	refused "which machine was measured" inside.txt &&
	echo nothing >nothing.txt &&
	refused "has measured no collective" nothing.txt --topo $machine
'

test_expect_success "times that tell nothing are named with the reason" '
	sed "/^65536 /p; /^[0-9]/d" inside.txt >one-size.txt &&
	refused "1 size from 64K to 64K cannot tell latency from bandwidth" one-size.txt \
		--topo $machine &&
	table all_reduce 1.5 800 9e9 r001t01:0 r001t01:1 r001t01:2 r001t01:3 >latency.txt &&
	refused "even 1G spends most of its time on latency" latency.txt --topo $machine &&
	table all_reduce 1 800 18 r001t01:0 r001t01:1 r001t01:2 r001t01:3 >ratio.txt &&
	refused "busbw is 1 times algbw, which is not all_reduce of 4 ranks" ratio.txt --topo $machine &&
	table all_reduce 1.5 800 18 h1:0 h1:1 h1:2 h1:3 >elsewhere.txt &&
	refused "GPU 0 of h1.site is not of gb300-nvl72" elsewhere.txt --topo $machine &&
	table alltoall 0.75 800 18 r001t01:0 r001t01:1 r001t01:2 r001t01:3 |
		sed "/test starting/d" >nameless.txt &&
	refused "nothing tells the collective" nameless.txt --topo $machine
'

test_expect_success "figures are those of the links, and the file says where they are from" '
	{ inside && table all_reduce 1.5 90 90 r001t01:0 r002t01:0 r003t01:0 r004t01:0 &&
	  table alltoall 0.5 80 30 r001t01:0 r009t01:0 &&
	  table all_reduce 1.9375 799 90 $(for t in 1 2 3 4 5 6 7 8; do
		for g in 0 1 2 3; do echo r001t0$t:$g; done; done); } >nccl.txt &&
	perilune topo calibrate nccl.txt --topo $machine -o calibrated.lua 2>err &&
	grep "tray .*all_reduce .*4 .*64K..1G .*800 .*3 .*0.0 %" err &&
	grep "fabric .*alltoall .*2 .*80 .*30" err &&
	perilune topo show ./calibrated.lua >out &&
	grep "^calibrated: run nccl.txt" out && grep "^tray .* 799.5 " out &&
	grep "^rack .* 799.5 " out && grep "rack: crossed by what was measured" err &&
	grep "^su .* 90 .* 15 " out && grep "^fabric .* 80 .* 30 " out &&
	perilune topo import ./calibrated.lua | grep "calibrated = { run = \"nccl.txt\""
'

test_expect_success "only maps on a calibrated machine tell milliseconds" '
	job="tp=8 pp=8 dp=18" &&
	perilune map --topo ./calibrated.lua --job "$job" --explain >ms &&
	perilune map --topo $machine --job "$job" --explain >ratios &&
	grep "bandwidths  *calibrated (run nccl.txt" ms && grep "milliseconds, calibrated" ms &&
	! grep "milliseconds" ratios && grep "(ratios, uncalibrated)" ratios &&
	grep "bandwidths  *nominal, uncalibrated" ratios &&
	perilune map --topo ./calibrated.lua --job "$job" --format json -o ms.json 2>/dev/null &&
	perilune map --topo $machine --job "$job" --format json -o ratios.json 2>/dev/null &&
	grep "\"unit\":\"s\"" ms.json && grep "\"calibrated\":\"run nccl.txt" ms.json &&
	grep "\"unit\":\"uncalibrated\"" ratios.json && grep "\"calibrated\":false" ratios.json &&
	grep "\"no_gain_expected\":true" ratios.json
'

test_expect_success "a cluster file that only claims to be calibrated is refused" '
	sed "s/calibrated = {.*}/calibrated = { run = \"x\" }/" calibrated.lua >claims.lua &&
	expect_exit 2 perilune topo show ./claims.lua 2>err && grep "calibrated has no time" err
'

test_expect_success "a run over hosts that are all this machine has measured no network" '
	perilune run --run-dir here --transport local -w n[1-2] hello >/dev/null 2>&1 &&
	refused "over --transport local every host is this machine" here --topo $machine
'

test_expect_success "where no topology is known the order is kept, and that is said" '
	echo "return { hosts = \"n[1-4]\", gpus_per_host = 2 }" >flat.lua &&
	perilune map --topo ./flat.lua --hosts n[3-4,1-2] --job "tp=2 dp=4" --explain >out &&
	grep "topology  *unknown" out && grep "no topology is known: your order is kept" out &&
	perilune map --topo ./flat.lua --hosts n[3-4,1-2] --job "tp=2 dp=4" --format seq >out \
		2>err && head -n 1 out | grep n3 && grep "no topology is known" err
'

# The simulated fleet takes 20 us and 1 ns a byte for a ring of any ranks; the record is made to say
# that it was over ssh, so that the same figures come out each time. Four ranks fill two hosts: the
# two of a host share its way out.
test_expect_success "points of ring-allreduce are measurements of the cluster they ran on" '
	cat >own.lua <<-\EOF &&
	return { name = "own", hosts = "n[1-4]", gpus_per_host = 2, topology = {
	  { name = "host", count = 2, distance = 1 }, { name = "net", count = 4, distance = 10 } } }
	EOF
	perilune run --run-dir rings --sim -C ./own.lua -a --sweep bytes=64K..64M:x4 \
		--sweep hosts=1,4 --sweep slots=2,1 --zip hosts,slots ring-allreduce >/dev/null 2>&1 &&
	refused "it was simulated, nothing was measured" rings &&
	sed -i "s/\"transport\":\"sim\"/\"transport\":\"ssh\"/g" rings/journal &&
	perilune topo calibrate rings -o rings.lua 2>err &&
	grep "host .*all_reduce .*2 .*64K..64M .*6 .*1 .*10 .*0.0 %" err &&
	grep "net .*all_reduce .*4 .*64K..64M .*6 .*0.75 " err &&
	perilune topo show ./rings.lua >out && grep "^calibrated: run [0-9]*-.* measured 20.*UTC" out &&
	grep "^host .* 1 .* 10 " out && grep "^net .* 0.75 " out &&
	perilune map --topo ./rings.lua --job "dp=8 params=1B" --explain >out &&
	grep "^step  *3500.00 " out
'

test_done
