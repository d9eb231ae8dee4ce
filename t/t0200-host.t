#!/bin/sh
# The Lua host: exit statuses, error messages, Ctrl-C on whatever runs.
test_description="the Lua host"
. /usr/share/sharness/sharness.sh

ulimit -t 30 # seconds of CPU: what should have been stopped does not spin for ever

lua() { perilune _lua "$@"; }

# file NAME: standard input becomes NAME, with `sched` at hand.
file() {
	{ echo 'local sched = require "perilune.core.sched"' && cat; } >"$1"
}

# interrupted STATUS FILE SIGNAL...: runs FILE, waits for its line "ready", sends the signals one
# after the other (each after the program said so on standard output), expects the status.
interrupted() {
	want=$1 program=$2
	shift 2
	rm -f ready && mkfifo ready || return 1
	perilune _lua "$program" >ready 2>err &
	pid=$!
	{
		for signal in "$@"; do
			read -r line <&3 || break
			kill -"$signal" $pid
		done
		cat <&3 >/dev/null
	} 3<ready
	wait $pid
	status=$?
	test $status -eq "$want" || { echo "status $status"; cat err; return 1; }
}

# ---- exit statuses ----

test_expect_success "the result of the main task is the exit status" '
	echo "return 7" | file seven.lua && expect_exit 7 lua seven.lua &&
	echo "return true" | file true.lua && expect_exit 0 lua true.lua &&
	echo "return false" | file false.lua && expect_exit 1 lua false.lua &&
	echo "local words = ... return #words" | file words.lua && expect_exit 3 lua words.lua abc
'

test_expect_success "a file that is not there, or is no Lua, is named" '
	expect_exit 2 lua nowhere.lua 2>err && grep "nowhere.lua" err &&
	echo "return = 1" >bad.lua && expect_exit 2 lua bad.lua 2>err && grep "bad.lua:1:" err &&
	expect_exit 2 lua 2>err && grep "needs a file" err
'

test_expect_success "an error comes with file, line and the functions of the user" '
	file trace.lua <<-\EOT &&
	local function deep()
	  sched.sleep(0)
	  error("no luck")
	end
	local function shallow() deep() return 1 end
	shallow()
	EOT
	expect_exit 2 lua trace.lua 2>err &&
	cat >expected <<-\EOT &&
	perilune: trace.lua:4: no luck
	    trace.lua:4: in function '\''deep'\''
	    trace.lua:6: in function '\''shallow'\''
	    trace.lua:7: in the file itself
	EOT
	test_cmp expected err
'

test_expect_success "the traceback of a child of a scope is its own, without our functions" '
	file child.lua <<-\EOT &&
	local scope = require "perilune.scope"
	local function child() sched.sleep(0) local x = nil + 1 end
	scope.all { child }
	EOT
	expect_exit 2 lua child.lua 2>err &&
	grep "^perilune: child.lua:3: attempt to perform arithmetic" err &&
	grep "child.lua:3: in " err &&
	! grep "perilune/" err &&
	PERILUNE_LOG=lua=debug expect_exit 2 lua child.lua 2>err &&
	grep "perilune/scope.lua" err
'

test_expect_success "our own modules know their names, lines and variables" '
	echo "require(\"perilune.cli\").main()" | file blank.lua &&
	PERILUNE_LOG=lua=debug expect_exit 2 lua blank.lua 2>err &&
	grep "^perilune: perilune/cli.lua:[0-9]*: attempt to index a nil value (local .argv.)" err &&
	grep "^    perilune/cli.lua:[0-9]*: in function .verb_of." err &&
	line=$(sed -n "s,^perilune: perilune/cli.lua:\([0-9]*\):.*,\1,p" err) &&
	sed -n "${line}p" "$PERILUNE_SRCDIR/bindings/prelude/cli.lua" | grep "argv\[1\]"
'

test_expect_success "an error object keeps its words, and may choose the status" '
	echo "error { kind = \"usage\", message = \"do better\", status = 3 }" | file object.lua &&
	expect_exit 3 lua object.lua 2>err &&
	echo "perilune: do better" >expected && test_cmp expected err
'

test_expect_success "the error of a task that nobody joined is reported and counts" '
	echo "sched.spawn(function() error(\"lost\") end):name \"stray\" sched.sleep(0)" | file stray.lua &&
	expect_exit 2 lua stray.lua 2>err &&
	grep "^perilune: stray failed and nobody waited for it: stray.lua:2: lost" err
'

test_expect_success "also when the words of its error cannot be had" '
	echo "sched.spawn(function() error(setmetatable({}, { __tostring = error })) end) sched.sleep(0)" |
		file wordless.lua &&
	expect_exit 2 lua wordless.lua 2>err &&
	grep "^perilune: a task failed with an error that cannot be printed" err
'

test_expect_success "virtual time may follow a sleep in real time" '
	echo "sched.sleep(0.001) assert(sched.virtual_time()) sched.sleep(3600) print(sched.now() >= 3600)" |
		file later.lua &&
	lua later.lua >out && echo true >expected && test_cmp expected out
'

test_expect_success "tasks left over are cancelled when the main one ends, and may clean up" '
	file rest.lua <<-\EOT &&
	sched.spawn(function()
	  local _ <close> = setmetatable({}, { __close = function() sched.sleep(0.01) print "clean" end })
	  sched.sleep(1000)
	end)
	sched.sleep(0)
	EOT
	lua rest.lua >out && echo clean >expected && test_cmp expected out
'

# ---- deadlock ----

test_expect_success "a deadlock names the tasks, what they wait in, and where" '
	file stuck.lua <<-\EOT &&
	local q = sched.queue()
	local t = sched.spawn(function() q:wait() end)
	t:name "miner"
	t:join()
	EOT
	expect_exit 2 lua stuck.lua 2>err &&
	cat >expected <<-\EOT &&
	perilune: deadlock: every task waits and nothing is left that could wake one
	  main waits in join at stuck.lua:5
	  miner waits in queue:wait at stuck.lua:3
	    stuck.lua:5: in the file itself
	EOT
	test_cmp expected err
'

# ---- virtual time ----

test_expect_success "hours of virtual time pass at once, in the same order every time" '
	file hours.lua <<-\EOT &&
	assert(sched.virtual_time())
	for i = 1, 5 do sched.spawn(function() sched.sleep(3600 * (6 - i)) print(i, sched.now()) end) end
	sched.sleep(36000)
	EOT
	lua hours.lua >out && lua hours.lua >again && test_cmp out again &&
	head -n 1 out | grep "^5	3600.0"
'

test_expect_success "it is too late for virtual time when something runs on real time" '
	echo "sched.spawn(print) sched.virtual_time()" | file late.lua &&
	expect_exit 2 lua late.lua 2>err && grep "before anything else" err
'

# ---- simulated hosts ----

for reply in "{ cod = 1 }|did you mean .code" "{ refuse = \"no\" }|unreachable, auth or hostkey" \
	"3|must be a table or nil" "error(\"broken\")|broken"; do
	words=${reply#*|}
	file reply.lua <<-EOT
	sched.virtual_time()
	local tp = require "perilune.core.transport".sim { responder = function() return ${reply%%|*} end }
	local r = require "perilune.core.run".start { transport = tp, id = "x", kind = "exec", line = "x",
	  hosts = require "perilune.core.hostset".parse "n1" }
	r:wait()
	io.stderr:write(r:result(1).stderr, "\n")
	EOT
	test_expect_success "a simulated reply that is wrong fails its command and the program: $words" '
		expect_exit 2 lua reply.lua 2>err && test_line_count = 2 err &&
		grep "nobody waited for it: .*$words" err && grep "^[^p].*$words" err
	'
done

# ---- Ctrl-C ----

for kind in wait plain pcalls sort gsub coroutine; do
	case $kind in
	wait) body='sched.sleep(1000)' ;;
	plain) body='while true do end' ;;
	pcalls) body='while true do pcall(function() while true do end end) end' ;;
	sort) body='table.sort({ 1, 2, 3 }, function() while true do end end)' ;;
	gsub) body='("x"):gsub("x", function() while true do pcall(error) end end)' ;;
	coroutine) body='while true do pcall(coroutine.wrap(function() while true do end end)) end' ;;
	esac
	printf 'print "ready" io.stdout:flush();\n%s\n' "$body" | file $kind.lua
	test_expect_success "SIGINT and SIGTERM end a $kind" '
		interrupted 130 $kind.lua INT && grep "^perilune: interrupted" err &&
		interrupted 143 $kind.lua TERM
	'
done

test_expect_success "SIGINT is honoured where it was inherited as ignored" '
	(trap "" INT && interrupted 130 wait.lua INT)
'

test_expect_success "closers run after SIGINT, the second one does not wait for them" '
	file closer.lua <<-\EOT &&
	local _ <close> = setmetatable({}, { __close = function()
	  print "closing" io.stdout:flush()
	  sched.sleep(os.getenv "LINGER" + 0)
	  io.stderr:write "closed\n"
	end })
	print "ready" io.stdout:flush()
	sched.sleep(1000)
	EOT
	LINGER=0.01 && export LINGER &&
	interrupted 130 closer.lua INT && grep closed err &&
	LINGER=5 interrupted 143 closer.lua INT TERM && ! grep closed err
'

test_expect_success "on_interrupt decides what the first SIGINT does" '
	file hook.lua <<-\EOT &&
	local main = sched.current()
	local q = sched.queue()
	sched.on_interrupt(function(name) io.stderr:write(name, "\n") q:wake_all() end)
	local pulse = sched.spawn(sched.sleep, 1000)
	print "ready" io.stdout:flush()
	q:wait()
	return select(2, sched.interrupted()) == 130 and 5 or 6
	EOT
	interrupted 5 hook.lua INT && grep "^INT$" err
'

test_expect_success "code in one endless call of C is left by the second SIGINT" '
	file deaf.lua <<-\EOT &&
	print "ready" print "ready" io.stdout:flush()
	return (("a"):rep(40)):find(("a*"):rep(40) .. "b")
	EOT
	{ interrupted 143 deaf.lua INT TERM || test $status -eq 130; }
'

test_done
