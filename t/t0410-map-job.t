#!/bin/sh
# The verb map, what it is told of jobs: models, axes of one's own, shards, dumped groups.
test_description="map: jobs"
. /usr/share/sharness/sharness.sh

refused() { # refused STATUS WORDS ARGUMENTS...
	status=$1 words=$2
	shift 2
	expect_exit "$status" perilune "$@" >out 2>err && grep -e "$words" err &&
	test_must_be_empty out
}

RACKS=gb300-nvl72:racks=4

test_expect_success "a model that nobody published is refused with the nearest and the list" '
	refused 2 "did you mean .llama3-405b.*deepseek-v3.*dsv3-256" \
		map --topo $RACKS --model lama3-405b
'

test_expect_success "a published model has its sizes, its order and its source" '
	perilune map --topo gb200-nvl72:racks=80 --model mlperf-405b-5120 --explain >out &&
	grep "^5120 ranks" out && grep "tp=4 cp=2 .*pp=8 vpp=8 dp=80" out &&
	grep "model  *mlperf-405b-5120. MLPerf" out
'

test_expect_success "what --job says of a model overrides it" '
	perilune map --topo dgx-h100:nodes=64 --model llama3-405b --job dp=4 --explain >out &&
	grep "^512 ranks" out && grep "order=tp-cp-pp-dp" out
'

test_expect_success "an axis of ones own has groups and a place in the order" '
	perilune map --topo dgx-h100:nodes=4 --axis fft=4:alltoall:2G --job "tp=2 dp=4 order=tp-fft-dp" \
		--explain >out && grep "^32 ranks" out && grep "^fft  *4  *8 " out &&
	refused 2 "ring, alltoall or p2p" map --topo loopback --axis fft=4:star:2G
'

test_expect_success "shards and replicas are groups" '
	perilune map --topo dgx-h100:nodes=4 --job "fsdp=8 hsdp=4" --explain >out &&
	grep "^32 ranks" out && grep "gathered twice a step" out && grep "^fsdp  *8  *4 " out && grep "^hsdp  *4  *8 " out
'

test_expect_success "sizes that do not multiply are refused with sizes that do" '
	refused 2 "9984 or 10080 would be" map --topo $RACKS --job "tp=8 pp=12 world=10000" &&
	refused 2 "dp=2 or dp=4 would do" map --topo $RACKS --job "tp=4 dp=3 ep=8" &&
	refused 2 "nearest size that fits is dp=4" map --topo dgx-h100:nodes=4 --job "fsdp=16 tp=2 pp=4"
'

# 16 ranks: tp pairs ranks that are eight apart
write_groups() {
	for i in 0 1 2 3 4 5 6 7; do echo "tp: $i $((i + 8))"; done
	echo "dp: 0-7" && echo "dp: 8-15"
}

test_expect_success "groups that were dumped are what is mapped, sizes come from them" '
	write_groups >groups.txt &&
	perilune map --topo dgx-h100:nodes=2 --groups groups.txt --job hidden=4096 --explain >out &&
	grep "^16 ranks" out && grep "groups=tp:8x2,dp:2x8" out && grep "^tp  *2  *8 " out
'

test_expect_success "a launcher that may put any rank anywhere keeps listed groups on one host" '
	perilune map --topo dgx-h100:nodes=2 --for mpi --groups groups.txt --format csv >out 2>err &&
	grep "ranks that share groups are placed together" err &&
	awk -F, "\$1 ~ /^[0-9]/ { host[\$1] = \$2; n++ }
	         END { for (r = 0; r < 8; r++) bad += host[r] != host[r + 8]; exit bad || n != 16 }" out
'

test_expect_success "JSON and text of the same groups make the same map" '
	printf "{ \"tensor_model_parallel_group\": [" >groups.json &&
	for i in 0 1 2 3 4 5 6 7; do
		test $i -eq 0 || printf ", "
		printf "[%d, %d]" $i $((i + 8))
	done >>groups.json &&
	echo "], \"dp\": [[0,1,2,3,4,5,6,7],[8,9,10,11,12,13,14,15]] }" >>groups.json &&
	for f in groups.txt groups.json; do
		perilune map --topo dgx-h100:nodes=2 --for mpi --groups $f --format json >$f.map &&
		sed "s/\"seconds\":[^,}]*//" $f.map >$f.same || return 1
	done && test_cmp groups.txt.same groups.json.same
'

test_expect_success "groups that are none are refused with the line" '
	{ write_groups && echo "dp: 3 4"; } >twice &&
	refused 2 "twice line 11: rank 3 is in a dp group already, see line 9" \
		map --topo dgx-h100:nodes=2 --groups twice &&
	write_groups | sed 2d >missing &&
	refused 2 "rank 1 of 16 is in no tp group" map --topo dgx-h100:nodes=2 --groups missing &&
	refused 2 "groups listed have 16" \
		map --topo dgx-h100:nodes=2 --groups groups.txt --job "tp=2 dp=4" &&
	refused 2 "No such file" map --topo loopback --groups nowhere
'

test_expect_success "listed groups for more ranks than GPUs are refused" '
	refused 2 "16 ranks need 16 GPUs; 8 are usable.*cannot be made smaller" \
		map --topo dgx-h100:nodes=1 --groups groups.txt
'

test_expect_success "another name needs its volume" '
	{ write_groups && echo "halo@1G:p2p: 0-15"; } >halo &&
	perilune map --topo dgx-h100:nodes=2 --groups halo --explain >out && grep "^halo  *16  *1 " out &&
	{ write_groups && echo "halo: 0-15"; } >silent &&
	perilune map --topo dgx-h100:nodes=2 --groups silent --explain >out &&
	grep "halo  *these groups send nothing" out &&
	{ write_groups && echo "halo@1G: 0-15"; } >halo &&
	refused 2 "halo line 11: .halo.: a volume is written" map --topo dgx-h100:nodes=2 --groups halo
'

test_done
