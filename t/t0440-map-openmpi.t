#!/bin/sh
# Maps on a real Open MPI, over the sshds of hosts with names of their own: each rank tells where it
# is, as mpirun does, and that is where the map said.
test_description="maps that Open MPI runs"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh
skip_all_without mpirun.openmpi
bed_start
hosts_up 1 4

machine_of_four

# its path may hold no space
cat >"$BED/agent" <<EOF
#!/bin/sh
exec ssh -n -F "$BED_CONFIG" "\$@"
EOF
chmod +x "$BED/agent"

# mpi N ARGUMENTS...: mpirun of N ranks, what it prints in the file told. It hangs now and then as it
# ends; only that is tried again.
mpi() {
	n=$1
	shift
	for try in 1 2 3; do
		OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 20 mpirun.openmpi \
			--mca plm_rsh_agent "$BED/agent" --mca plm_rsh_no_tree_spawn 1 \
			-np "$n" "$@" </dev/null >told 2>errors
		status=$?
		[ $status -eq 124 ] || break
	done
	cat errors >&2
	return $status
}

# told_by_mpirun: rank and host, from its --display-map.
told_by_mpirun() {
	awk '/Data for node:/ { host = $4 }
	     /Process rank:/ { sub(/.*Process rank: /, ""); print $1 + 0 "," host }' told | sort -n
}

# as_mapped N ARGUMENTS...: mpirun shows N ranks where the map has them, and so do they themselves.
as_mapped() {
	mpi "$@" --display-map sh -c \
		'echo told $OMPI_COMM_WORLD_RANK,$(hostname),$OMPI_COMM_WORLD_LOCAL_RANK
		echo cores $(nproc)' &&
	sed 1d csv | cut -d, -f1,2,4 >expected && test_line_count = "$1" expected &&
	sed -n 's/^told //p' told | sort -n >out && test_cmp expected out &&
	cut -d, -f1,2 expected >shown && told_by_mpirun | test_cmp shown -
}

# Four pairs of ranks that are four apart: no host has ranks that follow each other.
for i in 0 1 2 3; do echo "tp: $i $((i + 4))"; done >groups
printf 'dp: 0-3\ndp: 4-7\n' >>groups

test_expect_success "ranks land where the rankfile says" '
	map rankfile --groups groups >rankfile && map csv --groups groups >csv &&
	as_mapped 8 --host h1:2,h2:2,h3:2,h4:2 -rf rankfile &&
	sed -n 2p out | grep "^1,h1,0$" && sed -n 5p out | grep "^4,h3,1$"
'

test_expect_success "a rankfile binds no rank to a core" '
	grep "^cores" told | sort -u >out && echo "cores $(nproc)" >expected && test_cmp expected out
'

test_expect_success "a rankfile may leave GPUs out, but not one before those that are used" '
	map rankfile --job dp=6 --unusable h4:1,h1:1 >rankfile &&
	map csv --job dp=6 --unusable h4:1,h1:1 >csv &&
	as_mapped 6 --host h1:2,h2:2,h3:2,h4:2 -rf rankfile &&
	expect_exit 2 map rankfile --job dp=6 --unusable h4:0,h1:1 2>err &&
	grep "rank 3 runs on GPU 1 of h4, but its local rank is 0" err
'

test_expect_success "ranks land where the seq file says" '
	map seq --groups groups >seq && map csv --groups groups >csv &&
	as_mapped 8 --mca rmaps seq --bind-to none --hostfile seq
'

# mpirun does not show maps of rankfiles without starting them, it does of hosts with slots
test_expect_success "Open MPI reads hosts with slots, as DeepSpeed does, for hosts that do not exist" '
	echo "return { hosts = \"node[001-100]\", gpus_per_host = 8 }" >absent.lua &&
	for format in deepspeed csv; do
		perilune map --topo ./absent.lua --for mpi --hosts "node[051-100],node[001-050]" \
			--unusable "node[060-070]:7" --job dp=789 --format $format >$format || return 1
	done &&
	sed 1d csv | cut -d, -f1,2 >expected && test_line_count = 789 expected &&
	mpi 789 --hostfile deepspeed --do-not-launch --display-map true &&
	told_by_mpirun | test_cmp expected - && head -n 1 expected | grep "^0,node051$"
'

test_expect_success "a seq file that would have to name a GPU is refused with its first rank" '
	expect_exit 2 map seq --job dp=7 --unusable h1:0 >out 2>err && test_must_be_empty out &&
	grep "rank 2 runs on GPU 1 of h1, but its local rank is 0" err
'

test_done
