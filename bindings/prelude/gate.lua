-- gate.lua - a limit on a metric: what may be written in it, and whether the samples keep it.
--
--   t:gate("busbw", { stat = "median", min = o.floor, max = 400 })
--   t:gate("busbw", { baseline = "last-pass", max_drop = "5%", missing = "skip" })
--
-- A baseline is the same statistic of the same metric in an earlier run, found by who runs the
-- gate; against it the metric may be worse by max_drop at most, in the direction its `better` says.
-- A drop that is within the noise of the samples, and beyond the limit at the same time, is
-- "unsure": the interval of the samples' statistic holds the limit.
--
-- A limit that is nil sets none; a gate without any is skipped, so that an option left out leaves
-- the gate out. Misuse raises; who blames the recipe's line is the caller.

local metric = require "perilune.metric"
local nearest = require "perilune.nearest"
local stats = require "perilune.stats"

local gate = {}

local KEYS = { "stat", "min", "max", "at", "baseline", "max_drop", "missing" }
local BASELINES = { ["last-pass"] = true, ["last"] = true }
local UNSURE_SAMPLES = 5 -- fewer say nothing of their noise
local MISSING = { skip = true, fail = true }

---@class perilune.Gate
---@field metric string
---@field at string?
---@field stat string
---@field min number?
---@field max number?
---@field missing "skip"|"fail" what it is without samples, or without a baseline
---@field baseline "last-pass"|"last"|number|nil
---@field max_drop number? the part of the baseline that may be lost, 0.05

---@class perilune.GateResult
---@field status "pass"|"fail"|"skip"|"unsure"
---@field ok boolean anything but fail
---@field metric string
---@field at string?
---@field stat string
---@field value number?
---@field count integer samples it was computed from
---@field min number?
---@field max number?
---@field baseline number? what it was compared with
---@field baseline_run string? whose it is
---@field drop number? the part of it that was lost; negative where it is better
---@field why string

local function check_keys(name, limits)
  local known = {}
  for _, key in ipairs(KEYS) do known[key] = true end
  for key in pairs(limits) do
    if not known[key] then
      error(("gate '%s' has an unknown field '%s'%s"):format(name, tostring(key),
        nearest.hint(tostring(key), KEYS)), 0)
    end
  end
end

local function check_limit(name, field, value)
  if value ~= nil and (type(value) ~= "number" or value ~= value) then
    error(("gate '%s': %s must be a number, not %s"):format(name, field, tostring(value)), 0)
  end
end

-- "5%" or 0.05 as a part of one.
local function read_drop(name, value)
  if value == nil then return nil end
  local percent = type(value) == "string" and tonumber(value:match("^(%d*%.?%d+)%%$"))
  local part = percent and percent / 100 or value
  if type(part) ~= "number" or part < 0 or part >= 1 then
    error(("gate '%s': max_drop is a part such as \"5%%\" or 0.05, not %s"):format(name,
      tostring(value)), 0)
  end
  return part
end

local function check_baseline(name, limits)
  local baseline = limits.baseline
  if baseline == nil then
    if limits.max_drop == nil then return end
    error(("gate '%s' has max_drop and no baseline; write baseline = \"last-pass\""):format(name),
      0)
  end
  if type(baseline) ~= "number" and not BASELINES[baseline] then
    error(("gate '%s': baseline is \"last-pass\", \"last\" or a number, not '%s'%s"):format(name,
      tostring(baseline), nearest.hint(tostring(baseline), { "last-pass", "last" })), 0)
  end
  if limits.max_drop == nil then
    error(("gate '%s' has a baseline and no max_drop; write max_drop = \"5%%\""):format(name), 0)
  end
end

--- Checks what a recipe wrote and makes a gate of it.
---@param name string the metric
---@param limits? table
---@return perilune.Gate
function gate.define(name, limits)
  if type(name) ~= "string" then error("a gate needs the name of a metric", 0) end
  limits = limits or {}
  if type(limits) ~= "table" then
    error(("gate '%s' needs a table of limits"):format(name), 0)
  end
  check_keys(name, limits)
  check_limit(name, "min", limits.min)
  check_limit(name, "max", limits.max)
  local stat = limits.stat or "median"
  if not metric.stat(stat) then
    error(("gate '%s' has no statistic '%s'%s"):format(name, tostring(stat),
      nearest.hint(tostring(stat), metric.stats())), 0)
  end
  if limits.missing ~= nil and not MISSING[limits.missing] then
    error(("gate '%s': missing is 'skip' or 'fail', not '%s'"):format(name,
      tostring(limits.missing)), 0)
  end
  check_baseline(name, limits)
  return { metric = name, at = limits.at, stat = stat, min = limits.min, max = limits.max,
    missing = limits.missing or "fail", baseline = limits.baseline,
    max_drop = read_drop(name, limits.max_drop) }
end

local function show(value, unit)
  return require("perilune.units").figure(value) .. (unit and " " .. unit or "")
end

-- Without a sample (all were warm-ups) there is nothing to judge.
local function judge_nothing(g, result)
  result.status, result.why = g.missing, "no samples"
  return result
end

-- ---- against a baseline ---------------------------------------------------------------------

-- Which way is worse must be known.
local function direction(g, series)
  if series.better then return series.better == "lower" and -1 or 1 end
  error(("gate '%s' compares with a baseline: say better = \"higher\" or \"lower\" in t:metric")
    :format(g.metric), 0)
end

-- With several samples, whether their own spread reaches from one side of the limit to the other.
local function is_unsure(g, series, limit)
  if #series.samples < UNSURE_SAMPLES then return false end
  local low, high = stats.bootstrap(series.samples, { stat = g.stat })
  return low < limit and limit < high
end

local function judge_drop(g, series, result, base)
  local worse = direction(g, series)
  local unit = series.unit
  result.baseline, result.baseline_run = base.value, base.run
  result.drop = worse * (base.value - result.value) / math.abs(base.value)
  local limit = base.value - worse * g.max_drop * math.abs(base.value)
  local said = ("%s %s is %.1f%% %s than %s%s"):format(g.stat, show(result.value, unit),
    math.abs(result.drop) * 100, result.drop > 0 and "worse" or "better", show(base.value, unit),
    base.run and " of run " .. base.run or "")
  if result.drop <= g.max_drop then
    result.status, result.why = "pass", said
  elseif is_unsure(g, series, limit) then
    result.status, result.why = "unsure", said .. ", within the noise of its samples"
  else
    result.status, result.why = "fail", ("%s; %g%% are allowed"):format(said, g.max_drop * 100)
  end
end

-- find(g) -> { value =, run = } | nil, why.
local function judge_baseline(g, series, result, find)
  local base, why
  if type(g.baseline) == "number" then
    base = { value = g.baseline }
  else
    base, why = find(g)
  end
  if not base or base.value == 0 then
    result.status, result.why = g.missing, why or "the baseline is 0"
    direction(g, series)
    return
  end
  judge_drop(g, series, result, base)
end

local function judge(g, series, result)
  result.value = metric.stat(g.stat)(series.samples)
  local said = ("%s %s"):format(g.stat, show(result.value, series.unit))
  if g.min and result.value < g.min then
    result.status, result.why = "fail", ("%s is under %s"):format(said, show(g.min, series.unit))
  elseif g.max and result.value > g.max then
    result.status, result.why = "fail", ("%s is over %s"):format(said, show(g.max, series.unit))
  elseif g.min or g.max then
    result.status, result.why = "pass", said
  else
    result.status, result.why = "skip", "no limit was given"
  end
  return result
end

-- Of a metric that was taken on a sweep of the recipe's own there is a series for each place.
local function refuse_unknown(g, metrics)
  local places = metrics:places(g.metric)
  if #places == 0 then
    error(("gate on '%s': the point has no such metric%s"):format(g.metric,
      nearest.hint(g.metric, metrics:names())), 0)
  end
  error(("gate on '%s'%s: the point has it at '%s'%s"):format(g.metric,
    g.at and (" at '%s'"):format(g.at) or "", table.concat(places, "', '"),
    g.at and "" or "; gate inside the sweep, or give at"), 0)
end

local function no_history()
  return nil, "there is no history to compare with"
end

--- Judges the samples that a point has so far. An unknown metric raises.
---@param g perilune.Gate
---@param metrics perilune.Metrics
---@param find? fun(g: perilune.Gate): { value: number, run: string? }?, string? its baseline
---@return perilune.GateResult
function gate.evaluate(g, metrics, find)
  local series = metrics:find(g.metric, g.at)
  if not series then refuse_unknown(g, metrics) end
  local result = { metric = g.metric, at = g.at, stat = g.stat, min = g.min, max = g.max,
    count = #series.samples }
  if #series.samples == 0 then
    judge_nothing(g, result)
  else
    judge(g, series, result)
    if g.baseline and result.status ~= "fail" then
      judge_baseline(g, series, result, find or no_history)
    end
  end
  result.ok = result.status ~= "fail"
  return result
end

return gate
