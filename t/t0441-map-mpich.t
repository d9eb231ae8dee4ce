#!/bin/sh
# Maps on MPICH's Hydra, over the sshds of hosts with names of their own: each rank tells where it
# is, and that is where the map said.
test_description="maps that MPICH runs"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh
skip_all_without mpiexec.hydra
bed_start
hosts_up 1 4

machine_of_four

# its path may hold no space
cat >"$BED/agent" <<EOF
#!/bin/sh
exec ssh -F "$BED_CONFIG" "\$@"
EOF
chmod +x "$BED/agent"

# as_mapped N ARGUMENTS...: N ranks tell where they are, which is where the map has them.
as_mapped() {
	n=$1
	shift
	map mpich "$@" >hosts && map csv "$@" >csv && sed 1d csv | cut -d, -f1,2,4 >expected &&
	test_line_count = "$n" expected &&
	timeout 40 mpiexec.hydra -launcher ssh -launcher-exec "$BED/agent" -f hosts -np "$n" \
		sh -c 'echo $PMI_RANK,$(hostname),$MPI_LOCALRANKID' </dev/null | sort -n >out &&
	test_cmp expected out
}

test_expect_success "ranks land in an order of hosts that is not the sorted one" '
	as_mapped 8 --job "tp=2 dp=4" && head -n 1 out | grep "^0,h3,0$"
'

test_expect_success "hosts may have unequal shares" '
	as_mapped 6 --job dp=6 --unusable h3:1,h4:1
'

test_expect_success "a map that would have to name a GPU is refused with its first rank" '
	expect_exit 2 map mpich --job dp=7 --unusable h1:0 >out 2>err && test_must_be_empty out &&
	grep "rank 2 runs on GPU 1 of h1, but its local rank is 0" err
'

# Hydra takes a host that comes again for another one, and counts its local ranks from 0 once more.
test_expect_success "a map that comes back to a host is refused with its first rank" '
	for i in 0 1 2 3; do echo "tp: $i $((i + 4))"; done >groups &&
	printf "dp: 0-3\\ndp: 4-7\\n" >>groups &&
	expect_exit 2 map mpich --groups groups >out 2>err && test_must_be_empty out &&
	grep "rank 4 comes back to h3" err
'

test_done
