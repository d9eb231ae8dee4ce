-- report_tap.lua - a run's report as TAP 14: a test per point, whose subtest has what the point
-- stated (steps, checks that failed, gates) and, last, whether its run function came to its end.
--
-- TAP 14 is read by TAP 13 readers too, for which subtests are lines of no meaning.

local lines = require "perilune.tap"

local tap = {}

local described, test_line = lines.described, lines.test_line
local add_diagnostics = lines.add_diagnostics

local METRIC_FIELDS = { "name", "at", "unit", "count", "median", "min", "max" }

local function metric_fields(metrics)
  local list = {}
  for i, m in ipairs(metrics) do
    list[i] = {}
    for _, name in ipairs(METRIC_FIELDS) do table.insert(list[i], { name, m[name] }) end
  end
  return list
end

-- ---- one point -----------------------------------------------------------------------------

local function gate_test(g)
  local name = ("gate %s%s"):format(g.metric, g.at and " at " .. g.at or "")
  if g.status == "skip" or g.status == "unsure" then
    return { ok = true, name = name, skip = g.why }
  end
  return { ok = g.status == "pass", name = ("%s: %s"):format(name, g.why) }
end

-- The run function came to its end: what fails the point then are checks and gates.
local function came_through(point)
  if point.verdict == "pass" or not point.why then return true end
  if point.cause == "regression" and point.why:find("^gate ") then return true end
  return point.checks[1] ~= nil and point.checks[1].text == point.why
end

-- What a point stated, in the order in which it is read.
local function statements(point)
  local tests = {}
  for _, step in ipairs(point.steps) do tests[#tests + 1] = { ok = true, name = step.name } end
  for _, check in ipairs(point.checks) do
    tests[#tests + 1] = { ok = false, name = check.text,
      fields = { { "at", check.where } } }
  end
  for _, g in ipairs(point.gates) do tests[#tests + 1] = gate_test(g) end
  tests[#tests + 1] = { ok = came_through(point), name = point.step or "run" }
  return tests
end

local function add_point(out, number, point)
  if point.verdict == "skipped" then
    out[#out + 1] = test_line(number, { ok = true, name = point.name, skip = point.why })
    return
  end
  lines.add_subtest(out, point.name, statements(point))
  out[#out + 1] = test_line(number, { ok = point.verdict == "pass", name = point.name })
  add_diagnostics(out, "", { { "verdict", point.verdict }, { "cause", point.cause },
    { "message", point.why }, { "at", point.where }, { "step", point.step },
    { "exit_status", point.status },
    { "duration_ms", math.floor(point.seconds * 1000 + 0.5) },
    { "metrics", metric_fields(point.metrics) } })
end

--- The report as a TAP document.
---@param r table as in report.json
---@return string
function tap.report(r)
  r = require("perilune.report").plain(r)
  local out = { "TAP version 14", ("1..%d"):format(#r.points) }
  if #r.points == 0 then out[2] = "1..0 # SKIP no point to run" end
  out[#out + 1] = ("# run %s: %s on %s over %s"):format(r.run, described(r.recipe),
    described(r.hosts), r.transport)
  for i, point in ipairs(r.points) do add_point(out, i, point) end
  return table.concat(out, "\n") .. "\n"
end

return tap
