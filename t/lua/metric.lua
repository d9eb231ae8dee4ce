-- Metrics: samples, series, statistics.
local spec = require "spec"
local metric = require "perilune.metric"

local function series(...)
  local metrics = metric.new()
  for _, value in ipairs { ... } do metrics:add("m", value) end
  return metrics:find("m")
end

-- ---- misuse ----

spec.test("nil and NaN raise and name the metric", function()
  local metrics = metric.new()
  spec.raises("metric 'busbw' is nil", metrics.add, metrics, "busbw", nil)
  spec.raises("metric 'busbw' is NaN", metrics.add, metrics, "busbw", 0 / 0)
  spec.raises("metric 'busbw' is a string, not a number", metrics.add, metrics, "busbw", "fast")
  spec.raises("a metric needs a name", metrics.add, metrics, nil, 1)
  spec.equal(#metrics.series, 0)
end)
spec.test("unit and direction of a metric may not change", function()
  local metrics = metric.new()
  metrics:add("bw", 1, { unit = "GB/s", better = "higher" })
  metrics:add("bw", 2)
  spec.raises("metric 'bw' has unit 'MB/s', and 'GB/s' before", metrics.add, metrics, "bw", 3,
    { unit = "MB/s" })
  spec.raises("better is 'higher' or 'lower', not 'more'", metrics.add, metrics, "x", 3,
    { better = "more" })
  spec.equal(metrics:find("bw").samples, { 1, 2 })
end)

-- ---- statistics ----

local CASES = {
  { { 3, 1, 2 }, "median", 2 },
  { { 4, 1, 2, 3 }, "median", 2.5 },
  { { 5 }, "median", 5 },
  { { 5 }, "stddev", 0.0 },
  { { 2, 4, 4, 4, 5, 5, 7, 9 }, "mean", 5.0 },
  { { 2, 4 }, "stddev", math.sqrt(2) },
  { { 3, 1, 2 }, "min", 1 },
  { { 3, 1, 2 }, "max", 3 },
  { { 3, 1, 2 }, "first", 3 },
  { { 3, 1, 2 }, "last", 2 },
  { { 1, 2, 3, 4, 5 }, "p50", 3 },
  { { 0, 10 }, "p90", 9.0 },
}
for _, case in ipairs(CASES) do
  spec.test(("%s of %s is %s"):format(case[2], table.concat(case[1], " "), case[3]), function()
    spec.equal(metric.stat(case[2])(series(table.unpack(case[1])).samples), case[3])
  end)
end
spec.test("statistics that do not exist are nil", function()
  for _, name in ipairs { "avg", "p0", "p100", "p", "" } do spec.equal(metric.stat(name), nil) end
end)
spec.test("statistics leave the samples in their order", function()
  local s = series(3, 1, 2)
  metric.summary(s)
  spec.equal(s.samples, { 3, 1, 2 })
end)

-- ---- series ----

spec.test("series are told apart by place and kept in order of first mention", function()
  local metrics = metric.new()
  metrics:add("bw", 1, { at = "n=2" })
  metrics:add("bw", 2, { at = "n=4" })
  metrics:add("lat", 3)
  metrics:add("bw", 4, { at = "n=2" })
  spec.equal(#metrics.series, 3)
  spec.equal(metrics:find("bw", "n=2").samples, { 1, 4 })
  spec.equal(metrics:find("bw"), nil)
  spec.equal(metrics:names(), { "bw", "lat" })
end)
spec.test("warm-up samples are kept apart and not counted", function()
  local metrics = metric.new()
  metrics:add("bw", 100, { warmup = true })
  metrics:add("bw", 1)
  spec.equal(metric.summary(metrics:find("bw")).max, 1)
  spec.equal(metrics:find("bw").warmup, { 100 })
end)
spec.test("a summary of nothing only counts", function()
  local metrics = metric.new()
  spec.equal(metric.summary(metrics:add("bw", 1, { warmup = true })), { count = 0 })
end)

return spec.done()
