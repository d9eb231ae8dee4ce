-- run.lua - perilune.core.run: fan-outs from Lua, over the local transport and a simulated fleet
local tap = require "tap"
local hostset = require "perilune.core.hostset"
local run = require "perilune.core.run"
local sched = require "perilune.core.sched"
local transport = require "perilune.core.transport"

local here = transport["local"]()
local serial = 0

local function start(spec)
	serial = serial + 1
	spec.transport, spec.id = spec.transport or here, spec.id or "t-" .. serial
	return run.start(spec)
end

local function set(text) return assert(hostset.parse(text)) end

-- ---- wrong use --------------------------------------------------------------------------------

local function refused(spec, pattern)
	local ok, why = pcall(start, spec)
	tap.ok(not ok and tostring(why):find(pattern), "refused: " .. pattern)
end

refused({ hosts = set "a", line = "true", fannout = 3 }, "unknown key 'fannout'")
refused({ line = "true" }, "needs hosts or tasks")
refused({ hosts = set "a" }, "line or words")
refused({ hosts = set "a", line = "true", fanout = 0 }, "at least 1")
refused({ hosts = set "a", line = "a\0b" }, "zero byte")
refused({ hosts = set "a", line = "true", timeout = -1 }, "number of seconds")
refused({ hosts = set "a", line = "true", env = { ["A=B"] = "c" } }, "cannot name a variable")
refused({ hosts = set "a", line = "true", sinks = { 7 } }, "a sink is")
refused({ tasks = { { index = 1 } }, line = "true" }, "needs a host")
refused({ hosts = set "a", line = "true", id = "no spaces" }, "run id")

-- ---- as they end ------------------------------------------------------------------------------

do
	local dir = os.tmpname()
	os.remove(dir)
	local r = start { hosts = set "n[1-3]", fanout = 3, line =
		"case $PERILUNE_TASK in *n1*) until [ -e " .. dir .. " ]; do sleep 0.01; done;; esac" }
	local ended = {}
	for _ = 1, 2 do ended[#ended + 1] = r:next_ended() end
	table.sort(ended)
	tap.is(table.concat(ended, " "), "2 3", "next_ended gives those that have ended, not the slow one")
	assert(io.open(dir, "w")):close()
	tap.is(r:next_ended(), 1, "and the slow one when it has")
	tap.is(r:next_ended(), nil, "then none")
	os.remove(dir)
	local late = start { hosts = set "n[1-2]", line = "true" }:wait()
	tap.is(late:next_ended(), 1, "of a run that is over the tasks come in order")
	tap.is(late:next_ended(), 2, "each once")
	tap.is(late:next_ended(), nil, "and no more")
end

-- ---- results ----------------------------------------------------------------------------------

do
	local r = start { hosts = set "n[1-3]", line = "echo $PERILUNE_TASK >&2; echo hi; exit 3" }
	tap.is(r:wait(), r, "wait gives the run")
	tap.is(r:ended(), true, "it has ended")
	tap.is(r:count(), 3, "three tasks")
	tap.is(r:summary().exit, 3, "the summary counts outcomes")
	tap.is(r:status(), 1, "the worst exit status")
	local one = r:result(1)
	tap.is(one.host, "n1", "results are in the order of hosts")
	tap.is(one.outcome, "exit", "an outcome")
	tap.is(one.code, 3, "an exit code")
	tap.is(one.stdout, "hi\n", "standard output")
	tap.ok(one.stderr:find("%.0%.1\n$"), "the tag is there in the environment")
	tap.is(one.signal, nil, "no field that does not apply")
	tap.ok(rawequal(r:result(1), one), "the same table while somebody holds it")
	tap.is(r:find "n2", 2, "find by host")
	tap.is(r:find "x", nil, "find what is not there")
	tap.is(pcall(r.result, r, 4), false, "no such task")
end

do
	local r = start { tasks = {
		{ host = "a", line = "echo $X", env = { X = "1" } },
		{ host = "a", index = 1, argv = { "printf", "%s", "two words" } },
		{ host = "b" } }, line = "echo base", env = { X = "0" } }
	r:wait()
	tap.is(r:result(1).stdout, "1\n", "a task's own environment")
	tap.is(r:result(2).stdout, "two words", "exact words")
	tap.is(r:result(3).stdout, "base\n", "what a task leaves out comes from the spec")
	tap.is(r:find("a", 1), 2, "find by host and index")
end

do
	local r = start { hosts = set "n[1-4]",
		line = "case $PERILUNE_TASK in *.3.1) echo odd;; *) echo even;; esac" }
	r:wait()
	local groups = r:fold { by = "output" }
	tap.is(#groups, 2, "two groups")
	tap.is(tostring(groups[1].hosts), "n[1-3]", "the largest first, its hosts a set")
	tap.is(groups[1].stdout, "even\n", "with what they said")
	tap.is(groups[2].indexes[1], 4, "and their numbers")
end

-- ---- standard input, lines, cancel ------------------------------------------------------------

do
	local r = start { hosts = set "a,b", line = "cat", stdin = "given whole" }
	r:wait()
	tap.is(r:result(2).stdout, "given whole", "stdin as a string")
	r = start { hosts = set "a", line = "wc -c", stdin = true }
	for _ = 1, 64 do r:write(("x"):rep(65536)) end
	r:close_stdin()
	r:wait()
	tap.is(tonumber(r:result(1).stdout), 64 * 65536, "stdin fed piece by piece, with waits")
	tap.is(r:write("late"), false, "writing to what has ended says so")
end

do
	local r = start { hosts = set "a", line = "seq 100000; printf end", lines = true }
	local n, last, stream = 0, nil, nil
	for i, from, line in function() return r:next_line() end do
		n, last, stream = n + i, line, from
	end
	tap.is(n, 100001, "every line comes")
	tap.is(last, "end", "the last one without newline too")
	tap.is(stream, "stdout", "with its stream")
	r = start { hosts = set "a", line = "true" }
	tap.is(pcall(r.next_line, r), false, "lines must have been asked for")
	r:wait()
end

do
	local r = start { hosts = set "a,b,c", line = "sleep 1000" }
	repeat sched.sleep(0.01) until #r:waiting() == 3 and r:waiting()[3].phase == "stream"
	tap.is(r:waiting()[1].host, "a", "who is waited for")
	tap.is(r:signal("KILL", 1), true, "a signal for one")
	repeat sched.sleep(0.01) until r:outcome(1) ~= "none"
	r:cancel(2)
	r:cancel()
	r:wait()
	tap.is(r:outcome(1), "signal", "killed by it")
	tap.is(r:outcome(2), "canceled", "cancelled alone")
	tap.is(r:status(), 130, "a cancel is an interruption")
	tap.is(pcall(r.signal, r, "NOSUCH"), false, "no such signal")
end

do
	local r = start { hosts = set "a", line = "sleep 1000", timeout = 0.05 }
	r:wait()
	tap.is(r:outcome(1), "timeout", "a deadline")
end

-- A run that nobody holds is cancelled, and its memory outlives its userdata.
do
	local marks = os.tmpname()
	do
		local r = start { hosts = set "a",
			line = "trap 'echo ended > " .. marks .. "; exit' TERM; echo ready; while :; do sleep 0.01; done" }
		repeat sched.sleep(0.01) until r:result(1).stdout ~= ""
		r = nil
		collectgarbage()
	end
	local text
	for _ = 1, 200 do
		sched.sleep(0.01)
		local file = io.open(marks)
		text = file:read "a"
		file:close()
		if text ~= "" then break end
	end
	tap.is(text, "ended\n", "a run that was collected is cancelled")
	os.remove(marks)
end

-- ---- a simulated fleet ------------------------------------------------------------------------

do
	local sim = transport.sim { responder = function(host, index, cmd)
		if host == "bad" then return { code = 7 } end
		return { stdout = host .. " " .. cmd .. "\n", seconds = 0.001 }
	end }
	local printer = run.printer { quiet = true, lines = false }
	local r = start { transport = sim, hosts = set "n[1-500],bad", line = "go", fanout = 100, sinks = { printer } }
	r:wait()
	tap.is(r:summary().ok, 500, "a simulated fleet answers from Lua")
	tap.is(r:result(500).stdout, "n500 go\n", "each host for itself")
	tap.is(r:first_failed(), 501, "the first that failed by itself")
	tap.is(printer:flush(), true, "a printer is flushed")
end

refused({ hosts = set "a", line = "true", sinks = { run } }, "a sink is")
tap.is(pcall(run.printer, { colour = true }), false, "an option that no printer has")
tap.is(run.printer { outdir = "/nowhere/at/all" }, nil, "a folder that is not there")
tap.is(run.exit_status_worse(1, 3), 3, "the worse of two exit statuses")
tap.is(run.outcome_status "idle", 124, "an outcome's exit status")

return tap.done()
