-- gate.lua - a limit on a metric: what may be written in it, and whether the samples keep it.
--
--   t:gate("busbw", { stat = "median", min = o.floor, max = 400 })
--
-- A limit that is nil sets none; a gate without any is skipped, so that an option left out leaves
-- the gate out. Misuse raises; who blames the recipe's line is the caller.

local metric = require "perilune.metric"
local nearest = require "perilune.nearest"

local gate = {}

local KEYS = { "stat", "min", "max", "at", "baseline", "max_drop", "missing" }
local LATER = { baseline = true, max_drop = true }
local MISSING = { skip = true, fail = true }

---@class perilune.Gate
---@field metric string
---@field at string?
---@field stat string
---@field min number?
---@field max number?
---@field missing "skip"|"fail"

---@class perilune.GateResult
---@field status "pass"|"fail"|"skip"
---@field ok boolean anything but fail
---@field metric string
---@field at string?
---@field stat string
---@field value number?
---@field count integer samples it was computed from
---@field min number?
---@field max number?
---@field why string

local function check_keys(name, limits)
  local known = {}
  for _, key in ipairs(KEYS) do known[key] = true end
  for key in pairs(limits) do
    if not known[key] then
      error(("gate '%s' has an unknown field '%s'%s"):format(name, tostring(key),
        nearest.hint(tostring(key), KEYS)), 0)
    end
    if LATER[key] then error(("gate '%s': '%s' is not in this version"):format(name, key), 0) end
  end
end

local function check_limit(name, field, value)
  if value ~= nil and (type(value) ~= "number" or value ~= value) then
    error(("gate '%s': %s must be a number, not %s"):format(name, field, tostring(value)), 0)
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
  return { metric = name, at = limits.at, stat = stat, min = limits.min, max = limits.max,
    missing = limits.missing or "fail" }
end

local function show(value, unit)
  return require("perilune.units").figure(value) .. (unit and " " .. unit or "")
end

-- Without a sample (all were warm-ups) there is nothing to judge.
local function judge_nothing(g, result)
  result.status, result.why = g.missing, "no samples"
  return result
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

--- Judges the samples that a point has so far. An unknown metric raises.
---@param g perilune.Gate
---@param metrics perilune.Metrics
---@return perilune.GateResult
function gate.evaluate(g, metrics)
  local series = metrics:find(g.metric, g.at)
  if not series then refuse_unknown(g, metrics) end
  local result = { metric = g.metric, at = g.at, stat = g.stat, min = g.min, max = g.max,
    count = #series.samples }
  if #series.samples == 0 then
    judge_nothing(g, result)
  else
    judge(g, series, result)
  end
  result.ok = result.status ~= "fail"
  return result
end

return gate
