-- Gates: limits on metrics.
local spec = require "spec"
local gate = require "perilune.gate"
local metric = require "perilune.metric"

local function metrics_of(values, opts)
  local metrics = metric.new()
  for _, value in ipairs(values) do metrics:add("bw", value, opts or { unit = "GB/s" }) end
  return metrics
end

local function judged(limits, values)
  return gate.evaluate(gate.define("bw", limits), metrics_of(values))
end

-- ---- misuse ----

local RAISES = {
  { { flor = 1 }, "gate 'bw' has an unknown field 'flor'" },
  { { mn = 1 }, "did you mean 'min'?" },
  { { min = "1" }, "gate 'bw': min must be a number, not 1" },
  { { max = 0 / 0 }, "max must be a number" },
  { { stat = "medain" }, "no statistic 'medain' (did you mean 'median'?)" },
  { { missing = "ignore" }, "missing is 'skip' or 'fail', not 'ignore'" },
  { { baseline = "last-pass" }, "has a baseline and no max_drop" },
  { { max_drop = "5%" }, "has max_drop and no baseline" },
  { { baseline = "last-pas", max_drop = "5%" }, "(did you mean 'last-pass'?)" },
  { { baseline = 3, max_drop = "x" }, "max_drop is a part such as" },
  { { baseline = 3, max_drop = 1.5 }, "max_drop is a part such as" },
}
for _, case in ipairs(RAISES) do
  spec.test("raises: " .. case[2], function() spec.raises(case[2], gate.define, "bw", case[1]) end)
end
spec.test("an unknown metric raises and suggests", function()
  spec.raises("gate on 'bv': the point has no such metric (did you mean 'bw'?)", gate.evaluate,
    gate.define("bv", {}), metrics_of { 1 })
  spec.raises("gate on 'bw' at 'n=2'", gate.evaluate, gate.define("bw", { at = "n=2" }),
    metrics_of { 1 })
end)

-- ---- judgement ----

local CASES = {
  { { min = 2 }, { 1, 2, 3 }, "pass", "median 2 GB/s" },
  { { min = 2.5 }, { 1, 2, 3 }, "fail", "median 2 GB/s is under 2.5 GB/s" },
  { { max = 1 }, { 1, 2, 3 }, "fail", "median 2 GB/s is over 1 GB/s" },
  { { stat = "min", min = 1, max = 1 }, { 1, 2, 3 }, "pass", "min 1 GB/s" },
  { { stat = "p90", max = 100 }, { 1 }, "pass", "p90 1 GB/s" },
  { {}, { 1 }, "skip", "no limit was given" },
}
for _, case in ipairs(CASES) do
  spec.test(("%s: %s"):format(case[3], case[4]), function()
    local result = judged(case[1], case[2])
    spec.equal({ result.status, result.why, result.ok }, { case[3], case[4], case[3] ~= "fail" })
  end)
end
-- ---- baselines ----

local BASELINES = {
  { 100, "higher", { 96 }, "pass", "median 96 GB/s is 4.0% worse than 100 GB/s of run R" },
  { 100, "higher", { 120 }, "pass", "median 120 GB/s is 20.0% better than 100 GB/s of run R" },
  { 100, "higher", { 94 }, "fail", "median 94 GB/s is 6.0% worse than 100 GB/s of run R; 5% are allowed" },
  { 100, "lower", { 106 }, "fail", "median 106 GB/s is 6.0% worse" },
  { 100, "lower", { 94 }, "pass", "6.0% better" },
  { 100, "higher", { 94, 94, 94, 94, 94.1 }, "fail", "5.9" },
  { 100, "higher", { 80, 99, 94, 98, 70, 99, 94 }, "unsure", "within the noise of its samples" },
}
for _, case in ipairs(BASELINES) do
  spec.test(("against %g: %s, %s"):format(case[1], case[4], case[5]), function()
    local metrics = metric.new()
    for _, value in ipairs(case[3]) do
      metrics:add("bw", value, { unit = "GB/s", better = case[2] })
    end
    local g = gate.define("bw", { baseline = "last-pass", max_drop = "5%" })
    local result = gate.evaluate(g, metrics, function() return { value = case[1], run = "R" } end)
    spec.equal(result.status, case[4])
    if case[5] ~= "5.9" then spec.contains(result.why, case[5]) end
  end)
end
spec.test("without a baseline: as `missing` says; without a direction: an error", function()
  local metrics, g = metric.new(), { baseline = "last-pass", max_drop = 0.05 }
  metrics:add("bw", 1, { better = "higher" })
  local function none() return nil, "no earlier run" end
  spec.equal(gate.evaluate(gate.define("bw", g), metrics, none).status, "fail")
  g.missing = "skip"
  spec.equal(gate.evaluate(gate.define("bw", g), metrics, none).why, "no earlier run")
  spec.equal(gate.evaluate(gate.define("bw", g), metrics, none).status, "skip")
  spec.raises("say better =", gate.evaluate, gate.define("bw", g), metrics_of { 1 }, none)
end)

spec.test("only warm-ups: as `missing` says, and failing when it says nothing", function()
  local metrics = metrics_of({ 5 }, { warmup = true })
  spec.equal(gate.evaluate(gate.define("bw", { min = 1 }), metrics).status, "fail")
  spec.equal(gate.evaluate(gate.define("bw", { min = 1, missing = "skip" }), metrics).status, "skip")
end)

return spec.done()
