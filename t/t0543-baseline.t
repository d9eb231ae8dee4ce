#!/bin/sh

test_description='Gates against earlier runs: the last that passed, point by point'
. /usr/share/sharness/sharness.sh

cat >bw.lua <<-\EOF
return require "perilune".recipe { name = "bw",
  options = { n = { type = "int", default = 1 }, value = { type = "number", default = 100 } },
  run = function(t, o)
    for _ in t:repeats(3, { warmup = 1 }) do
      t:metric("busbw", o.value, { unit = "GB/s", better = "higher" })
    end
    t:gate("busbw", { baseline = "last-pass", max_drop = "5%", missing = "skip" })
  end }
EOF

run_bw() {
	perilune run --transport local -w n1 "$@" >out 2>err
}

test_expect_success 'without an earlier run the gate is skipped, and says why' '
	run_bw ./bw.lua && grep "gate busbw: skip, no earlier run .bw. has it at this point" err
'

test_expect_success 'a drop beyond the limit is a regression, and names the run it is held against' '
	expect_exit 99 run_bw ./bw.lua --value 90 && cat err &&
	grep "gate busbw: median 90 GB/s is 10.0% worse than 100 GB/s of run .*; 5% are allowed" err
'

test_expect_success 'a run that failed is no baseline for the next' '
	run_bw ./bw.lua --value 96 && grep "4.0% worse than 100 GB/s" err &&
	run_bw ./bw.lua --value 92 && grep "4.2% worse than 96 GB/s" err
'

test_expect_success 'each point has its own' '
	run_bw --sweep n=2,3 --sweep value=50 ./bw.lua &&
	run_bw --json now.json --sweep n=2 --sweep value=50 ./bw.lua &&
	grep "\"baseline\": 50" now.json && grep "\"baseline_run\"" now.json
'

test_expect_success 'runs of another name do not count' '
	run_bw --name other ./bw.lua --value 1 && grep "no earlier run .other." err
'

test_done
