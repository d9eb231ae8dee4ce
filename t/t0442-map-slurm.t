#!/bin/sh
# Maps on a real Slurm: each task tells where it is, and that is where the map said.
test_description="maps that Slurm runs"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh
slurm_missing && test_done
bed_start
slurm_start 4

# map FORMAT ARGUMENTS...: a map for four hosts of four GPUs in an order that nobody would guess.
map() {
	format=$1
	shift
	perilune map --topo machine --gpus-per-host 4 --for slurm --hosts h3,h1,h4,h2 --format "$format" \
		"$@"
}

# tasks HOSTFILE N: what N tasks tell of themselves, by rank: rank, host, local rank.
tasks() {
	SLURM_HOSTFILE=$1 timeout 60 srun -m arbitrary -n "$2" sh -c \
		"echo \$SLURM_PROCID \$SLURMD_NODENAME.\$(hostname) \$SLURM_LOCALID" | sort -n
}

# told CSV: the same, as the map has it.
told() { awk -F, 'NR > 1 { print $1, $2 "." $2, $4 }' "$1"; }

# as_mapped N ARGUMENTS...: Slurm puts the N ranks of the map where it says.
as_mapped() {
	n=$1
	shift
	map slurm "$@" >hostfile && map csv "$@" >csv && told csv >expected &&
	test_line_count = "$n" expected && tasks hostfile "$n" >out && test_cmp expected out
}

test_expect_success "the machine is what Slurm says of itself" '
	timeout 20 scontrol show topology >machine &&
	perilune topo show machine --gpus-per-host 4 >out && grep "^4 hosts, 16 GPUs" out
'

test_expect_success "ranks land in an order of hosts that is not the sorted one" '
	as_mapped 16 --job "tp=4 dp=4" && head -n 1 out | grep "^0 h3.h3 0$"
'

test_expect_success "ranks of one host need not follow each other" '
	for i in 0 1 2 3; do echo "tp: $i $((i + 4)) $((i + 8)) $((i + 12))"; done >groups &&
	for i in 0 4 8 12; do echo "dp: $i-$((i + 3))"; done >>groups &&
	as_mapped 16 --groups groups && sed -n 2p out | grep "^1 h1.h1 0$" &&
	sed -n 5p out | grep "^4 h3.h3 1$"
'

test_expect_success "hosts may have unequal shares" '
	as_mapped 13 --job dp=13 --unusable "h3:2-3,h4:3" && test "$(grep -c h3 out)" -eq 2
'

test_expect_success "the GPU of a rank is the one of its local rank" '
	map slurm --job "tp=4 dp=4" >hostfile && map csv --job "tp=4 dp=4" >csv &&
	awk -F, "NR > 1 { print \$1, \$2, \$3 }" csv >expected &&
	cat >gpu <<-\EOF &&
	#!/bin/sh
	# all GPUs of the host are seen by index; the local rank takes its own
	set -- $(echo $CUDA_VISIBLE_DEVICES | tr , " ")
	shift $SLURM_LOCALID
	echo $SLURM_PROCID $SLURMD_NODENAME $1
	EOF
	chmod +x gpu &&
	SLURM_HOSTFILE=hostfile timeout 60 srun -m arbitrary -n 16 --gres=gpu:4 ./gpu | sort -n >out &&
	test_cmp expected out
'

test_expect_success "a map that asks for other GPUs is refused with its first rank" '
	expect_exit 2 perilune map --topo machine --gpus-per-host 4 --for slurm --job dp=15 \
		--unusable h2:1 --format slurm >out 2>err && test_must_be_empty out &&
	grep "rank 5 runs on GPU 2 of h2, but its local rank is 1" err
'

test_expect_success "what the format cannot say of GPUs, a wrapper reads from the csv" '
	perilune map --topo machine --gpus-per-host 4 --for slurm --job dp=15 --unusable h2:1 \
		--format csv >csv && sed 1d csv | cut -d, -f2 >hostfile &&
	cat >wrapper <<-\EOF &&
	#!/bin/sh
	# wrapper CSV COMMAND...: the command with the GPUs of its host in the order of the map
	csv=$1
	shift
	CUDA_VISIBLE_DEVICES=$(awk -F, -v host="$SLURMD_NODENAME" \
		"\$2 == host { printf \"%s%s\", sep, \$3; sep = \",\" }" "$csv")
	export CUDA_VISIBLE_DEVICES
	exec "$@"
	EOF
	chmod +x wrapper && awk -F, "NR > 1 { print \$1, \$2, \$3 }" csv >expected &&
	SLURM_HOSTFILE=hostfile timeout 60 srun -m arbitrary -n 15 --gres=gpu:4 ./wrapper csv ./gpu |
		sort -n >out && test_cmp expected out && grep "^5 h2 2$" out
'

test_done
