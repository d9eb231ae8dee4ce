-- Tasks: who runs, who waits, what a cancel does.
local tap = require "tap"
local sched = require "perilune.core.sched"

local spawn, sleep = sched.spawn, sched.sleep

-- misuse

tap.raises("function expected", "spawn wants a function", spawn, 3)
tap.raises("0 or more", "sleep wants no negative time", sleep, -1)
tap.raises("0 or more", "sleep wants a number that is one", sleep, 0 / 0)
tap.raises("own end", "a task cannot join itself", function() sched.current():join() end)
tap.raises("outside a coroutine", "a task is no coroutine", coroutine.yield)

-- waits that are refused, by name

local refused = {
  { "table.sort", function() table.sort({ 2, 1 }, function(a, b) sleep(0) return a < b end) end },
  { "string.gsub", function() ("x"):gsub("x", function() sleep(0) end) end },
  { "require", function()
    package.preload["waits"] = function() sleep(0) end
    require "waits"
  end },
  { "tostring", function()
    tostring(setmetatable({}, { __tostring = function() sleep(0) return "" end }))
  end },
  { "table.concat", function()
    table.concat(setmetatable({}, { __index = function() sleep(0) end }), "", 1, 1)
  end },
  { "table.sort", function()
    table.sort({ 2, 1 }, coroutine.wrap(function() sleep(0) end))
  end },
  { "load", function() load(function() sleep(0) end) error(select(2, load(function() sleep(0) end))) end },
}
refused[#refused + 1] = { "table.sort", function()
  table.sort({ 2, 1 }, function() error(select(2, pcall(sleep, 0)), 0) end)
end }
for _, case in ipairs(refused) do
  tap.raises("sleep cannot wait inside " .. case[1], "no wait inside " .. case[1], case[2])
end
tap.raises("cannot wait inside a thing of mine", "a refusal has the name it was given", sched.refuse("a thing of mine", function() sleep(0) end))

-- results

do
  local t = spawn(function(a, ...) sleep(0.001) return a, select("#", ...), nil end, "x", 1, nil)
  tap.is(t:status(), "runnable", "a new task is runnable")
  tap.is({ n = select("#", t:join()), t:join() }, { n = 4, true, "x", 2, nil }, "join gives all results")
  tap.is(t:status(), "done", "then it is done")
  local boom = { kind = "boom" }
  local f = spawn(function() sleep(0) error(boom) end)
  local ok, err, trace = f:join()
  tap.ok(not ok and err == boom, "an error object arrives as it is")
  tap.like(trace, "sched.lua:%d+: in", "with the traceback across the wait")
  tap.is(f:status(), "failed", "the task has failed")
end

-- order, time

do
  local order = {}
  local tasks = {}
  for i, s in ipairs { 0.03, 0.01, 0.02 } do
    tasks[i] = spawn(function() sleep(s) order[#order + 1] = i end)
  end
  for _, t in ipairs(tasks) do t:join() end
  tap.is(order, { 2, 3, 1 }, "sleepers wake in order of time")
  local before = sched.now()
  sleep(0.01)
  tap.ok(sched.now() - before >= 0.01, "a sleep is not shorter than asked")
end

-- cancel

do
  local log = {}
  local t = spawn(function()
    for i = 1, 3 do
      local ok, err = pcall(sleep, 100)
      log[i] = not ok and err.kind == "cancel" and tostring(err)
    end
    sched.check()
  end)
  sleep(0)
  t:cancel("enough")
  local ok, err = t:join()
  tap.is(log, { "enough", "enough", "enough" }, "each wait of a cancelled task raises again")
  tap.ok(not ok and err.why == "enough" and t:status() == "canceled", "it ends as canceled")
  local never = spawn(function() log.ran = true end)
  never:cancel()
  never:join()
  tap.is(log.ran, nil, "a task cancelled before its start does not run")
end

do
  local waited = {}
  local function closeable(name)
    return setmetatable({}, { __close = function() sleep(0.002) waited[#waited + 1] = name end })
  end
  local t = spawn(function()
    local a <close> = closeable "a"
    local b <close> = closeable "b"
    sleep(100)
  end)
  sleep(0)
  t:cancel()
  t:join()
  tap.is(waited, { "b", "a" }, "closers wait though their task is cancelled")
  waited = {}
  t = spawn(function()
    local a <close> = closeable "a"
    sleep(0)
    error "no luck"
  end)
  local _, err = t:join()
  tap.ok(waited[1] == "a" and err:find "no luck$", "closers wait when their task fails")
  t = spawn(function()
    pcall(sleep, 100)
    return sched.closer(function(x) sleep(0.001) return x end, 7)
  end)
  sleep(0)
  t:cancel()
  tap.is({ t:join() }, { true, 7 }, "closer() waits in a cancelled task")
end

-- long Lua

do
  local ticks, stop = 0, false
  local ticker = spawn(function()
    while not stop do sleep(0.001) ticks = ticks + 1 end
  end)
  local until_s = os.clock() + 0.3
  while os.clock() < until_s do end
  stop = true
  ticker:join()
  tap.ok(ticks >= 1, "a long loop lets others run")

  local loops = {
    plain = function() while true do end end,
    pcalls = function() while true do pcall(function() while true do end end) end end,
    xpcalls = function()
      while true do xpcall(function() while true do end end, function() while true do end end) end
    end,
    sort = function()
      table.sort({ 1, 2, 3 }, function() while true do end end)
    end,
    coroutines = function()
      while true do pcall(coroutine.wrap(function() while true do end end)) end
    end,
    gsub = function() ("x"):gsub("x", function() while true do end end) end,
  }
  for name, fn in pairs(loops) do
    local t
    if name == "sort" or name == "gsub" then
      -- nobody else can run meanwhile: it is cancelled before it starts to spin
      t = spawn(function() sched.current():cancel() fn() end)
    else
      t = spawn(fn)
      spawn(function() sleep(0.03) t:cancel() end)
    end
    tap.is(select(2, t:join()).kind, "cancel", "an endless loop ends when cancelled: " .. name)
  end
end

-- queues

do
  local q, woken = sched.queue(), {}
  local tasks = {}
  for i = 1, 3 do
    tasks[i] = spawn(function() q:wait() woken[#woken + 1] = i end)
  end
  sleep(0)
  q:wake_one()
  sleep(0)
  tap.is(woken, { 1 }, "wake_one wakes the first")
  q:wake_all()
  for _, t in ipairs(tasks) do t:join() end
  tap.is(woken, { 1, 2, 3 }, "wake_all wakes the rest in order")
end

-- locals

do
  sched.locals().x = 1
  spawn(function()
    tap.is(sched.locals().x, 1, "locals are inherited")
    sched.locals().x = 2
  end):join()
  tap.is(sched.locals().x, 1, "and changed for oneself only")
end

-- coroutines

do
  local co = coroutine.create(function(a)
    sleep(0.001)
    local b = coroutine.yield(a + 1)
    sleep(0.001)
    return b * 2
  end)
  tap.is({ coroutine.resume(co, 1) }, { true, 2 }, "a wait inside a coroutine reaches the scheduler")
  tap.is(coroutine.status(co), "suspended", "it stands in its yield")
  tap.is({ coroutine.resume(co, 21) }, { true, 42 }, "and goes on")
  tap.is(coroutine.status(co), "dead", "to its end")
  tap.like(select(2, coroutine.resume(co)), "dead", "the dead stay so")
  local gen = coroutine.wrap(function() for i = 1, 3 do sleep(0) coroutine.yield(i) end end)
  local sum = 0
  for i in gen do sum = sum + i end
  tap.is(sum, 6, "a generator may wait")
  local nested = coroutine.wrap(function()
    coroutine.yield(coroutine.wrap(function() sleep(0.001) coroutine.yield "deep" end)())
  end)
  tap.is(nested(), "deep", "waits pass through several coroutines")

  local closed = false
  local c = coroutine.create(function()
    local x <close> = setmetatable({}, { __close = function() sleep(0.001) closed = true end })
    coroutine.yield()
  end)
  coroutine.resume(c)
  tap.ok(coroutine.close(c) and closed, "closers of a closed coroutine may wait")
  tap.is(coroutine.status(c), "dead", "then it is dead")
  local stubborn = coroutine.create(function() while true do pcall(coroutine.yield) end end)
  coroutine.resume(stubborn)
  coroutine.close(stubborn)
  tap.is(coroutine.status(stubborn), "dead", "one that refuses to close is closed all the same")
  local fails = coroutine.create(function() error("oops", 0) end)
  tap.is({ coroutine.resume(fails) }, { false, "oops" }, "an error is handed to who resumed")
  tap.is(coroutine.isyieldable(), false, "a task is not yieldable")

  local busy = coroutine.create(function() sleep(0.01) end)
  local t = spawn(function() coroutine.resume(busy) end)
  sleep(0)
  tap.like(select(2, coroutine.resume(busy)), "waits in another task", "a waiting coroutine is not resumed by another task")
  tap.is(coroutine.status(busy), "normal", "it is neither suspended nor dead")
  t:join()
end

-- many

do
  collectgarbage()
  local before = collectgarbage "count"
  for _ = 1, 20 do
    local tasks = {}
    for i = 1, 1000 do tasks[i] = spawn(sleep, 0) end
    for i = 1, 1000 do tasks[i]:join() end
  end
  collectgarbage()
  collectgarbage()
  tap.ok(collectgarbage "count" - before < 200, "tasks leave no memory behind")
end

return tap.done()
