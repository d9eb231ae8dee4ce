-- metric.lua - the samples of a point: series by name and place, and what is computed from them.
--
-- A series is named by its metric and its `at` ("busbw" at "bytes=1M"); its unit and direction are
-- those of the first sample and may not change. Samples of a warm-up are kept and never counted.
-- Misuse raises; who blames the recipe's line is the caller.

local stats = require "perilune.stats"

local metric = {}

---@class perilune.Series
---@field name string
---@field at string? where on an inner sweep
---@field unit string?
---@field better "higher"|"lower"|nil
---@field samples number[]
---@field warmup number[]

---@class perilune.Metrics
---@field series perilune.Series[] in order of first mention
local Metrics = {}
Metrics.__index = Metrics

---@return perilune.Metrics
function metric.new()
  return setmetatable({ series = {}, index = {} }, Metrics)
end

local function key_of(name, at)
  return at and name .. "\0" .. at or name
end

local function check_value(name, value)
  if value == nil then error(("metric '%s' is nil"):format(name), 0) end
  if type(value) ~= "number" then
    error(("metric '%s' is a %s, not a number"):format(name, type(value)), 0)
  end
  if value ~= value then error(("metric '%s' is NaN"):format(name), 0) end
  if math.abs(value) == math.huge then error(("metric '%s' is infinite"):format(name), 0) end
end

local function check_same(series, field, value)
  if value ~= nil and value ~= series[field] then
    error(("metric '%s' has %s '%s', and '%s' before"):format(series.name, field, tostring(value),
      tostring(series[field])), 0)
  end
end

local function check_name(name)
  if type(name) ~= "string" or name == "" then
    error("a metric needs a name", 0)
  end
end

--- Adds a sample; makes the series at the first.
---@param name string
---@param value number
---@param opts? { unit: string?, better: string?, at: string?, warmup: boolean? }
---@return perilune.Series
function Metrics:add(name, value, opts)
  check_name(name)
  check_value(name, value)
  opts = opts or {}
  if opts.better and opts.better ~= "higher" and opts.better ~= "lower" then
    error(("metric '%s': better is 'higher' or 'lower', not '%s'"):format(name,
      tostring(opts.better)), 0)
  end
  local key = key_of(name, opts.at)
  local series = self.index[key]
  if not series then
    series = { name = name, at = opts.at, unit = opts.unit, better = opts.better, samples = {},
      warmup = {} }
    self.index[key] = series
    self.series[#self.series + 1] = series
  end
  check_same(series, "unit", opts.unit)
  check_same(series, "better", opts.better)
  table.insert(opts.warmup and series.warmup or series.samples, value)
  return series
end

---@param name string
---@param at? string
---@return perilune.Series?
function Metrics:find(name, at)
  return self.index[key_of(name, at)]
end

--- The places that a metric was taken at, in order; "" for none in particular.
---@param name string
---@return string[]
function Metrics:places(name)
  local places = {}
  for _, series in ipairs(self.series) do
    if series.name == name then places[#places + 1] = series.at or "" end
  end
  return places
end

--- The names that there are, for suggestions.
---@return string[]
function Metrics:names()
  local names, seen = {}, {}
  for _, series in ipairs(self.series) do
    if not seen[series.name] then names[#names + 1] = series.name end
    seen[series.name] = true
  end
  return names
end

-- ---- statistics ----------------------------------------------------------------------------

--- The names of the statistics; "p1" to "p99" are others.
metric.stats = stats.names

--- The function of a statistic, nil when there is none of that name.
metric.stat = stats.named

--- What a report says of a series; only `count` when it has no samples.
---@param series perilune.Series
---@return table
function metric.summary(series)
  local out = { count = #series.samples }
  if out.count == 0 then return out end
  for _, name in ipairs { "median", "min", "max", "mean", "stddev" } do
    out[name] = stats.named(name)(series.samples)
  end
  return out
end

return metric
