#!/bin/sh

test_description='What is wrong in a recipe or in its options is told with the place, exit status 2'
. /usr/share/sharness/sharness.sh

# recipe NAME: writes NAME.lua from standard input around a run function.
recipe() {
	{
		echo 'local pl = require "perilune"'
		echo "return pl.recipe { name = \"$1\", options = { n = { type = \"int\", default = 1, max = 9 } },"
		echo 'run = function(t, o)'
		cat
		echo 'end }'
	} >"$1.lua"
}

run_local() {
	perilune run --transport local -w n1,n2 "$@" >out 2>err
}

test_expect_success 'a recipe that does not exist suggests the nearest' '
	expect_exit 2 run_local helo &&
	grep "there is no recipe .helo. (did you mean .hello.?)" err
'

test_expect_success 'no recipe at all names what there is' '
	expect_exit 2 run_local &&
	grep "no recipe given; there are hello, ring-allreduce" err
'

test_expect_success 'a syntax error has file and line' '
	printf "return {\n  x = = 1,\n}\n" >syntax.lua &&
	expect_exit 2 run_local ./syntax.lua &&
	grep "syntax.lua:2:" err
'

test_expect_success 'a file that returns no recipe says what is missing' '
	echo "return 7" >seven.lua &&
	expect_exit 2 run_local ./seven.lua &&
	grep "seven.lua returns no recipe" err
'

test_expect_success 'an unknown key of the table has a suggestion and a line' '
	printf "%s\n" "local pl = require \"perilune\"" \
		"return pl.recipe { name = \"x\", optoins = {}, run = function() end }" >keys.lua &&
	expect_exit 2 run_local ./keys.lua &&
	grep "keys.lua:2: a recipe has no .optoins. (did you mean .options.?)" err
'

test_expect_success 'a run-time error has file, line and traceback, and the run is recorded' '
	recipe runtime <<-\EOF &&
	local function inner() return ({}).missing.field end
	inner()
	EOF
	expect_exit 2 run_local ./runtime.lua &&
	grep "runtime.lua:4: attempt to index a nil value" err &&
	grep "runtime.lua:5" err &&
	grep "verdict: error (exit status 2)" err &&
	perilune runs list >list &&
	grep "runtime" list
'

test_expect_success 'an unknown global is an error' '
	recipe global <<-\EOF &&
	pirnt("x")
	EOF
	expect_exit 2 run_local ./global.lua &&
	grep "global.lua:4:.*pirnt" err
'

test_expect_success 'an unknown option of the recipe suggests the nearest' '
	recipe plain </dev/null &&
	expect_exit 2 run_local ./plain.lua --m 3 &&
	grep "unknown option --m (did you mean .--n.?)" err
'

test_expect_success 'a value out of range says the range' '
	expect_exit 2 run_local ./plain.lua --n 10 &&
	grep "must be at most 9, not 10" err
'

test_expect_success 'a word after the recipe that is no option is refused' '
	expect_exit 2 run_local ./plain.lua extra &&
	grep "takes no argument .extra." err
'

test_expect_success 'a sweep of nothing the recipe has is refused' '
	expect_exit 2 run_local --sweep m=1,2 ./plain.lua &&
	grep "no option .m. to sweep" err
'

test_expect_success 'what comes later says so' '
	recipe later <<-\EOF &&
	t:lease { hosts = 1 }
	EOF
	expect_exit 2 run_local ./later.lua &&
	grep "later.lua:4: t:lease is not in this version" err
'

test_expect_success 'a misspelt method of t suggests the nearest' '
	recipe method <<-\EOF &&
	t:metrik("x", 1)
	EOF
	expect_exit 2 run_local ./method.lua &&
	grep "method.lua:4: t has no .metrik. (did you mean .metric.?)" err
'

test_expect_success 'a metric that is NaN is named' '
	recipe nan <<-\EOF &&
	t:metric("busbw", 0/0)
	EOF
	expect_exit 2 run_local ./nan.lua &&
	grep "nan.lua:4: metric .busbw. is NaN" err
'

test_expect_success 'misuse of exec has the line of the recipe' '
	recipe misuse <<-\EOF &&
	t.hosts:exec("true", { timout = 3 })
	EOF
	expect_exit 2 run_local ./misuse.lua &&
	grep "misuse.lua:4:.*timout" err
'

test_expect_success 'a command that fails is no error until must()' '
	recipe handled <<-\EOF &&
	local r = t.hosts:exec("exit 3")
	t:check(not r.ok and #r:failures() == 2, "two failures")
	EOF
	expect_exit 0 run_local ./handled.lua &&
	recipe must <<-\EOF &&
	t.hosts:exec("exit 3"):must()
	print("not reached")
	EOF
	expect_exit 1 run_local ./must.lua &&
	test_must_be_empty out &&
	grep "command: exit 3: n\[1-2\]" err &&
	grep "at .*must.lua:4" err
'

test_expect_success 'a gate that is breached exits 99, an expectation 1, and the worse wins' '
	recipe gate <<-\EOF &&
	t:metric("m", o.n)
	t:gate("m", { min = 2 })
	t:expect(o.n < 4, "too many")
	EOF
	expect_exit 0 run_local ./gate.lua --n 2 &&
	expect_exit 99 run_local ./gate.lua --n 1 &&
	expect_exit 1 run_local --sweep n=1..4:+1 ./gate.lua &&
	grep "regression: gate m: median 1 is under 2" err &&
	grep "expectation: too many" err
'

test_expect_success 'more than 64 points need --yes or --max-points' '
	recipe many <<-\EOF &&
	t:metric("m", o.n)
	EOF
	sed -i "s/max = 9/max = 99/" many.lua &&
	expect_exit 2 run_local --sweep n=1..65:+1 ./many.lua &&
	grep "65 points: more than 64 need --yes or --max-points" err &&
	expect_exit 0 run_local --max-points 65 --sweep n=1..65:+1 ./many.lua &&
	grep "65 pass" err
'

test_done
