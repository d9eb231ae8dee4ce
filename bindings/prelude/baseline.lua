-- baseline.lua - what a metric was before: looked up in the reports of earlier runs.
--
-- A run counts when it has this run's name and its report a point of the same name; of "last-pass"
-- only points that passed. The newest that has the metric wins.

local history = require "perilune.history"
local metric = require "perilune.metric"

local baseline = {}

local RUNS_MOST = 200 -- runs that are looked at, from the newest on

-- Reports of earlier runs of this name, newest first, each read once per run.
local function reports_of(run)
  if run.earlier then return run.earlier end
  run.earlier = {}
  local mine = run.session:id()
  for _, row in ipairs(history.list(0)) do
    if #run.earlier >= RUNS_MOST then break end
    if row.kind == "run" and row.name == run.plan.name and row.id ~= mine and row.dir then
      local report = history.report(row.dir)
      if report and report.points then run.earlier[#run.earlier + 1] = report end
    end
  end
  return run.earlier
end

local function series_of(point, g)
  for _, series in ipairs(point.metrics) do
    if series.name == g.metric and series.at == g.at and #series.samples > 0 then return series end
  end
end

-- The statistic of one report, nil when it has none that counts.
local function value_in(report, t, g)
  for _, point in ipairs(report.points) do
    local counts = point.name == t.point and (g.baseline == "last" or point.verdict == "pass")
    local series = counts and series_of(point, g)
    if series then return metric.stat(g.stat)(series.samples) end
  end
end

--- The baseline of a gate of point `t`.
---@param run perilune.Runner
---@param t perilune.Point
---@param g perilune.Gate
---@return { value: number, run: string }?
---@return string? why there is none
function baseline.find(run, t, g)
  for _, report in ipairs(reports_of(run)) do
    local value = value_in(report, t, g)
    if value then return { value = value, run = report.run } end
  end
  return nil, ("no earlier run '%s' has it at this point%s"):format(run.plan.name,
    g.baseline == "last-pass" and " with a pass" or "")
end

return baseline
