-- sweep.lua - which points a run has: axes from the command line or from Lua, multiplied or zipped.
--
--   NAME=v1,v2,v3     the values as the option reads them
--   NAME=lo..hi:xK    lo, lo*K, lo*K*K ... up to hi
--   NAME=lo..hi:+K    lo, lo+K, lo+2K ... up to hi
--
-- Several axes multiply, the last varying fastest; zipped ones go side by side. Everything here is
-- pure: malformed input answers nil and one sentence.

local options = require "perilune.options"
local units = require "perilune.units"

local sweep = {}

local MAX_VALUES = 100000 -- of one axis
local MAX_POINTS = 1000000

---@class perilune.Axis
---@field name string
---@field values any[] as the recipe gets them
---@field texts string[] the same as words

---@class perilune.SweepPoint
---@field index integer from 1
---@field name string "bytes=1M,n=4"; "all" when nothing is swept
---@field values table<string, any> what the axes set

local NUMERIC = { int = true, number = true, size = true, duration = true }

-- One value of an option from its text, checked as the command line checks it.
local function read(option, text)
  local key = option[1]:gsub("-", "_")
  local values, message = options.validate({ option }, { [key] = text })
  if not values then return nil, message end
  return values[key]
end

-- ---- ranges --------------------------------------------------------------------------------

-- The size of a step: "+1M" is of the option's type but need not lie within its bounds.
local function read_step(option, kind, text)
  local plain = { option[1], type = kind == "x" and "number" or option.type }
  local step, message = read(plain, text)
  if not step then return nil, message end
  if kind == "x" and step <= 1 or step <= 0 then
    return nil, ("the step %s%s of '%s' never reaches the end"):format(kind, text, option[1])
  end
  return step
end

local function whole_numbers(option)
  return option.type == "int" or option.type == "size"
end

local function range_values(option, lo, hi, kind, step)
  local values, limit = {}, hi + math.abs(hi) * 1e-9 -- 0.1 steps ten times to a hair past 1
  local i, at = 0, lo
  while at <= limit do
    local value = whole_numbers(option) and math.floor(at + 0.5) or at
    if value ~= values[#values] then values[#values + 1] = value end
    if #values > MAX_VALUES then
      return nil, ("the range of '%s' has more than %d values"):format(option[1], MAX_VALUES)
    end
    i = i + 1
    at = kind == "x" and lo * step ^ i or lo + step * i
  end
  return values
end

local function expand_range(option, lo_text, hi_text, kind, step_text)
  if not NUMERIC[option.type] then
    return nil, ("'%s' is a %s and has no ranges; write its values with commas"):format(option[1],
      option.type)
  end
  local lo, hi, step, message
  lo, message = read(option, lo_text)
  if lo == nil then return nil, message end
  hi, message = read(option, hi_text)
  if hi == nil then return nil, message end
  step, message = read_step(option, kind, step_text)
  if not step then return nil, message end
  if lo > hi then
    return nil, ("the range %s..%s of '%s' runs backwards"):format(lo_text, hi_text, option[1])
  end
  if kind == "x" and lo <= 0 then
    return nil, ("the range of '%s' multiplies from %s and never ends"):format(option[1], lo_text)
  end
  return range_values(option, lo, hi, kind, step)
end

-- ---- one axis ------------------------------------------------------------------------------

-- Commas inside brackets belong to a host set.
local function split_words(text)
  local words, depth, from = {}, 0, 1
  for i = 1, #text + 1 do
    local c = text:sub(i, i)
    if c == "[" then depth = depth + 1 end
    if c == "]" then depth = depth - 1 end
    if i > #text or c == "," and depth <= 0 then
      words[#words + 1] = text:sub(from, i - 1)
      from = i + 1
    end
  end
  return words
end

local function read_words(option, text)
  local values = {}
  for i, word in ipairs(split_words(text)) do
    local value, message = read(option, word)
    if value == nil then return nil, message end
    values[i] = value
  end
  return values
end

local function show_all(option, values)
  local texts = {}
  for i, value in ipairs(values) do texts[i] = options.show(option, value) end
  return texts
end

--- An axis from "NAME=VALUES".
---@param text string
---@param spec table the recipe's options
---@return perilune.Axis? axis
---@return string? message
function sweep.parse_axis(text, spec)
  local name, body = text:match("^([%w_-]+)=(.+)$")
  if not name then
    return nil, ("'%s' is no sweep; write NAME=v1,v2 or NAME=lo..hi:x2 or NAME=lo..hi:+K")
      :format(text)
  end
  local key, names = name:gsub("-", "_"), {}
  for _, option in ipairs(options.list(spec)) do
    names[#names + 1] = option[1]
    if option[1]:gsub("-", "_") == key then names.found = option end
  end
  if not names.found then
    return nil, ("the recipe has no option '%s' to sweep%s"):format(name,
      require("perilune.nearest").hint(name, names))
  end
  if names.found.type == "secret" then
    return nil, ("'%s' is a secret, which is not swept"):format(name)
  end
  local lo, hi, kind, step = body:match("^(.-)%.%.(.-):([x+])(.+)$")
  if not lo and body:find("..", 1, true) and NUMERIC[names.found.type] then
    local range = body:match("^[^:]*")
    return nil, ("the range %s needs a step: %s:x2 multiplies, %s:+1 adds"):format(body, range,
      range)
  end
  local values, message
  if lo then
    values, message = expand_range(names.found, lo, hi, kind, step)
  else
    values, message = read_words(names.found, body)
  end
  if not values then return nil, message end
  return { name = key, values = values, texts = show_all(names.found, values) }
end

--- An axis from values given in Lua.
---@param name string
---@param values any[]
---@return perilune.Axis
function sweep.axis(name, values)
  local texts = {}
  for i, value in ipairs(values) do texts[i] = tostring(value) end
  return { name = name, values = values, texts = texts }
end

-- ---- points --------------------------------------------------------------------------------

-- A column is one axis, or several that go side by side.
local function make_columns(axes, zips)
  local columns, by_name = {}, {}
  for _, axis in ipairs(axes) do
    if by_name[axis.name] then return nil, ("'%s' is swept twice"):format(axis.name) end
    local column = { axis, length = #axis.values }
    by_name[axis.name] = column
    columns[#columns + 1] = column
  end
  for _, zip in ipairs(zips or {}) do
    local first
    for _, word in ipairs(zip) do
      local name = word:gsub("-", "_")
      local column = by_name[name]
      if not column then return nil, ("'%s' is zipped but not swept"):format(word) end
      first = first or column
      if column.length ~= first.length then
        return nil, ("'%s' has %s and '%s' has %d: they cannot be zipped"):format(first[1].name,
          units.count(first.length, "value"), name, column.length)
      end
      if column ~= first then
        table.move(column, 1, #column, #first + 1, first)
        column.merged = true
        by_name[name] = first
      end
    end
  end
  local kept = {}
  for _, column in ipairs(columns) do
    if not column.merged then kept[#kept + 1] = column end
  end
  return kept
end

local function make_point(columns, index)
  local words, values, rest = {}, {}, index - 1
  for c = #columns, 1, -1 do
    local column = columns[c]
    local at = rest % column.length + 1
    rest = rest // column.length
    for a = #column, 1, -1 do
      local axis = column[a]
      values[axis.name] = axis.values[at]
      table.insert(words, 1, axis.name .. "=" .. axis.texts[at])
    end
  end
  return { index = index, name = #words > 0 and table.concat(words, ",") or "all", values = values }
end

--- How many points the axes have, without making them.
---@param axes perilune.Axis[]
---@param zips? string[][] names that go side by side
---@return integer? count
---@return string? message
function sweep.count(axes, zips)
  local columns, message = make_columns(axes, zips)
  if not columns then return nil, message end
  local count = 1
  for _, column in ipairs(columns) do
    count = count * column.length
    if count > MAX_POINTS then
      return nil, ("the sweep has more than %d points"):format(MAX_POINTS)
    end
  end
  return count
end

--- All points, in order. Without axes there is one.
---@param axes perilune.Axis[]
---@param zips? string[][]
---@return perilune.SweepPoint[]? points
---@return string? message
function sweep.points(axes, zips)
  local count, message = sweep.count(axes, zips)
  if not count then return nil, message end
  local columns, points = make_columns(axes, zips), {}
  for index = 1, count do points[index] = make_point(columns, index) end
  return points
end

--- n of the points, chosen by math.random, in their order; all when there are no more.
---@param points perilune.SweepPoint[]
---@param n integer
---@return perilune.SweepPoint[]
function sweep.sample(points, n)
  local kept = {}
  for i, point in ipairs(points) do
    if math.random() * (#points - i + 1) < n - #kept then kept[#kept + 1] = point end
  end
  return kept
end

--- The point that `--only` names: its number, or its name with the words in any order.
---@param points perilune.SweepPoint[]
---@param text string
---@return perilune.SweepPoint? point
---@return string? message
function sweep.find(points, text)
  local function sorted(name)
    local words = split_words(name)
    table.sort(words)
    return table.concat(words, ",")
  end
  local number, wanted, names = math.tointeger(tonumber(text)), sorted(text), {}
  for i, point in ipairs(points) do
    if point.index == number or sorted(point.name) == wanted then return point end
    names[i] = point.name
  end
  local hint = #points <= 1000 and require("perilune.nearest").hint(text, names) or ""
  return nil, ("no point '%s' among %d%s"):format(text, #points, hint)
end

return sweep
