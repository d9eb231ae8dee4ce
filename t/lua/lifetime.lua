-- What is used after it was closed, or while nothing of Lua's should be: an error or the right
-- result, never a crash.
local tap = require "tap"
local sched = require "perilune.core.sched"
local run = require "perilune.core.run"
local sys = require "perilune.core.sys"
local hostset = require "perilune.core.hostset"
local transport = require "perilune.core.transport"

local function start(tp, spec)
  spec.transport, spec.id = tp, "lifetime"
  if not spec.tasks then spec.hosts = hostset.new { "a", "b", "c" } end
  return run.start(spec)
end

local function leave_scope(value)
  local _ <close> = value
end

-- misuse

do
  local tp = transport["local"]()
  tap.raises("non%-closable", "a task is joined or cancelled, not closed", leave_scope, sched.current())
  tap.raises("non%-closable", "runs borrow the names of a host set", leave_scope, hostset.new { "a" })
  tap.raises("non%-closable", "a transport has a close()", leave_scope, tp)

  local function of_length(n) return setmetatable({}, { __len = function() return n end }) end
  for _, n in ipairs { -5, 1 << 50 } do
    tap.raises("cannot have", "words with a length of " .. n, start, tp, { argv = of_length(n) })
    tap.raises("cannot have", "tasks with a length of " .. n, start, tp, { tasks = of_length(n), line = "true" })
    tap.raises("cannot have", "sinks with a length of " .. n, start, tp, { sinks = of_length(n), line = "true" })
    tap.raises("cannot have", "names with a length of " .. n, hostset.new, of_length(n))
  end
  tap.raises("'index'", "a task number below zero", start, tp, { tasks = { { host = "a", index = -1 } }, line = "true" })
  local r = start(tp, { line = "sleep 60" })
  for _, signo in ipairs { 0, -1, 9999, 1 << 40 } do
    tap.raises("no such signal", "signal number " .. signo, r.signal, r, signo)
  end
  r:cancel()
  r:wait()
end

-- a transport closed while it works

for _, make in ipairs { transport["local"], transport.sim } do
  local tp = make()
  local name = tp:name()
  local r = start(tp, { line = "echo hi" })
  tp:close()
  tap.raises("closed", name .. ": nothing new starts once it is closed", start, tp, { line = "true" })
  tp = nil
  collectgarbage()
  r:wait()
  tap.is(r:summary().ok, 3, name .. ": what was running runs to its end")
  r = nil
  collectgarbage()
end

do
  local tp = transport["local"]()
  do
    local r <close> = start(tp, { line = "sleep 60" })
    while #r:waiting() == 0 do sched.sleep(0) end
  end
  tp:close()
  collectgarbage()
  local after = start(transport["local"](), { line = "true" })
  after:wait()
  tap.is(after:summary().ok, 3, "a run left by its scope may end after its transport was closed")
end

-- an interrupt amid Lua is heard before the next wait is over (delivered after sh has ended:
-- os.execute ignores it until then)

do
  local began = sched.now()
  local sleeper = sched.spawn(function()
    os.execute(("(sleep 0.05; kill -INT %d) &"):format(sys.pid()))
    while not sched.interrupted() and sched.now() - began < 10 do end
    sched.sleep(20)
  end)
  sched.on_interrupt(function() sleeper:cancel() end)
  sleeper:join()
  tap.ok(sched.now() - began < 10, "an interrupt amid Lua does not wait for the end of a sleep")
  sched.on_interrupt(nil)
end

-- at the very end: a finalizer runs a coroutine when no task is left

Kept = setmetatable({}, { __gc = function()
  local f = coroutine.wrap(function() coroutine.yield(1) end)
  f()
end })

return tap.done()
