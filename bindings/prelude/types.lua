-- types.lua - the types of options: how each is read from a word, accepted from Lua, and shown.
--
-- A type is a table:
--   metavar              the word in help, unless the option has its own
--   read(text, option)   value from the text of the command line, or nil, what was expected
--   accept(value)        true when a value from Lua that is no string is one of this type
--   show(value)          the value as an option would be written
--   ordered              min and max have a meaning

local units = require "perilune.units"

local types = {}

local function plain(value) return tostring(value) end

-- The text without the option's unit at its end: "400 GB/s" is 400 where that is the unit.
local function without_unit(text, option)
  local unit = option and option.unit
  if not unit or #text <= #unit or text:sub(-#unit) ~= unit then return text end
  return (text:sub(1, -#unit - 1):gsub("%s+$", ""))
end

local function of_unit(what, option)
  return option and option.unit and ("%s of %s"):format(what, option.unit) or what
end

local function whole_number(value) return math.type(value) == "integer" end

local function any_number(value)
  return type(value) == "number" and value == value and math.abs(value) ~= math.huge
end

types.int = {
  metavar = "N", ordered = true,
  read = function(text, option)
    text = without_unit(text, option)
    local value = text:match("^[+-]?%d+$") and math.tointeger(tonumber(text))
    return value, of_unit("a whole number", option)
  end,
  accept = whole_number,
  show = plain,
}

types.number = {
  metavar = "X", ordered = true,
  read = function(text, option)
    text = without_unit(text, option)
    local value = not text:find("[xXnN]") and tonumber(text) or nil
    return any_number(value) and value or nil, of_unit("a number", option)
  end,
  accept = any_number,
  show = function(value) return ("%.14g"):format(value) end,
}

types.string = {
  metavar = "TEXT",
  read = function(text) return text end,
  accept = function() return false end,
  show = plain,
}

types.path = {
  metavar = "FILE",
  read = function(text)
    return text ~= "" and text or nil, "a file name"
  end,
  accept = function() return false end,
  show = plain,
}

local TRUTHS = { ["true"] = true, yes = true, on = true, ["1"] = true,
                 ["false"] = false, no = false, off = false, ["0"] = false }
types.bool = {
  read = function(text) return TRUTHS[text:lower()], "yes or no" end,
  accept = function(value) return type(value) == "boolean" end,
  show = function(value) return value and "yes" or "no" end,
}

types.size = {
  metavar = "SIZE", ordered = true,
  read = function(text) return units.parse_size(text), "a size such as 4096, 64K, 1M or 1G" end,
  accept = function(value) return whole_number(value) and value >= 0 end,
  show = units.size_option,
}

types.duration = {
  metavar = "TIME", ordered = true,
  read = function(text)
    return units.parse_duration(text), "a time such as 90, 90s, 200ms, 10m or 2h"
  end,
  accept = function(value) return any_number(value) and value >= 0 end,
  show = units.duration_option,
}

types.choice = {
  read = function(text, option)
    for _, choice in ipairs(option.choices) do
      if text == choice then return text end
    end
    return nil, "one of " .. table.concat(option.choices, ", ")
  end,
  accept = function() return false end,
  show = plain,
}

--- Words separated by commas; giving the option again adds to them. With `whole` in the option
--- each text is one word.
types.list = {
  metavar = "A,B",
  read = function(text, option)
    if option.whole then return { text } end
    local words = {}
    for word in text:gmatch("[^,]+") do words[#words + 1] = word end
    return words, "a list"
  end,
  accept = function(value) return type(value) == "table" end,
  show = function(value) return table.concat(value, ",") end,
}

--- A host set. With `unresolved` in the option it stays text, for who knows the groups.
types.hostlist = {
  metavar = "SET",
  read = function(text, option)
    if option.unresolved then return text end
    return require("perilune.core.hostset").parse(text)
  end,
  accept = function(value) return type(value) == "userdata" end,
  show = plain,
}

--- Sizes of a job, and its model, as `map --job` reads them: "tp=4 dp=8". The recipe gets the text,
--- which t:map takes.
types.job = {
  metavar = "JOB",
  read = function(text)
    local ok, message = require("perilune.map").check_job(text)
    if ok then return text end
    return nil, ("a job such as 'tp=4 dp=8' (%s)"):format(message)
  end,
  accept = function() return false end,
  show = plain,
}

--- What nobody may see: the word says where it is found, never what it is. See secret.lua.
types.secret = {
  metavar = "WHERE",
  read = function(text) return require("perilune.secret").source(text) end,
  accept = function() return false end,
  show = plain,
}

--- N or P%: { count = N } or { percent = P }.
types.limit = {
  metavar = "N|P%",
  read = function(text)
    local digits, percent = text:match("^(%d+)(%%?)$")
    local value = math.tointeger(tonumber(digits))
    if not value or percent == "%" and value > 100 then return nil, "a number or a percentage" end
    return percent == "%" and { percent = value } or { count = value }
  end,
  accept = function(value) return type(value) == "table" end,
  show = function(value) return value.count and plain(value.count) or value.percent .. "%" end,
}

-- The rest come from Lua only.

--- Text, or a secret.
types.text = {
  read = function(text) return text end,
  accept = function(value) return require("perilune.secret").is(value) end,
  show = plain,
}

for _, name in ipairs { "table", "function" } do
  types[name] = {
    read = function() return nil, "a " .. name end,
    accept = function(value) return type(value) == name end,
    show = plain,
  }
end
types.any = {
  read = function(text) return text end,
  accept = function() return true end,
  show = plain,
}

return types
