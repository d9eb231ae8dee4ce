-- engine.lua - runs a recipe: its points one after the other, each with its repeats; verdicts; the
-- record of all of it.
--
-- A point fails by what its run function raises (a failed result's must(), t:expect, a mistake of
-- the recipe), by its checks, or by its gates. The others still run, except when the recipe is
-- wrong at its first point: then it would be at all.

local errors = require "perilune.errors"
local point = require "perilune.point"
local recall = require "perilune.recall"
local report = require "perilune.report"
local sched = require "perilune.core.sched"
local scope = require "perilune.scope"

local engine = {}

---@class perilune.Plan
---@field recipe perilune.Recipe
---@field options table<string, any> the values that are not swept
---@field points perilune.SweepPoint[]
---@field repeats integer
---@field warmup integer
---@field name string of the run

-- ---- verdicts ------------------------------------------------------------------------------

local function verdict(name, cause, status, why, where)
  return { verdict = name, cause = cause, status = status, why = why, where = where }
end

-- What a raised value means. `err` is { value =, trace = } from the protected call.
local function judge_error(err)
  local value = err.value
  local kind = type(value) == "table" and value.kind
  if kind == "cancel" then
    local _, status = sched.interrupted()
    return verdict("canceled", nil, status or 130, tostring(value.why or value))
  elseif kind == "expect" then
    return verdict("fail", "expectation", 1, value.message, value.where)
  elseif kind == "gate" then
    return verdict("fail", "regression", 99, value.message)
  elseif kind == "record" then
    return verdict("canceled", "infrastructure", 3, value.message, value.where)
  elseif kind == "replay" then
    return verdict("error", "bug", 2, ("%s: %s"):format(value.where, value.message))
  elseif kind == "must" then
    local status = value.status or 1
    return verdict("fail", report.cause(status), status, value.message, value.where)
  end
  if kind == "limit" or kind == "deadlock" then
    value = value.why:gsub("perilune/[%w_]+%.lua:%d+: ", "")
  end
  value = errors.told(value)
  local text = ("%s\n%s"):format(errors.text(value), err.trace or "")
  return verdict("error", "bug", 2, (text:gsub("%s+$", "")))
end

-- What failed and did not end the point: the recipe handled it.
local function note_handled(t, err)
  local fatal = err and type(err.value) == "table" and err.value.result
  for _, failure in ipairs(t.failures) do
    if not fatal or fatal.run ~= failure.run then t:warn(failure.text) end
  end
end

local function judge_gates(gates)
  for _, result in ipairs(gates) do
    if result.status == "fail" then
      return verdict("fail", "regression", 99, ("gate %s: %s"):format(result.metric, result.why))
    end
  end
  return nil
end

-- The verdict of a point whose run function has come back (err nil) or raised.
local function judge(t, err)
  if err then return judge_error(err), {} end
  local gates = t:judge()
  if #t.checks > 0 then
    local first = t.checks[1]
    return verdict("fail", "expectation", 1, first.text, first.where), gates
  end
  return judge_gates(gates) or verdict("pass", nil, 0), gates
end

-- ---- one point -----------------------------------------------------------------------------

-- Ends the task that a point runs in, when the engine itself is cancelled.
local Guard = {
  __close = function(guard)
    sched.deadlock_ends(nil)
    guard.task:cancel("the run is over")
    guard.task:join()
  end,
}

local function in_place(root, seed, fn, ...)
  recall.enter(root, seed)
  return scope.run(fn, ...)
end

-- Runs fn in a task and a scope of its own, which the runner may cancel. Nil, or how it failed.
local function protected(run, root, fn, ...)
  local task = sched.spawn(in_place, root, run.seed, fn, ...)
  local _ <close> = setmetatable({ task = task }, Guard)
  run.task = task
  sched.deadlock_ends(task)
  local ok, value, trace = task:join()
  run.task = nil
  return not ok and { value = value, trace = trace } or nil
end

-- All passes of one point; how the first that failed did, or nil.
local function run_passes(plan, run, t)
  for pass = 1 - plan.warmup, plan.repeats do
    t.pass = pass
    t:record("pass", { pass = pass })
    local err = protected(run, ("%d/%d"):format(t.index, pass), plan.recipe.run, t, t.options)
    if err then return err end
  end
  return nil
end

--- The options of a point.
---@param plan perilune.Plan
---@param swept perilune.SweepPoint
---@return table<string, any>
function engine.options_of(plan, swept)
  local values = {}
  for name, value in pairs(plan.options) do values[name] = value end
  for name, value in pairs(swept.values) do values[name] = value end
  return values
end

local function point_report(t, swept, result, gates, seconds)
  return { index = swept.index, name = swept.name, options = t.options, verdict = result.verdict,
    cause = result.cause, status = result.status, why = result.why, where = result.where,
    step = result.verdict ~= "pass" and t.in_step or nil, seconds = seconds,
    metrics = report.metrics(t.metrics), gates = gates, checks = t.checks, notes = t.notes,
    warnings = t.warnings, attachments = t.attachments, steps = t.steps }
end

-- The whole of it, for who resumes; without the options, which "point" had.
local function record_end(t, run, entry)
  local whole = {}
  for name, value in pairs(entry) do whole[name] = value end
  whole.options = run.recordable(entry.options)
  t:record("point_end", { verdict = entry.verdict, cause = entry.cause, status = entry.status,
    why = entry.why, where = entry.where, seconds = entry.seconds, entry = whole,
    inputs = next(t.inputs) and t.inputs or nil })
end

-- A point that is not on record has to be run again.
local function note_unrecorded(run, entry)
  local ok, message = run.recorded()
  if ok or entry.verdict == "canceled" then return end
  entry.verdict, entry.cause, entry.status = "canceled", "infrastructure", 3
  entry.why = message
end

local function run_point(plan, run, swept)
  local t = point.new(run, swept, engine.options_of(plan, swept))
  local begun = run.now()
  run.point = t
  t:record("point", { name = swept.name, options = run.recordable(t.options) })
  local err = run_passes(plan, run, t)
  local result, gates = judge(t, err)
  if plan.recipe.sim_error then result = verdict("error", "bug", 2, plan.recipe.sim_error) end
  note_handled(t, err)
  local entry = point_report(t, swept, result, gates, run.now() - begun)
  record_end(t, run, entry)
  note_unrecorded(run, entry)
  run.point = nil
  t:close()
  return entry
end

local function skipped(swept, why)
  return { index = swept.index, name = swept.name, verdict = "skipped", status = 0, why = why,
    seconds = 0, metrics = {}, gates = {}, checks = {}, notes = {}, warnings = {},
    attachments = {}, steps = {} }
end

-- ---- the run -------------------------------------------------------------------------------

-- Why the points after this one are not run, or nil.
local function stops_run(entry, n_done)
  if entry.verdict == "canceled" then return "the run was interrupted" end
  if entry.verdict == "error" and n_done == 1 then return "the recipe is wrong" end
  return nil
end

--- Runs the plan. `run` is where it happens: see runner.lua.
---@param plan perilune.Plan
---@param run table
---@return table[] entries the report's points
function engine.run(plan, run)
  local entries, stop = {}, nil
  for i, swept in ipairs(plan.points) do
    if stop then
      entries[i] = skipped(swept, stop)
    elseif run.finished and run.finished[swept.index] then
      entries[i] = run.finished[swept.index]
    else
      run.progress(i, #plan.points, swept)
      entries[i] = run_point(plan, run, swept)
      run.ended(entries[i])
      stop = stops_run(entries[i], i)
    end
  end
  return entries
end

return engine
