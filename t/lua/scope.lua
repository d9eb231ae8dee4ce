-- Structured tasks: a scope ends when its children have.
local tap = require "tap"
local sched = require "perilune.core.sched"
local scope = require "perilune.scope"

local sleep = sched.sleep

local function canceled_flag(flags, name)
  return setmetatable({}, { __close = function(_, err)
    flags[name] = type(err) == "table" and err.kind or "no error"
  end })
end

-- misuse

tap.raises("scope", "spawn outside of a scope is refused", scope.spawn, print)
tap.raises("functions", "a race needs somebody", scope.race, {})

-- results

tap.is({ scope.run(function(a, b) sleep(0) return b, a end, 1, 2) }, { 2, 1 },
  "run hands arguments in and results out")
tap.is(scope.all {
  function() sleep(0.003) return "slow" end,
  function() return "fast" end,
  function() return nil end,
}, { "slow", "fast", nil, n = 3 }, "all gives results in order")
tap.is({ scope.race {
  function() sleep(10) return "slow" end,
  function() sleep(0.001) return "fast", 2 end,
} }, { "fast", 2 }, "race gives those of the first")
tap.is({ scope.timeout(10, function(x) sleep(0.001) return x end, 7) }, { 7 },
  "timeout gives those of a function in time")
do
  local flags = {}
  local r = scope.timeout(0.005, function()
    local _ <close> = canceled_flag(flags, "late")
    sleep(100)
  end)
  tap.ok(r.ok == false and r.phase == "timeout", "and a failed result when the time is over")
  tap.is(flags.late, "cancel", "what was late is cancelled first")
end

-- waiting for children

do
  local log = {}
  scope.run(function()
    scope.spawn(function()
      sleep(0.003)
      scope.spawn(function() sleep(0.003) log[#log + 1] = "grandchild" end)
      log[#log + 1] = "child"
    end)
    log[#log + 1] = "body"
  end)
  tap.is(log, { "body", "child", "grandchild" }, "a scope waits for all that was started in it")
end

-- errors

do
  local function boom() error("boom", 0) end
  local ran = false
  local function beside() ran = true end
  for name, call in pairs {
    all = function() scope.all { boom, beside } end,
    race = function() scope.race { boom, beside } end,
    timeout = function() scope.timeout(100, boom) end,
    spawn = function() scope.run(function() scope.spawn(boom) scope.spawn(beside) sleep(100) end) end,
  } do
    local ok, got = pcall(call)
    tap.ok(not ok and got == "boom", "an error before its siblings had a turn ends " .. name)
  end
  tap.ok(not ran, "and they never run")
  scope.run(function() scope.spawn(beside):cancel() end)
  tap.ok(not ran, "a task may be cancelled before its first turn")
end

do
  local flags, err = {}, { kind = "boom" }
  local ok, got = pcall(scope.all, {
    function() local _ <close> = canceled_flag(flags, "a") sleep(100) end,
    function() sleep(0.001) error(err) end,
    function() local _ <close> = canceled_flag(flags, "c") sleep(100) end,
  })
  tap.ok(not ok and got == err, "the error of a child is raised by the scope")
  tap.is(flags, { a = "cancel", c = "cancel" }, "after its siblings were cancelled")
  flags = {}
  ok, got = pcall(scope.run, function()
    local _ <close> = canceled_flag(flags, "body")
    scope.spawn(function() error("child failed", 0) end)
    sleep(100)
  end)
  tap.is({ ok, got, flags.body }, { false, "child failed", "cancel" }, "a failed child ends the body")
  local waited = false
  pcall(scope.all, {
    function() local _ <close> = setmetatable({}, { __close = function() sleep(0.005) waited = true end })
      sleep(100) end,
    function() error "x" end,
  })
  tap.ok(waited, "the scope waits for the closers of cancelled children")
  tap.is(scope.all { function() return 1 end }[1], 1, "the task that caught it goes on")
end

-- cancel from outside

do
  local flags = {}
  local t = sched.spawn(function()
    scope.run(function()
      scope.spawn(function() local _ <close> = canceled_flag(flags, "child") sleep(100) end)
      local _ <close> = canceled_flag(flags, "body")
      sleep(100)
    end)
  end)
  sleep(0.001)
  t:cancel("enough")
  local _, err = t:join()
  tap.is({ err.kind, err.why, flags.child, flags.body }, { "cancel", "enough", "cancel", "cancel" },
    "a cancelled scope cancels its children and waits for them")
end

return tap.done()
