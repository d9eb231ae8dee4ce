-- parse.lua - tables of rows from the text that programs print.
--
--   parse.rows(text, "key=value")                       every line of words key=value is a row
--   parse.rows(text, "nccl-tests")                      what a known program prints
--   parse.rows(text, "bw (%d+) GB/s", { "bw [GB/s]" })  captures of a Lua pattern, line by line
--
-- Values that read as numbers are numbers. No row at all is the world's failure, not a raise:
-- parse.result makes a result of either.

local blame = require "perilune.blame"
local formats = require "perilune.parse_formats"
local result = require "perilune.result"

local parse = {}

local TAIL_BYTES = 2000 -- of the text, in a failed result

--- Rows are a good result: ok, must().
---@class perilune.Rows: perilune.Result
---@field [integer] table<string, any>
---@field key any what :at looks in
---@field units table<string, string>? of columns, where they are known
---@field ranks table[]? nccl-tests: { rank, pid, host, device, bus, name }
---@field avg_busbw number? nccl-tests
---@field out_of_bounds integer? nccl-tests
local Rows = setmetatable({ ok = true }, { __index = result.class })
Rows.__index = Rows
Rows.__name = "perilune.rows"

--- The first row whose `key` (the one given to parse, else the format's, else the first column) is
--- `value`; a size may be written as one ("1G").
---@param value any
---@param key? string
---@return table? row
function Rows:at(value, key)
  key = key or self.key
  if type(value) == "string" and self[1] and math.type(self[1][key]) == "integer" then
    value = require("perilune.units").parse_size(value) or value
  end
  for _, row in ipairs(self) do
    if row[key] == value then return row end
  end
  return nil
end

--- The rows in which `test` is true, or whose fields are those of the table `test`.
---@param test table|fun(row: table): boolean
---@return perilune.Rows
function Rows:where(test)
  local kept = setmetatable({ key = self.key }, Rows)
  local function fits(row)
    if type(test) == "function" then return test(row) end
    for field, value in pairs(test) do
      if row[field] ~= value then return false end
    end
    return true
  end
  for _, row in ipairs(self) do
    if fits(row) then kept[#kept + 1] = row end
  end
  return kept
end

--- The values of one column, rows without it left out.
---@param key string
---@return any[]
function Rows:column(key)
  local values = {}
  for _, row in ipairs(self) do values[#values + 1] = row[key] end
  return values
end

-- Hexadecimal words are names more often than numbers.
local function value_of(text)
  if not text:find("^[+-]?%.?%d") or text:find("^[+-]?0[xX]") then return text end
  return tonumber(text) or text
end

local function read_pairs(line, extras)
  local row, found
  for key, value in line:gmatch("([%a_][%w_.-]*)=(%S+)") do
    row, found = row or {}, true
    row[key] = value_of(value)
    extras.key = extras.key or key
  end
  return found and row
end

-- ---- patterns of the recipe's own ----------------------------------------------------------

local READERS = { size = true, duration = true, number = true, int = true }

-- "bw", "bw [GB/s]" or "time:duration": the name, its unit, the type that reads it.
local function read_name(word)
  local name, unit = tostring(word):match("^(.-)%s*%[(.-)%]$")
  name = name or tostring(word)
  local plain, kind = name:match("^(.-):(%a+)$")
  if kind and not READERS[kind] then
    error(("parse: a capture is read as size, duration, number or int, not '%s'"):format(kind), 0)
  end
  return plain or name, unit, kind
end

local function read_names(names)
  local list, units = {}, {}
  for i, word in ipairs(names or {}) do
    local name, unit, kind = read_name(word)
    list[i] = { name = name, kind = kind }
    units[name] = unit
  end
  return list, units
end

local function capture_value(capture, kind)
  if type(capture) ~= "string" then return capture end
  if not kind then return value_of(capture) end
  return (require("perilune.types")[kind].read(capture, {}))
end

local function read_captures(line, pattern, names)
  local captures = table.pack(line:match(pattern))
  if captures[1] == nil then return nil end
  local row = {}
  for i = 1, captures.n do
    local one = names[i] or { name = i }
    row[one.name] = capture_value(captures[i], one.kind)
  end
  return row
end

-- ---- one text ------------------------------------------------------------------------------

local function pattern_rows(text, what, names)
  local rows = {}
  local list, units = read_names(names)
  for line in text:gmatch("[^\r\n]+") do rows[#rows + 1] = read_captures(line, what, list) end
  return rows, { units = units, key = list[1] and list[1].name or 1 }
end

local function pair_rows(text)
  local rows, extras = {}, {}
  for line in text:gmatch("[^\r\n]+") do rows[#rows + 1] = read_pairs(line, extras) or nil end
  return rows, extras
end

-- Rows of a text, and the fields that their table has besides.
local function read_text(text, what, names)
  if what == "key=value" then return pair_rows(text) end
  local format = formats[what:lower()]
  if not format then return pattern_rows(text, what, names) end
  local rows, extras = format.read(text)
  extras = extras or {}
  extras.key = extras.key or format.key
  return rows, extras
end

-- A word without anything of a pattern in it, and near a format's name, is a slip.
local function check_what(what)
  if type(what) ~= "string" then error("parse needs the name of a format or a Lua pattern", 0) end
  if formats[what:lower()] or what == "key=value" or what:find("[%%%(%[%.%*]") then return end
  local known = { "key=value" }
  for name in pairs(formats) do known[#known + 1] = name end
  table.sort(known)
  local near = require("perilune.nearest").hint(what, known)
  if near ~= "" then error(("parse: there is no format '%s'%s"):format(what, near), 0) end
end

--- Rows from text. `what`: "key=value", the name of a format (parse_formats.lua), or a Lua pattern
--- with captures, tried on each line; `names` names these ("bw", "bw [GB/s]", "time:duration"), or
--- is { key = NAME } to keep only rows that have that field, found by :at(value).
---@param text string
---@param what string
---@param names? table
---@return perilune.Rows? rows
---@return string? message
function parse.rows(text, what, names)
  check_what(what)
  local wanted = names and names.key
  local list, extras = read_text(text, what, names)
  local rows = setmetatable(extras, Rows)
  for _, row in ipairs(list) do
    if not wanted or row[wanted] ~= nil then rows[#rows + 1] = row end
  end
  rows.key = wanted or rows.key
  if #rows == 0 then return nil, ("no line of the output reads as %s"):format(what) end
  return rows
end

-- ---- for recipes ---------------------------------------------------------------------------

--- The same for what recipes call: rows as a result, or a failed one with the tail of the text.
--- Wrong use raises with the line of the recipe.
---@param text string
---@param what string
---@param names? table
---@return perilune.Rows|perilune.Result
function parse.result(text, what, names)
  local rows, message = blame.call(parse.rows, text, what, names)
  if rows then return rows end
  return result.failed { why = message, phase = "parse", tail = text:sub(-TAIL_BYTES) }
end

-- What a format reads of one entry.
local function text_of(entry, what)
  local format = type(what) == "string" and formats[what:lower()]
  local out = entry.stdout or ""
  if not (format and format.both) then return out end
  return out .. "\n" .. (entry.stderr or "")
end

local function take_rows(all, rows, entry, rank)
  for name, value in pairs(rows) do
    if type(name) ~= "number" and all[name] == nil then all[name] = value end
  end
  for _, row in ipairs(rows) do
    if row.host == nil then row.host = entry.host end
    if row.rank == nil then row.rank = rank end
    all[#all + 1] = row
  end
end

--- The same for several outputs, each read for itself. A row without a `host` (or `rank`) of its
--- own gets that of its entry.
---@param entries table[] results with host, stdout, stderr
---@param what string
---@param names? table
---@param ranks? integer[] of the entries
---@return perilune.Rows|perilune.Result
function parse.entries(entries, what, names, ranks)
  local all, texts = setmetatable({}, Rows), {}
  for i, entry in ipairs(entries) do
    texts[i] = text_of(entry, what)
    local rows = blame.call(parse.rows, texts[i], what, names)
    if rows then take_rows(all, rows, entry, ranks and ranks[i]) end
  end
  if #all > 0 then return all end
  return parse.result(table.concat(texts, "\n"), what, names)
end

return parse
