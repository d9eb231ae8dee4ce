-- selection.lua - which points of a sweep a run has, and in which order: --only, --failed, --shard,
-- --shuffle, one after the other. Points keep their numbers.

local errors = require "perilune.errors"
local history = require "perilune.history"
local sweep = require "perilune.sweep"

local selection = {}

-- ---- --failed ------------------------------------------------------------------------------

-- The newest run of this name that came to a report.
local function last_report(name)
  for _, row in ipairs(history.list(0)) do
    if row.kind == "run" and row.name == name and row.dir then
      local report = history.report(row.dir)
      if report then return report, row.id end
    end
  end
  errors.usage("--failed: there is no run '%s' to take the failed points of", name)
end

-- Those that did not pass last time, the skipped ones too: they were not run.
local function failed_points(points, name)
  local report, id = last_report(name)
  local by_name, kept = {}, {}
  for _, point in ipairs(points) do by_name[point.name] = point end
  for _, entry in ipairs(report.points) do
    if entry.verdict ~= "pass" then
      local point = by_name[entry.name]
      if not point then
        errors.usage("--failed: run %s has the point '%s', and this sweep has not: give the same "
          .. "--sweep again", id, entry.name)
      end
      kept[#kept + 1] = point
    end
  end
  if #kept == 0 then
    require("perilune.terminal").note("nothing failed in run %s: there is no point to run", id)
  end
  return kept
end

-- ---- --shard, --shuffle --------------------------------------------------------------------

-- Every n-th point from the i-th on: shards together have each point once, and long and short
-- points alike where the sweep is sorted by size.
local function shard_of(points, text)
  local i, n = text:match("^(%d+)/(%d+)$")
  i, n = math.tointeger(tonumber(i)), math.tointeger(tonumber(n))
  if not i or i < 1 or i > n then
    errors.usage("--shard must be I/N with I from 1 to N, not '%s'", text)
  end
  local kept = {}
  for at = i, #points, n do kept[#kept + 1] = points[at] end
  if #kept == 0 then
    require("perilune.terminal").note("shard %s of %d points is empty", text, #points)
  end
  return kept
end

-- Fisher and Yates, by math.random: the same for the same --seed.
local function shuffled(points)
  local list = table.move(points, 1, #points, 1, {})
  for i = #list, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

--- The points to run, of those that the sweep has; none is an answer.
---@param points perilune.SweepPoint[]
---@param o { only: string?, failed: boolean?, shard: string?, shuffle: boolean? }
---@param name string of the run
---@return perilune.SweepPoint[]
function selection.choose(points, o, name)
  if o.only then points = { errors.checked(sweep.find(points, o.only)) } end
  if o.failed then points = failed_points(points, name) end
  if o.shard then points = shard_of(points, o.shard) end
  if o.shuffle then points = shuffled(points) end
  return points
end

return selection
