#!/bin/sh

test_description='perilune test: recipes rehearsed, and compared with what is expected'
. /usr/share/sharness/sharness.sh

mkdir recipes
cat >recipes/bench.lua <<-\EOF
return require "perilune".recipe { name = "bench",
  options = { rounds = { type = "int", default = 2 } },
  run = function(t, o)
    print "a word"
    for i = 1, o.rounds do
      local r = t.hosts:exec("bench " .. i, { timeout = "10m" }):must()
      t:metric("busbw", tonumber(r[1].stdout) or 0)
    end
    t:note("%d rounds", o.rounds)
    t:gate("busbw", { min = 3 })
  end,
  sim = { { match = "bench", reply = { stdout = "5", seconds = 30 } } } }
EOF

cat >recipes/good.test.lua <<-\EOF
local function slow(host) return { stdout = host == "n1" and "1" or "5" } end
return { recipe = "./bench.lua", hosts = "n[1-4]",
  { name = "all is well", expect = { calls = { { match = "bench 1", hosts = 4, times = 4 }, "bench 2" },
    never = { "rm" }, outcomes = { ok = 8, lost = 0 }, notes = { "2 rounds" },
    metrics = { busbw = { min = 4, max = 6, count = 2 } } } },
  { name = "a slow host breaches the gate", options = { rounds = 1 },
    sim = { { match = "bench", reply = slow } },
    expect = { verdict = "fail", status = 99, why = "under 3", metrics = { busbw = 1 } } },
  { name = "a crash in the second round", faults = { events = { { at = "45s", fault = "crash",
    hosts = "n2" } } },
    expect = { verdict = "fail", status = 3, outcomes = { ok = 7, lost = 1 } } },
  { name = "a hang runs into its limit", hosts = "n1", sim = { { match = "2", reply = { hang = true } } },
    expect = { status = 124, outcomes = { timeout = { min = 1 } } } },
  { name = "the recipe is wrong", sim = { { match = "b", reply = function(h) return h.x.y end } },
    expect = { verdict = "error", why = "attempt to index" } },
}
EOF

test_expect_success 'cases are subtests, and TAP readers agree' '
	perilune test recipes/good.test.lua >out 2>err &&
	sed "s/^TAP version 14/TAP version 13/" out >out13 && command -p prove -Q --exec cat out13 &&
	grep "^1..5" out && grep "^ok 5 - recipes/good.test.lua: the recipe is wrong" out &&
	grep "^    ok 4 - times of .bench 1.: 4" out && grep "a word" err && ! grep "a word" out
'

test_expect_success 'the tests of the recipe that is shown first' '
	perilune test "$PERILUNE_SRCDIR/recipes/hello.test.lua" >out 2>err && grep -c "^ok" out | grep 4
'

test_expect_success 'nothing is recorded' '
	perilune test recipes/good.test.lua >out && ! ls "$XDG_STATE_HOME"/perilune/runs/* 2>/dev/null
'

cat >bad.test.lua <<-\EOF
return { recipe = "recipes/bench.lua", hosts = "n[1-2]",
  { name = "good" },
  { name = "bad", expect = { verdict = "fail", calls = { "bench 2", "bench 1" }, never = { "bench" },
    outcomes = { lost = { min = 1 } }, metrics = { busbw = 4, other = { min = 1 } }, notes = { "no" } } },
  { name = "worse", options = { ronuds = 1 } },
}
EOF

test_expect_success 'what did not come is told with what came' '
	expect_exit 1 perilune test bad.test.lua >out 2>err && grep "2 of 3 cases failed" err &&
	for line in "not ok 1 - verdict fail" "not ok 3 - calls .bench 1." "not ok 4 - never calls .bench." \
		"not ok 5 - outcome lost: at least 1" "not ok 6 - metric busbw: 4" "found: 5" \
		"not ok 7 - metric other (median): at least 1" "found: .nothing." "not ok 8 - notes .no." \
		"did you mean .rounds.?"; do
		grep "$line" out || return 1
	done && sed "s/^TAP version 14/TAP version 13/" out >out13 && ! command -p prove -Q --exec cat out13
'

test_expect_success 'the command line holds for every case' '
	echo "return { events = { { fault = \"crash\", hosts = \"n1\" } } }" >gone.lua &&
	expect_exit 1 perilune test --faults ./gone.lua recipes/good.test.lua >out && grep "not ok 1 - verdict pass" out
'

test_expect_success 'files that make no sense' '
	wrong() { echo "$1" >wrong.lua && expect_exit 2 perilune test ./wrong.lua >out 2>err && grep "$2" err; } &&
	wrong "return 3" "returns no cases" && wrong "return { {} }" "it names no recipe" &&
	wrong "return { recpie = 1, {} }" "a test has no .recpie. (did you mean .recipe.?)" &&
	wrong "return { recipe = \"x\", { expect = { verdict = \"pas\" } } }" "did you mean .pass.?" &&
	wrong "return { recipe = \"x\", { expect = { calls = { \"(\" } } } }" "unfinished capture" &&
	wrong "return { recipe = \"x\", { seed = \"x\" } }" "seed must be a integer" &&
	wrong "return { recipe = \"x\", { faults = { slow = 1 } } }" "slow: it is a table" &&
	wrong "return {" "wrong.lua:" && wrong "local x = nil; return x.y" "wrong.lua:1:" &&
	expect_exit 2 perilune test 2>err && grep "no test file" err &&
	expect_exit 2 perilune test missing.lua 2>err && grep "missing.lua" err
'

test_done
