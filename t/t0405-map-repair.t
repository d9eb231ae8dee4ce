#!/bin/sh
# The verb map on maps that are there already: repair after a failure, spares, scores.
test_description="map: repair, spares, evaluate"
. /usr/share/sharness/sharness.sh

machine="--topo gb300-nvl72:racks=3"
job="--for mpi --job"

test_expect_success "a failed GPU moves one rank to a spare of its rack, and says so" '
	perilune map $machine $job "tp=8 dp=24" --spares 1/rack --format json -o before.json 2>err &&
	grep "spares kept free: r\[001-003\]t18" err &&
	perilune map $machine $job "tp=8 dp=24" --previous before.json --failed r002t03:1 \
		--format csv -o after.csv 2>err &&
	grep "1 of 192 ranks moves" err && grep "r002t03 GPU 1 -> r002t.* (same rack)" err &&
	! grep "r002t03,1," after.csv && test "$(wc -l <after.csv)" -eq 193
'

test_expect_success "torchrun moves the whole host, and no more than it may" '
	perilune map $machine --job "tp=8 dp=24" --previous before.json --failed r002t03:1 \
		-o after 2>err && grep "4 of 192 ranks move" err &&
	expect_exit 2 perilune map $machine --job "tp=8 dp=24" --previous before.json \
		--failed r002t03:1 --max-moves 3 2>err && grep "raise --max-moves to 4" err
'

test_expect_success "many moves are counted, and listed by --explain" '
	again() { perilune map $machine $job "tp=8 dp=24" --previous before.json "$@"; } &&
	perilune map $machine $job "tp=8 dp=24" --format json -o before.json 2>/dev/null &&
	again --failed "r001t[01-06]" -o after 2>err && grep "24 of 192 ranks move;" err &&
	test "$(grep -c "move rank " err)" -eq 16 && grep "and 8 more: --explain lists all" err &&
	again --failed "r001t[01-06]" --explain >out && test "$(grep -c "move rank " out)" -eq 24
'

test_expect_success "--evaluate scores a rankfile and names the line that is wrong" '
	perilune map $machine $job "tp=8 dp=24" --format csv -o map.csv 2>/dev/null &&
	awk -F, "NR > 1 { print \"rank \" \$1 \"=\" \$2 \" slot=\" \$3 }" map.csv >rankfile &&
	perilune map $machine $job "tp=8 dp=24" --evaluate rankfile >out &&
	grep "^step .*100.00  *100.00" out &&
	sed "7s/slot=2/slot=1/" rankfile >twice &&
	expect_exit 2 perilune map $machine $job "tp=8 dp=24" --evaluate twice 2>err &&
	grep "twice:7: rank 6 is on GPU 1 of r001t02, where rank 5 is (line 6)" err
'

test_expect_success "--evaluate reads every format that is written" '
	for format in vector json csv rankfile seq mpich slurm torchrun deepspeed; do
		perilune map $machine --job "tp=8 dp=24" --format $format -o map.$format 2>/dev/null &&
		perilune map $machine --job "tp=8 dp=24" --evaluate map.$format >out &&
		grep "^step .*100.00  *100.00" out || return 1
	done
'

test_expect_success "all that is wrong with a rankfile is listed, each with its line" '
	sed "3s/slot=2/slot=9/; 5s/r001t02/r001t022/; 7s/slot=2/slot=1/; 9d" rankfile >wrong &&
	expect_exit 2 perilune map $machine $job "tp=8 dp=24" --evaluate wrong 2>err &&
	grep "wrong:3: r001t01 has GPUs 0 to 3, not 9" err &&
	grep "wrong:5: r001t022 is no host of .*did you mean .r001t02" err &&
	grep "wrong:7: rank 6 is on GPU 1 of r001t02, where rank 5 is (line 6)" err &&
	grep "wrong:191: rank 8 is missing" err
'

test_expect_success "options that need one another say so" '
	expect_exit 2 perilune map $machine $job dp=4 --failed r001t01 2>err &&
	grep -e "--failed needs --previous" err &&
	expect_exit 2 perilune map $machine $job dp=4 --previous rankfile 2>err &&
	grep -e "--previous needs --failed" err &&
	expect_exit 2 perilune map $machine $job dp=4 --spares some 2>err && grep "1/rack" err
'

test_expect_success "--explain names the worst group, and prices the rule of the launcher" '
	perilune map $machine --job "tp=4 dp=40 ep=16" --unusable "r[001-003]t18:3" --explain \
		>out 2>err && grep "^ep .* its own links\|^ep .* the way out of" out &&
	grep "^uplinks of" out && grep "without the rule of --for torchrun" out
'

test_done
