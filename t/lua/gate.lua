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
  { { baseline = "last-pass" }, "'baseline' is not in this version" },
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
spec.test("only warm-ups: as `missing` says, and failing when it says nothing", function()
  local metrics = metrics_of({ 5 }, { warmup = true })
  spec.equal(gate.evaluate(gate.define("bw", { min = 1 }), metrics).status, "fail")
  spec.equal(gate.evaluate(gate.define("bw", { min = 1, missing = "skip" }), metrics).status, "skip")
end)

return spec.done()
