-- repl_show.lua - values as a person at the prompt wants to see them: host sets and results folded,
-- tables on few lines, long ones cut.

local show = {}

local LINES, WIDTH = 40, 400 -- what is shown of a long value
local DEPTH = 3

local function is_name(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

local function key_text(key)
  if is_name(key) then return key .. " = " end
  return math.type(key) == "integer" and ("[%d] = "):format(key)
    or ("[%s] = "):format(type(key) == "string" and ("%q"):format(key) or tostring(key))
end

local function function_text(fn)
  local info = debug.getinfo(fn, "S")
  if info.what == "C" then return "function" end
  return ("function, %s:%d"):format(info.short_src, info.linedefined)
end

local text_of

-- The fields of a plain table as texts: those of the sequence first, without their keys.
local function fields(value, depth, seen)
  local out, n = {}, #value
  for i = 1, n do out[i] = text_of(value[i], depth + 1, seen) end
  local pairs = require("perilune.sandbox").pairs
  for key, field in pairs(value) do
    if not (math.type(key) == "integer" and key >= 1 and key <= n) then
      out[#out + 1] = key_text(key) .. text_of(field, depth + 1, seen)
    end
  end
  return out
end

local function table_text(value, depth, seen)
  if seen[value] then return "(itself)" end
  if depth > DEPTH then return "{ ... }" end
  seen[value] = true
  local parts = fields(value, depth, seen)
  seen[value] = nil
  if #parts == 0 then return "{}" end
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if #line + 2 * depth <= 78 and not line:find("\n", 1, true) then return line end
  local indent = ("  "):rep(depth + 1)
  return ("{\n%s%s\n%s}"):format(indent, table.concat(parts, ",\n" .. indent), ("  "):rep(depth))
end

local function object_text(value, meta)
  if type(value) == "table" and type(meta.fold) == "function" then
    return (tostring(value:fold()):gsub("\n$", ""))
  end
  if type(value) == "userdata" and meta.__name == "perilune.hostset" then
    return ("%s (%d)"):format(value:fold(), #value)
  end
  return (tostring(value):gsub("\n$", ""))
end

function text_of(value, depth, seen)
  local kind = type(value)
  if kind == "string" then return depth == 0 and value or ("%q"):format(value) end
  if kind == "function" then return function_text(value) end
  local meta = debug.getmetatable(value)
  if (kind == "table" or kind == "userdata") and meta and (meta.__tostring or meta.fold) then
    return object_text(value, meta)
  end
  if kind == "table" then return table_text(value, depth, seen) end
  return tostring(value)
end

--- The whole text of a value, without a newline at its end.
---@param value any
---@return string
function show.whole(value)
  return text_of(value, 0, {})
end

-- The first lines, each of a bearable width; nil when that is all.
local function cut(text)
  local lines, cut_any = {}, false
  for line in (text .. "\n"):gmatch("(.-)\n") do
    if #lines == LINES then return lines, true end
    if #line > WIDTH then line, cut_any = line:sub(1, WIDTH) .. " ...", true end
    lines[#lines + 1] = line
  end
  return lines, cut_any
end

--- The text of a value, cut where it is long; then it says how to see the rest.
---@param value any
---@return string
function show.short(value)
  local text = show.whole(value)
  local lines, is_cut = cut(text)
  if not is_cut then return text end
  local _, n = text:gsub("\n", "")
  return ("%s\n(cut: %d lines, %d bytes; show(_) prints all)"):format(table.concat(lines, "\n"),
    n + 1, #text)
end

return show
