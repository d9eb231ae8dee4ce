-- report.lua - what came of a run: verdicts, the text that people read, the table that JSON holds.
--
-- A point's verdict is pass, fail, error (of the recipe), canceled or skipped; what failed has a
-- cause: bug (the recipe), infrastructure (unreachable, lost, timed out), command (exited nonzero,
-- died), expectation (check, expect), regression (a gate). Exit statuses follow from the causes.

local metric = require "perilune.metric"
local units = require "perilune.units"

local report = {}

---@class perilune.Verdict
---@field verdict "pass"|"fail"|"error"|"canceled"|"skipped"
---@field cause string?
---@field status integer exit status
---@field why string?

-- Worst first, as the exit status of several points is chosen.
local ORDER = { [2] = 6, [130] = 5, [143] = 5, [3] = 4, [124] = 3, [1] = 2, [99] = 1, [0] = 0 }

--- The worse of two exit statuses, in the order 2, 130/143, 3, 124, 1, 99.
---@param a integer
---@param b integer
---@return integer
function report.worse(a, b)
  return (ORDER[b] or 2) > (ORDER[a] or 2) and b or a
end

local CAUSES = { [3] = "infrastructure", [124] = "infrastructure", [1] = "command" }

--- The cause that an exit status of a failed result stands for.
---@param status integer
---@return string
function report.cause(status)
  return CAUSES[status] or "command"
end

--- Exit status and verdict of a whole run.
---@param points perilune.Verdict[]
---@return integer status
---@return string verdict
function report.overall(points)
  local status, canceled = 0, false
  for _, point in ipairs(points) do
    status = report.worse(status, point.status)
    canceled = canceled or point.verdict == "canceled"
  end
  if status == 2 then return status, "error" end
  if canceled then return status, "canceled" end
  return status, status == 0 and "pass" or "fail"
end

-- ---- the table -----------------------------------------------------------------------------

local function metric_table(series)
  local out = metric.summary(series)
  out.name, out.at, out.unit, out.better = series.name, series.at, series.unit, series.better
  out.samples, out.warmup = series.samples, #series.warmup > 0 and series.warmup or nil
  return out
end

--- The metrics of a point as the report holds them.
---@param metrics perilune.Metrics
---@return table[]
function report.metrics(metrics)
  local out = {}
  for i, series in ipairs(metrics.series) do out[i] = metric_table(series) end
  return out
end

-- ---- the text ------------------------------------------------------------------------------

local function figure(value)
  if math.tointeger(value) and math.abs(value) < 1e15 then return ("%d"):format(value) end
  return ("%.4g"):format(value)
end

-- "busbw at n=2: 1.2 GB/s [1.1 .. 1.3], 5 samples"
local function metric_line(m)
  local name = m.at and ("%s at %s"):format(m.name, m.at) or m.name
  if m.count == 0 then return name .. ": no samples" end
  local unit = m.unit and " " .. m.unit or ""
  local line = ("%s: %s%s"):format(name, figure(m.median), unit)
  if m.count == 1 then return line end
  return ("%s [%s .. %s], median of %d"):format(line, figure(m.min), figure(m.max), m.count)
end

local WORDS = { pass = "pass", fail = "FAIL", error = "ERROR", canceled = "canceled",
                skipped = "skipped" }

local function gate_line(g)
  local word = g.status == "fail" and "BREACHED" or g.status
  return ("gate %s%s: %s, %s"):format(g.metric, g.at and " at " .. g.at or "", word, g.why)
end

-- The lines under a point; the ones that say why it failed come first.
local function point_lines(point)
  local lines = {}
  local function add(line) lines[#lines + 1] = line end
  if point.why then
    add(("%s: %s"):format(point.cause or point.verdict, point.why))
    if point.where then add("at " .. point.where) end
    if point.step then add("in step " .. point.step) end
  end
  for _, check in ipairs(point.checks) do
    if check.text ~= point.why then add(("check failed: %s (%s)"):format(check.text, check.where)) end
  end
  for _, m in ipairs(point.metrics) do add(metric_line(m)) end
  for _, g in ipairs(point.gates) do add(gate_line(g)) end
  for _, text in ipairs(point.warnings) do add("warning: " .. text) end
  for _, text in ipairs(point.notes) do add("note: " .. text) end
  return lines
end

-- A point in one line: "3 n=4,bytes=1M  FAIL  1.2 s".
local function point_head(point, width)
  local time = point.verdict ~= "skipped" and units.format_duration(point.seconds) or ""
  return (("%3d  %-" .. width .. "s  %-8s  %s"):format(point.index, point.name,
    WORDS[point.verdict], time):gsub("%s+$", ""))
end

local function counts(points)
  local by, words = {}, {}
  for _, point in ipairs(points) do by[point.verdict] = (by[point.verdict] or 0) + 1 end
  for _, verdict in ipairs { "pass", "fail", "error", "canceled", "skipped" } do
    if by[verdict] then words[#words + 1] = ("%d %s"):format(by[verdict], WORDS[verdict]) end
  end
  return table.concat(words, ", ")
end

--- A point that has ended, for the one who watches: one line, and why it failed.
---@return string
function report.point_text(point)
  local head = point_head(point, #point.name)
  if not point.why then return head end
  return ("%s\n     %s: %s"):format(head, point.cause or point.verdict, point.why:match("^[^\n]*"))
end

--- The report as text, for people. Long host sets are elided.
---@param r table
---@return string
function report.text(r)
  local width, out = 1, {}
  for _, point in ipairs(r.points) do width = math.max(width, math.min(#point.name, 50)) end
  out[1] = ("%s on %s: %s in %s"):format(r.recipe, units.count(r.host_count, "host"),
    counts(r.points), units.format_duration(r.seconds))
  for _, point in ipairs(r.points) do
    out[#out + 1] = point_head(point, width)
    for _, line in ipairs(point_lines(point)) do
      out[#out + 1] = "     " .. line:gsub("\n+$", ""):gsub("\n", "\n     ")
    end
  end
  out[#out + 1] = ("verdict: %s (exit status %d)"):format(r.verdict, r.status)
  if r.dir then out[#out + 1] = ("run %s: %s"):format(r.run, r.dir) end
  return table.concat(out, "\n") .. "\n"
end

-- ---- JSON ----------------------------------------------------------------------------------

--- A copy that JSON can hold: other programs' bytes may be no UTF-8, a figure may be infinite.
function report.plain(value)
  if type(value) == "string" then
    return utf8.len(value) and value or (value:gsub("[\128-\255]", "?"))
  elseif type(value) == "number" then
    return math.abs(value) ~= math.huge and value or tostring(value)
  elseif type(value) ~= "table" then
    return value
  end
  local out = {}
  for key, inner in pairs(value) do out[key] = report.plain(inner) end
  return out
end

local ARRAYS = { "metrics", "gates", "checks", "notes", "warnings", "attachments", "steps" }

--- The report as JSON, with a newline at its end.
---@param r table
---@return string
function report.json(r)
  local json = require "perilune.core.json"
  local copy = report.plain(r)
  for _, point in ipairs(copy.points) do
    for _, name in ipairs(ARRAYS) do json.array(point[name]) end
    for _, m in ipairs(point.metrics) do json.array(m.samples) end
    json.object(point.options)
  end
  return json.encode(copy, { indent = 2, sort = true }) .. "\n"
end

return report
