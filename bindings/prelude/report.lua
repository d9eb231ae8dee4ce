-- report.lua - what came of a run: verdicts, and the table that JSON holds; the text that people
-- read is report_text.lua.
--
-- A point's verdict is pass, fail, error (of the recipe), canceled or skipped; what failed has a
-- cause: bug (the recipe), infrastructure (unreachable, lost, timed out), command (exited nonzero,
-- died), expectation (check, expect), regression (a gate). Exit statuses follow from the causes.

local secret = require "perilune.secret"

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
  local out = require("perilune.metric").summary(series)
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

-- ---- JSON ----------------------------------------------------------------------------------

--- A copy that JSON can hold: other programs' bytes may be no UTF-8, a figure may be infinite.
--- Secrets are struck out.
function report.plain(value)
  if type(value) == "string" then
    value = secret.redact(value)
    return utf8.len(value) and value or (value:gsub("[\128-\255]", "?"))
  elseif type(value) == "number" then
    return math.abs(value) ~= math.huge and value or tostring(value)
  elseif type(value) ~= "table" then
    return value
  end
  local out = setmetatable({}, getmetatable(value)) -- a list may be marked as one
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
