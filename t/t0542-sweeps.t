#!/bin/sh

test_description='Which points a run has, and in which order: only, failed, shard, shuffle'
. /usr/share/sharness/sharness.sh

cat >odd.lua <<-\EOF
return require "perilune".recipe { name = "odd",
  options = { n = { type = "int", default = 1 }, bytes = { type = "size", default = "1M" } },
  run = function(t, o)
    print(o.n)
    for p in t:sweep { bytes = "1K..4K:x2" } do t:metric("m", p.bytes) end
    t:check(o.n % 2 == 1 or t:env "ALL_GOOD", "even")
  end }
EOF

run_odd() {
	perilune run --transport local -w n1 "$@" >out 2>err
}

test_expect_success '--failed takes those that did not pass, again and again' '
	expect_exit 1 run_odd --sweep n=1..5:+1 ./odd.lua && seq 5 | test_cmp - out &&
	expect_exit 1 run_odd --failed --sweep n=1..5:+1 ./odd.lua && printf "2\n4\n" | test_cmp - out &&
	grep "^  2  n=2  *FAIL" err &&
	ALL_GOOD=1 run_odd --failed --sweep n=1..5:+1 ./odd.lua && printf "2\n4\n" | test_cmp - out &&
	run_odd --failed --sweep n=1..5:+1 ./odd.lua && test_must_be_empty out &&
	grep "nothing failed in run" err
'

test_expect_success '--failed says what is missing' '
	expect_exit 1 run_odd --sweep n=2,4 ./odd.lua &&
	expect_exit 2 run_odd --failed --sweep n=2,5 ./odd.lua &&
	grep "has the point .n=4., and this sweep has not" err &&
	expect_exit 2 run_odd --failed --name other ./odd.lua && grep "there is no run .other." err
'

test_expect_success 'shards together have each point once' '
	for i in 1 2 3; do
		ALL_GOOD=1 run_odd --shard $i/3 --sweep n=1..7:+1 ./odd.lua && cat out || return 1
	done >all && sort all >sorted && seq 7 | test_cmp - sorted &&
	run_odd --shard 3/3 --sweep n=1,3 ./odd.lua && grep "shard 3/3 of 2 points is empty" err &&
	for wrong in 0/3 4/3 x 1/0; do
		expect_exit 2 run_odd --shard $wrong ./odd.lua && grep "I/N" err || return 1
	done
'

test_expect_success '--shuffle has all of them in another order, the same for the same seed' '
	export ALL_GOOD=1 && run_odd --shuffle --seed 3 --sweep n=1..20:+1 ./odd.lua && mv out first &&
	run_odd --shuffle --seed 3 --sweep n=1..20:+1 ./odd.lua && test_cmp first out &&
	! { seq 20 | cmp -s - out; } && sort -n out >sorted && seq 20 | test_cmp - sorted
'

test_expect_success 'a sweep of the recipe reads ranges as the command line does' '
	run_odd --json - ./odd.lua && grep "\"at\": \"bytes=2K\"" out
'

test_done
