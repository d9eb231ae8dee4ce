-- csv.lua - comma-separated values (RFC 4180): texts into tables and back. Pure.
--
--   local csv = require "perilune.csv"
--   for _, row in ipairs(csv.decode("n,bw\n1,2.5\n")) do print(row.n, row.bw) end

local csv = {}

---@class perilune.CsvOptions
---@field separator? string one character; "," when left out
---@field header? boolean the first line names the columns (true); else rows are arrays
---@field numbers? boolean fields that read as numbers are numbers (true)

local KEYS = { "separator", "header", "numbers" }

local function check(what, opts)
  local blame = require "perilune.blame"
  opts = opts or {}
  blame.check_keys(what, opts, KEYS)
  local separator = opts.separator or ","
  if type(separator) ~= "string" or #separator ~= 1 or separator:find('["\r\n%w]') then
    blame.raise("%s: separator is one character, and no letter or digit", what)
  end
  return opts, separator
end

-- ---- reading -------------------------------------------------------------------------------

-- The quoted field that begins at `at`, and where what follows it begins; nil when it has no end.
local function read_quoted(text, at)
  local parts, from = {}, at + 1
  while true do
    local quote = text:find('"', from, true)
    if not quote then return nil end
    parts[#parts + 1] = text:sub(from, quote - 1)
    if text:sub(quote + 1, quote + 1) ~= '"' then return table.concat(parts), quote + 1 end
    parts[#parts + 1] = '"'
    from = quote + 2
  end
end

-- One record from `at` on: its fields, which were quoted, where the next begins; nil when a quote
-- has no end.
local function read_record(text, at, separator)
  local fields, quoted, ends = {}, {}, "[%" .. separator .. "\r\n]"
  while true do
    local start = text:find("[^ ]", at) or at
    local field, stop
    if text:sub(start, start) == '"' then
      field, stop = read_quoted(text, start)
      if not field then return nil end
      stop = text:find(ends, stop) or #text + 1
      quoted[#fields + 1] = true
    else
      stop = text:find(ends, at) or #text + 1
      field = text:sub(at, stop - 1):match("^ *(.-) *$")
    end
    fields[#fields + 1] = field
    if text:sub(stop, stop) ~= separator then
      return fields, quoted, text:match("^\r?\n?()", stop)
    end
    at = stop + 1
  end
end

local function value_of(text)
  if not text:find("^[+-]?%.?%d") or text:find("^[+-]?0[xX]") then return text end
  return tonumber(text) or text
end

-- The fields of a record under the names of the columns; those past the last have numbers.
local function row_of(fields, quoted, names, numbers)
  local row = {}
  for i, text in ipairs(fields) do
    row[names and names[i] or i] = not quoted[i] and numbers and value_of(text) or text
  end
  return row
end

--- Rows of a text, empty lines left out; the names of the columns in order. Nil and a message when
--- a quote has no end.
---@param text string
---@param opts? perilune.CsvOptions
---@return table[]? rows
---@return string[]|string|nil names the message when rows is nil
function csv.decode(text, opts)
  local settings, separator = check("csv.decode", opts)
  local rows, names, at = {}, nil, text:sub(1, 3) == "\239\187\191" and 4 or 1
  while at <= #text do
    local fields, quoted, next_at = read_record(text, at, separator)
    if not fields then
      local _, lines = text:sub(1, at - 1):gsub("\n", "")
      return nil, ("the quote that begins in line %d has no end"):format(lines + 1)
    end
    if #fields > 1 or fields[1] ~= "" then
      if settings.header ~= false and not names then
        names = fields
      else
        rows[#rows + 1] = row_of(fields, quoted, names, settings.numbers ~= false)
      end
    end
    at = next_at
  end
  return rows, names
end

-- ---- writing -------------------------------------------------------------------------------

local function field_text(value, separator)
  if value == nil then return "" end
  local text = math.type(value) == "float" and ("%.14g"):format(value) or tostring(value)
  if not text:find('["\r\n]') and not text:find(separator, 1, true)
      and not text:find("^ ") and not text:find(" $") then
    return text
  end
  return '"' .. text:gsub('"', '""') .. '"'
end

-- All columns that rows have, sorted.
local function names_of(rows)
  local names, seen = {}, {}
  for _, row in ipairs(rows) do
    for name in pairs(row) do
      if not seen[name] then names[#names + 1] = name end
      seen[name] = true
    end
  end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

--- The text of rows under a line of names. `names` chooses the columns and their order; without it
--- there are all, sorted.
---@param rows table[]
---@param names? string[]
---@param opts? perilune.CsvOptions
---@return string
function csv.encode(rows, names, opts)
  local settings, separator = check("csv.encode", opts)
  names = names or names_of(rows)
  local lines = {}
  local function add(value_at)
    local fields = {}
    for i, name in ipairs(names) do fields[i] = field_text(value_at(name), separator) end
    lines[#lines + 1] = table.concat(fields, separator) .. "\n"
  end
  if settings.header ~= false then add(function(name) return name end) end
  for _, row in ipairs(rows) do add(function(name) return row[name] end) end
  return table.concat(lines)
end

return csv
