-- report_text.lua - a run's report as people read it: one point in full, several as a table with
-- what failed in full below their lines.

local secret = require "perilune.secret"
local units = require "perilune.units"

local text = {}

local COLUMNS_MAX = 4 -- metrics beside a point; more stand in the JSON
local WORDS = { pass = "pass", fail = "FAIL", error = "ERROR", canceled = "canceled",
                skipped = "skipped" }

local figure = units.figure

-- "1.2 [1.1 .. 1.3]"; only the median where the samples read the same. `unit` follows the median.
local function spread(m, unit)
  local least, most = figure(m.min), figure(m.max)
  local range = least ~= most and (" [%s .. %s]"):format(least, most) or ""
  return figure(m.median) .. (unit and " " .. unit or "") .. range
end

local function name_of(m)
  return m.at and ("%s at %s"):format(m.name, m.at) or m.name
end

-- ---- one point in full ---------------------------------------------------------------------

-- "busbw at n=2: 1.2 GB/s [1.1 .. 1.3], median of 5"
local function metric_line(m)
  if m.count == 0 then return name_of(m) .. ": no samples" end
  local line = ("%s: %s"):format(name_of(m), spread(m, m.unit))
  return m.count == 1 and line or ("%s, median of %d"):format(line, m.count)
end

local function gate_line(g)
  local word = g.status == "fail" and "BREACHED" or g.status
  return ("gate %s%s: %s, %s"):format(g.metric, g.at and " at " .. g.at or "", word, g.why)
end

-- Why a point failed: nothing for one that passed.
local function add_failure(add, point)
  if point.why then
    add(("%s: %s"):format(point.cause or point.verdict, point.why))
    if point.where then add("at " .. point.where) end
    if point.step then add("in step " .. point.step) end
  end
  for _, check in ipairs(point.checks) do
    if check.text ~= point.why then
      add(("check failed: %s (%s)"):format(check.text, check.where))
    end
  end
end

local function add_gates(add, point)
  for _, g in ipairs(point.gates) do
    if g.why ~= "no limit was given" then add(gate_line(g)) end
  end
end

local function add_remarks(add, point)
  for _, line in ipairs(point.warnings) do add("warning: " .. line) end
  for _, line in ipairs(point.notes) do add("note: " .. line) end
end

-- Lines of a point under its head, indented.
local function adder(out)
  return function(line)
    out[#out + 1] = "     " .. line:gsub("\n+$", ""):gsub("\n", "\n     ")
  end
end

local function head(point, width)
  local time = point.verdict ~= "skipped" and units.format_duration(point.seconds) or ""
  return (("%3d  %-" .. width .. "s  %-8s  %8s"):format(point.index, point.name,
    WORDS[point.verdict], time):gsub("%s+$", ""))
end

local function add_details(add, point)
  add_failure(add, point)
  for _, m in ipairs(point.metrics) do add(metric_line(m)) end
  add_gates(add, point)
  add_remarks(add, point)
end

local function add_single(out, point)
  out[#out + 1] = head(point, #point.name)
  add_details(adder(out), point)
end

-- ---- several as a table --------------------------------------------------------------------

-- The metrics that get a column, in order of first mention: "busbw GB/s".
local function choose_columns(points)
  local columns, seen = {}, {}
  for _, point in ipairs(points) do
    for _, m in ipairs(point.metrics) do
      local title = name_of(m) .. (m.unit and " " .. m.unit or "")
      if not seen[title] and #columns < COLUMNS_MAX then columns[#columns + 1] = title end
      seen[title] = true
    end
  end
  return columns
end

-- "0.51 [0.49 .. 0.53]" by column title.
local function cells_of(point)
  local cells = {}
  for _, m in ipairs(point.metrics) do
    local title = name_of(m) .. (m.unit and " " .. m.unit or "")
    if m.count > 0 then cells[title] = spread(m) end
  end
  return cells
end

local function column_widths(points, columns)
  local widths = {}
  for c, title in ipairs(columns) do widths[c] = #title end
  for _, point in ipairs(points) do
    local cells = cells_of(point)
    for c, title in ipairs(columns) do widths[c] = math.max(widths[c], #(cells[title] or "")) end
  end
  return widths
end

local function row(first, values, columns, widths)
  local parts = { first }
  for c, title in ipairs(columns) do
    parts[#parts + 1] = ("%-" .. widths[c] .. "s"):format(values[title] or "")
  end
  return (table.concat(parts, "  "):gsub("%s+$", ""))
end

-- What points said, each line once with the number of points that said it.
local function add_common_remarks(out, points)
  local order, times = {}, {}
  for _, point in ipairs(points) do
    add_remarks(function(line)
      if not times[line] then order[#order + 1] = line end
      times[line] = (times[line] or 0) + 1
    end, point)
  end
  for _, line in ipairs(order) do
    out[#out + 1] = times[line] > 1 and ("%s (%d points)"):format(line, times[line]) or line
  end
end

local function add_table(out, points)
  local columns, width = choose_columns(points), #"point"
  for _, point in ipairs(points) do width = math.max(width, #point.name) end
  local widths, titles = column_widths(points, columns), {}
  for _, title in ipairs(columns) do titles[title] = title end
  local left = ("%3s  %-" .. width .. "s  %-8s  %8s"):format("", "point", "", "time")
  out[#out + 1] = row(left, titles, columns, widths)
  local add = adder(out)
  for _, point in ipairs(points) do
    local first = ("%-" .. #left .. "s"):format(head(point, width))
    out[#out + 1] = row(first, cells_of(point), columns, widths)
    add_failure(add, point)
  end
  add_common_remarks(out, points)
end

-- ---- the whole -----------------------------------------------------------------------------

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
function text.point(point)
  local line = head(point, #point.name)
  if not point.why then return line end
  return ("%s\n     %s: %s"):format(line, point.cause or point.verdict, point.why:match("^[^\n]*"))
end

--- Everything that a point came to, a line each: why it failed, metrics, gates, remarks.
---@return string
function text.details(point)
  local out = {}
  add_details(function(line) out[#out + 1] = line .. "\n" end, point)
  return table.concat(out)
end

--- The report.
---@param r table as in report.json
---@return string
function text.report(r)
  local out = { ("%s on %s: %s in %s"):format(r.recipe, units.count(r.host_count, "host"),
    counts(r.points), units.format_duration(r.seconds)) }
  if #r.points == 1 then
    add_single(out, r.points[1])
  else
    add_table(out, r.points)
  end
  out[#out + 1] = ("verdict: %s (exit status %d)"):format(r.verdict, r.status)
  if r.dir then out[#out + 1] = ("run %s: %s/report.txt"):format(r.run, r.dir) end
  return secret.redact(table.concat(out, "\n") .. "\n")
end

return text
