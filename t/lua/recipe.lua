-- Recipes: what they may hold, and how the engine judges what they do.
local spec = require "spec"

local engine = require "perilune.engine"
local recipe = require "perilune.recipe"
local report = require "perilune.report"
local report_text = require "perilune.report_text"
local sweep = require "perilune.sweep"

-- ---- definition ----

local function run() end
local WRONG = {
  { {}, "a recipe needs a name" },
  { { name = "two words", run = run }, "a recipe needs a name" },
  { { name = "a" }, "recipe 'a' needs a function run(t, o)" },
  { { name = "a", run = run, optoins = {} }, "a recipe has no 'optoins' (did you mean 'options'?)" },
  { { name = "a", run = run, options = { n = { type = "itn" } } }, "did you mean 'int'?" },
  { { name = "a", run = run, options = { n = { type = "int", mni = 1 } } }, "unknown field 'mni'" },
  { { name = "a", run = run, options = { n = { type = "int", default = "x" } } },
    "the default of 'n' must be a whole number" },
  { { name = "a", run = run, options = { help = { type = "int" } } }, "--help is taken" },
  { { name = "a", run = run, sim = { { match = "(" , reply = {} } } }, "unfinished capture" },
  { { name = "a", run = run, sim = { { match = "x" } } }, "recipe 'a': responder 1: it needs a reply" },
  { { name = "a", run = run, sim = { { match = "x", reply = { seconds = { "nromal" } } } } },
    "did you mean 'normal'?" },
}
for _, case in ipairs(WRONG) do
  spec.test("pl.recipe raises with its line: " .. case[2], function()
    spec.raises(case[2], recipe.define, case[1])
    local _, message = pcall(function() recipe.define(case[1]) end)
    spec.contains(message, "recipe.lua:" .. debug.getinfo(1, "l").currentline - 1)
  end)
end
spec.test("the first responder that matches answers", function()
  local r = recipe.define { name = "a", run = run, sim = {
    { match = "^uname", reply = { stdout = "x" } },
    { match = "una", reply = function(host, rank) return { stdout = host .. rank } end },
  } }
  local answer = r:responder()
  spec.equal(answer("n1", 0, "uname -a").stdout, "x")
  spec.equal(answer("n1", 3, "echo una").stdout, "n13")
  spec.equal(answer("n1", 3, "true"), nil)
end)

spec.test("a mistake in a reply of the simulated fleet is the recipe's", function()
  for said, reply in pairs {
    ["a reply has no 'stdot' (did you mean 'stdout'?)"] = function() return { stdot = "x" } end,
    ["a reply is a table or nil, not a string"] = function() return "x" end,
    ["attempt to index a nil value"] = function(host) return host.x.y end,
  } do
    local r = recipe.define { name = "x", run = run, sim = { { match = "a", reply = reply } } }
    spec.equal(r:responder()("n1", 0, "a").code, 255)
    spec.contains(r.sim_error, said)
  end
  spec.raises("a reply has no 'stdot'", recipe.define,
    { name = "x", run = run, sim = { { match = "a", reply = { stdot = "x" } } } })
end)

-- ---- running ----

-- Runs fn as a recipe over one axis; the entries of the report and what was said and recorded.
local function play(fn, values, plan)
  local said, events = {}, {}
  local fake = {
    recipe = { name = "test" },
    record = function(ev, fields) events[#events + 1] = { ev = ev, fields = fields } end,
    say_once = function(text) said[#said + 1] = text end,
    say = function(text) said[#said + 1] = text end,
    now = function() return 1 end,
    progress = function() end,
    ended = function() end,
    recordable = function(options) return options end,
    recorded = function() return true end,
  }
  plan = plan or {}
  plan.recipe = { name = "test", run = fn }
  plan.options, plan.repeats, plan.warmup = {}, plan.repeats or 1, plan.warmup or 0
  plan.points = sweep.points(values and { sweep.axis("n", values) } or {})
  return engine.run(plan, fake), said, events
end

local function verdict(fn, ...)
  local entries = play(fn, ...)
  return { entries[1].verdict, entries[1].cause, entries[1].status }
end

local VERDICTS = {
  { "nothing wrong", function() end, { "pass", nil, 0 } },
  { "a check that fails", function(t) t:check(false, "no") end, { "fail", "expectation", 1 } },
  { "an expectation that fails", function(t) t:expect(nil, "no") end, { "fail", "expectation", 1 } },
  { "a gate that is breached", function(t) t:metric("m", 1) t:gate("m", { min = 2 }) end,
    { "fail", "regression", 99 } },
  { "a breached gate with must()", function(t) t:metric("m", 1) t:gate("m", { min = 2 }):must() end,
    { "fail", "regression", 99 } },
  { "a check beside a gate", function(t) t:metric("m", 1) t:gate("m", { min = 2 }) t:check(false) end,
    { "fail", "expectation", 1 } },
  { "a run-time error", function() local x = nil; return x.y end, { "error", "bug", 2 } },
  { "a metric that is nil", function(t) t:metric("m", nil) end, { "error", "bug", 2 } },
  { "a gate on nothing", function(t) t:gate("m", { min = 1 }) end, { "error", "bug", 2 } },
  { "a misspelt field of a metric", function(t) t:metric("m", 1, { unti = "s" }) end,
    { "error", "bug", 2 } },
  { "a failed result's must()", function()
    error({ kind = "must", status = 3, message = "n1: unreachable" }, 0)
  end, { "fail", "infrastructure", 3 } },
  { "a cancel", function() error({ kind = "cancel", why = "interrupted" }, 0) end,
    { "canceled", nil, 130 } },
}
for _, case in ipairs(VERDICTS) do
  spec.test(("%s: %s"):format(case[1], case[3][1]), function()
    spec.equal(verdict(case[2]), case[3])
  end)
end

spec.test("a mistake is told with its line and a traceback", function()
  local entries = play(function(t) t:metric("busbw", 0 / 0) end)
  spec.contains(entries[1].why, "metric 'busbw' is NaN")
  spec.contains(entries[1].why, "recipe.lua:" .. debug.getinfo(1, "l").currentline - 2)
  spec.contains(entries[1].why, "in function")
end)
spec.test("an error at the first point ends the run, at a later one it does not", function()
  local first = play(function() error("no") end, { 1, 2 })
  spec.equal({ first[1].verdict, first[2].verdict }, { "error", "skipped" })
  local second = play(function(_, o) assert(o.n ~= 2) end, { 1, 2, 3 })
  spec.equal({ second[1].verdict, second[2].verdict, second[3].verdict }, { "pass", "error", "pass" })
end)
spec.test("a cancel skips the points that are left", function()
  local entries = play(function() error({ kind = "cancel", why = "x" }, 0) end, { 1, 2 })
  spec.equal({ entries[1].verdict, entries[2].verdict }, { "canceled", "skipped" })
end)
spec.test("each point gets its options", function()
  local seen = {}
  play(function(t, o) seen[#seen + 1] = t.point .. ":" .. o.n end, { 4, 8 })
  spec.equal(seen, { "n=4:4", "n=8:8" })
end)
spec.test("repeats are samples of one point, warm-ups do not count", function()
  local entries = play(function(t) t:metric("m", t.pass) end, nil, { repeats = 3, warmup = 2 })
  spec.equal(entries[1].metrics[1].samples, { 1, 2, 3 })
  spec.equal(entries[1].metrics[1].warmup, { -1, 0 })
end)
spec.test("a gate is judged over the samples of all repeats", function()
  local entries = play(function(t)
    t:metric("m", t.pass == 1 and 0 or 10)
    t:gate("m", { min = 5 })
  end, nil, { repeats = 3 })
  spec.equal({ entries[1].verdict, entries[1].gates[1].value }, { "pass", 10 })
end)
spec.test("t:repeats counts warm-ups up to zero and puts its state back on break", function()
  local seen = {}
  local entries = play(function(t)
    for i in t:repeats(2, { warmup = 1 }) do
      seen[#seen + 1] = i
      t:metric("m", i)
    end
    for i in t:repeats(2, { warmup = 1 }) do if i == 0 then break end end
    t:metric("m", 9)
  end)
  spec.equal(seen, { 0, 1, 2 })
  spec.equal(entries[1].metrics[1].samples, { 1, 2, 9 })
end)
spec.test("t:sweep tells metrics apart by place", function()
  local entries = play(function(t)
    for p in t:sweep { b = { 1, 2 }, a = { "x" } } do t:metric("m", p.b) end
  end)
  spec.equal({ entries[1].metrics[1].at, entries[1].metrics[2].at }, { "a=x,b=1", "a=x,b=2" })
end)
spec.test("t:sweep zips, filters and draws a sample", function()
  local seen = {}
  local function take(list) return function(t)
    for p in t:sweep(table.unpack(list)) do seen[#seen + 1] = ("%s-%s"):format(p.a, p.b) end
  end end
  play(take { { a = { 1, 2 }, b = { "x", "y" } }, { zip = { "a", "b" } } })
  spec.equal(seen, { "1-x", "2-y" })
  seen = {}
  play(take { { a = { 1, 2, 3 }, b = { 1, 2, 3 } }, { filter = function(p) return p.a * p.b == 6 end } })
  spec.equal(seen, { "2-3", "3-2" })
  seen = {}
  play(take { { a = { 1, 2, 3, 4, 5, 6, 7, 8 }, b = { 0 } }, { sample = 3 } })
  spec.equal(#seen, 3)
  for said, list in pairs {
    ["'c' is zipped but not swept"] = { { a = { 1 } }, { zip = { "a", "c" } } },
    ["they cannot be zipped"] = { { a = { 1, 2 }, b = { 1 } }, { zip = { "a", "b" } } },
    ["t:sweep has no 'smaple' (did you mean 'sample'?)"] = { { a = { 1 } }, { smaple = 1 } },
    ["sample is how many points"] = { { a = { 1 } }, { sample = "x" } },
    ["no option 'a' to sweep"] = { { a = "1..4:x2" } },
  } do spec.contains(play(take(list))[1].why, said) end
end)
spec.test("a failure names the step it happened in", function()
  local entries = play(function(t)
    t:step("outer", function() t:step("inner", function() t:expect(false, "no") end) end)
  end)
  spec.equal(entries[1].step, "outer / inner")
  spec.equal(play(function(t) t:step("a", function() end) t:expect(false, "no") end)[1].step, nil)
end)
spec.test("everything passes the record", function()
  local _, _, events = play(function(t)
    t:metric("m", 1)
    t:note("hello %d", 5)
    t:gate("m", { max = 2 })
  end)
  local names = {}
  for i, e in ipairs(events) do names[i] = e.ev end
  spec.equal(names, { "point", "pass", "metric", "note", "gate", "point_end" })
end)

-- ---- the report ----

spec.test("the worst point decides the exit status, in the order 2, 130, 3, 124, 1, 99", function()
  local order = { 0, 99, 1, 124, 3, 130, 2 }
  for i = 2, #order do
    spec.equal(report.worse(order[i - 1], order[i]), order[i])
    spec.equal(report.worse(order[i], order[i - 1]), order[i])
  end
end)
spec.test("the text says what failed, why, and the figures", function()
  local entries = play(function(t, o)
    for i in t:repeats(3) do t:metric("bw", o.n + i - 2, { unit = "GB/s" }) end
    for _ in t:repeats(3) do t:metric("size", 83272548352) end
    t:gate("bw", { min = 3 })
  end, { 2, 4 })
  local status, overall = report.overall(entries)
  local text = report_text.report { recipe = "x", host_count = 1, points = entries, seconds = 1.5,
    status = status, verdict = overall, run = "ID", dir = "/d" }
  for _, part in ipairs { "x on 1 host: 1 pass, 1 FAIL in 1.5 s", "1  n=2    FAIL",
    "regression: gate bw: median 2 GB/s is under 3 GB/s", "2  n=4    pass",
    "4 [3 .. 5]  83272548352\n", "verdict: fail (exit status 99)", "run ID: /d" } do
    spec.contains(text, part)
  end
end)

return spec.done()
