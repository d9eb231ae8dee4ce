-- parse.lua - tables of rows from the text that programs print.
--
--   parse.rows(text, "key=value")                       every line of words key=value is a row
--   parse.rows(text, "bw (%d+) GB/s", { "bw" })         captures of a Lua pattern, line by line
--
-- Values that read as numbers are numbers. No row at all is the world's failure, not a raise:
-- parse.result makes a result of either.

local blame = require "perilune.blame"
local result = require "perilune.result"

local parse = {}

local TAIL_BYTES = 2000 -- of the text, in a failed result

--- Rows are a good result: ok, must().
---@class perilune.Rows: perilune.Result
---@field [integer] table<string, any>
local Rows = setmetatable({ ok = true }, { __index = result.class })
Rows.__index = Rows
Rows.__name = "perilune.rows"

--- The first row whose `key` (the one given to parse, else the first column) is `value`.
---@param value any
---@param key? string
---@return table? row
function Rows:at(value, key)
  key = key or self.key
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

local function read_pairs(line, rows)
  local row, found
  for key, value in line:gmatch("([%a_][%w_.-]*)=(%S+)") do
    row, found = row or {}, true
    row[key] = value_of(value)
    rows.key = rows.key or key
  end
  return found and row
end

local function read_captures(line, pattern, names)
  local captures = table.pack(line:match(pattern))
  if captures[1] == nil then return nil end
  local row = {}
  for i = 1, captures.n do
    row[names and names[i] or i] = type(captures[i]) == "string" and value_of(captures[i])
      or captures[i]
  end
  return row
end

-- The names of formats that come later: a pattern would never be meant by them.
local LATER = { ["nccl-tests"] = true, mllog = true, torchrun = true, json = true, csv = true,
                ib_write_bw = true }

--- Rows from text. `what`: "key=value", or a Lua pattern with captures; `names` names these, or is
--- { key = NAME } to keep only rows that have that field, found by :at(value).
---@param text string
---@param what string
---@param names? table
---@return perilune.Rows? rows
---@return string? message
function parse.rows(text, what, names)
  if type(what) ~= "string" then error("parse needs the name of a format or a Lua pattern", 0) end
  if LATER[what:lower()] then error(("parse: '%s' is not in this version"):format(what), 0) end
  local wanted = names and names.key
  local rows = setmetatable({ key = wanted }, Rows)
  if what ~= "key=value" and not wanted then rows.key = names and names[1] or 1 end
  for line in text:gmatch("[^\r\n]+") do
    local row
    if what == "key=value" then
      row = read_pairs(line, rows)
    else
      row = read_captures(line, what, names)
    end
    if row and (not wanted or row[wanted] ~= nil) then rows[#rows + 1] = row end
  end
  if #rows == 0 then return nil, ("no line of the output reads as %s"):format(what) end
  return rows
end

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

return parse
