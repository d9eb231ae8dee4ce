#!/bin/sh

test_description='Whatever a recipe does wrong: an error with its line, exit status 2, the run on record, nothing left

Each case is the body of a run function after a command that stays, on two hosts, has been started.'
. /usr/share/sharness/sharness.sh

# wrong MESSAGE BODY [OPTION...]: the recipe fails on line 4 with MESSAGE, is recorded as an error,
# and the command that stays is gone from its hosts.
wrong() {
	message=$1 && rm -f tags && {
		echo 'return require "perilune".recipe { name = "wrong", run = function(t, o)'
		echo "t:spawn(function() t.hosts:exec(\"echo \$PERILUNE_TASK >>'$PWD/tags'; exec sleep 300\") end)"
		echo "while #((t:read '$PWD/tags' or '')) < 60 do t:sleep(0.01) end"
		printf "%s\n" "$2"
		echo 'end }'
	} >wrong.lua && shift 2
	expect_exit 2 timeout 60 perilune run --transport local -w n1,n2 --max-busy 300ms \
		--max-memory 64M "$@" ./wrong.lua >out 2>err && grep -F "$message" err &&
	grep "wrong.lua:4" err && ! grep "internal error" err && ! grep "perilune/[a-z_]*[.]lua" err &&
	perilune runs list -n 1 | grep " error *wrong" && nothing_left tags && return
	echo >&2 "$message:" && cat >&2 err
	return 1
}

test_expect_success 'wrong types, unknown keys' '
	wrong "metric '\''m'\'' is a table, not a number" "t:metric(\"m\", {})" &&
	wrong "hosts:exec: unknown option '\''timout'\'' (did you mean '\''timeout'\''?)" \
		"t.hosts:exec(\"true\", { timout = 3 })" &&
	wrong "t:sweep is written NAME = { values }" "for p in t:sweep { n = 3 } do print(p) end" &&
	wrong "t:attach needs a plain file name" "t:attach(\"../x\", \"y\")"
'

test_expect_success 'a metric or a gate that names nothing' '
	wrong "a metric needs a name" "t:metric(nil, 1)" &&
	wrong "gate on '\''bw'\'': the point has no such metric" "t:gate(\"bw\", { min = 1 })"
'

test_expect_success 'closed values, and a t that was kept' '
	wrong "this job was closed, at the end of its block" "local j; do local k <close> = t:launch(t:map(t.hosts, { dp = 2 }, { gpus_per_host = 1 }), { cmd = \"sleep 300\" }) j = k end j:wait()" &&
	cat >kept.lua <<-\EOF &&
	local kept
	return require "perilune".recipe { name = "kept", options = { n = { type = "int" } },
	  run = function(t)
	    if kept then kept:metric("m", 1) end
	    kept = t
	  end }
	EOF
	expect_exit 2 perilune run --transport local -w n1 --sweep n=1,2 ./kept.lua 2>err &&
	grep "kept.lua:4: t:metric: this t is of the point .n=1., which is over" err
'

test_expect_success 'waits where none is allowed' '
	wrong "sleep cannot wait inside table.sort" \
		"local a = { 3, 2, 1 } table.sort(a, function(x, y) t:sleep(1) return x < y end)" &&
	wrong "cannot wait inside string.gsub" "(\"abc\"):gsub(\"b\", function() t.hosts:exec(\"true\") end)" &&
	wrong "sleep cannot wait inside tostring" \
		"print(setmetatable({}, { __tostring = function() t:sleep(1) return \"x\" end }))" &&
	wrong "cannot wait inside a finalizer (__gc)" \
		"do local x = setmetatable({}, { __gc = function() t:sleep(1) end }) end collectgarbage() collectgarbage()"
'

test_expect_success 'hosts and waits outside of run' '
	for call in "pl.hosts.new({ \"n1\" }):exec(\"echo ran >ran\")" "pl.scope.sleep(1)"; do
		printf "%s\n" "local pl = require \"perilune\"" "$call" \
			"return pl.recipe { name = \"x\", run = print }" >outside.lua &&
		expect_exit 2 perilune run --transport local -w n1 ./outside.lua 2>err &&
		grep "outside.lua:2: .*only .*run(t, o) may" err && test ! -e ran || return 1
	done
'

test_expect_success 'endless loops, also where every error is swallowed' '
	wrong "an endless loop? 0.3 s of computing without a wait" "while true do end" &&
	wrong "an endless loop?" "while true do pcall(function() while true do end end) end" &&
	wrong "an endless loop?" "t:all { function() t:sleep(60) end, function() while true do end end }" &&
	echo "while true do end" >endless.lua &&
	expect_exit 2 timeout 60 perilune run --max-busy 200ms --transport local -w n1 ./endless.lua 2>err &&
	grep "endless.lua:1: an endless loop?" err
'

test_expect_success 'an endless loop in a rehearsal, where no time passes' '
	echo "return require \"perilune\".recipe { name = \"x\", run = function() while true do end end }" >loop.lua &&
	expect_exit 2 timeout 60 perilune run --max-busy 200ms --sim -w n1 ./loop.lua 2>err &&
	grep "loop.lua:1: an endless loop?" err
'

test_expect_success 'deep recursion' '
	wrong "stack overflow" "local function f(n) return 1 + f(n + 1) end f(1)" &&
	test $(wc -l <err) -lt 30 &&
	wrong "nested deeper than 100, or in itself" "local q = {} q.q = q t:attach(\"x.json\", q)" &&
	wrong "stack overflow" "local x x = setmetatable({}, { __index = function(_, k) return x[k .. k:sub(1, 1)] end }) print(x.a)"
'

test_expect_success 'more memory than allowed: piece by piece, at once, swallowed' '
	wrong "out of memory: the recipe holds more than 64 MiB" \
		"local big = {} for i = 1, 1000 do big[i] = (\"x\"):rep(1 << 20) .. i end" --max-busy 60s &&
	wrong "out of memory: one value was too large for --max-memory" "print(#(\"x\"):rep(1 << 30))" &&
	wrong "out of memory" "local big = {} while true do pcall(function() while true do big[#big + 1] = (\"x\"):rep(9999) .. #big end end) end" --max-busy 60s
'

test_expect_success 'a gigabyte of strings is too much by default' '
	wrong "out of memory" "local big = {} for i = 1, 64 do big[i] = (\"x\"):rep(16 << 20) .. i end" \
		--max-memory 512M --max-busy 60s
'

test_expect_success 'deadlocks name the tasks that wait, and end the point' '
	printf "%s\n" "return require \"perilune\".recipe { name = \"dead\", run = function(t)" "local a, b" \
		"a = t:spawn(function() b:join() end)" "b = t:spawn(function() a:join() end)" "end }" >dead.lua &&
	expect_exit 2 timeout 60 perilune run --transport local -w n1 ./dead.lua 2>err && cat err &&
	grep "bug: deadlock: every task waits" err &&
	grep "the task of ./dead.lua:3 waits in join at ./dead.lua:3" err &&
	grep "the task of ./dead.lua:4 waits in join at ./dead.lua:4" err &&
	perilune runs list -n 1 | grep " error *dead"
'

test_expect_success 'errors that are no text' '
	wrong "an error without a value" "error()" &&
	wrong "an error that is a table" "error({})" &&
	wrong "an error that cannot be printed" \
		"error(setmetatable({}, { __tostring = function() error \"inner\" end }))"
'

test_expect_success 'an error in a task, in a coroutine, in a closer, has its line' '
	wrong "wrong.lua:4: x" "t:all { function() t:sleep(60) end, function() error \"x\" end }" &&
	wrong "wrong.lua:4: x" "coroutine.wrap(function() t:sleep(0.01) error \"x\" end)()" &&
	wrong "wrong.lua:4: x" "local _ <close> = setmetatable({}, { __close = function() t:sleep(0.01) error \"x\" end })" &&
	wrong "attempt to yield from outside a coroutine" "coroutine.yield()"
'

test_expect_success 'what would end or hold the program is not there' '
	wrong "os.exit is not there in a recipe" "os.exit(0)" &&
	wrong "io.popen is not there in a recipe" "io.popen(\"true\")" &&
	wrong "io.read is not there in a recipe" "io.read()"
'

test_done
