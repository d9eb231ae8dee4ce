-- help.lua - what --help prints, made from the tables that the parser reads. At most 80 columns.

local options = require "perilune.options"
local types = require "perilune.types"

local help = {}

local WIDTH = 80
local TEXT_COLUMN = 28 -- where the explanation of an option begins

local STYLE = { bold = "\27[1m", dim = "\27[2m", plain = "\27[0m" }

-- Breaks text into lines of at most `width` columns.
local function wrap(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and #line + 1 + #word > width then
      lines[#lines + 1], line = line, ""
    end
    line = line == "" and word or line .. " " .. word
  end
  if line ~= "" then lines[#lines + 1] = line end
  return lines
end

-- "name", then text wrapped beside it; on a line of its own when the name is too long.
local function add_entry(out, name, text, column)
  local lines = wrap(text, WIDTH - column)
  local first = ("  %-" .. column - 2 .. "s"):format(name)
  if #name + 4 > column then
    out[#out + 1] = ("  %s"):format(name)
    first = (" "):rep(column)
  end
  out[#out + 1] = (first .. (lines[1] or "")):gsub("%s+$", "")
  for i = 2, #lines do out[#out + 1] = (" "):rep(column) .. lines[i] end
end

local function metavar_of(option)
  if option.metavar then return option.metavar end
  if option.choices then return table.concat(option.choices, "|") end
  return types[option.type].metavar
end

--- How an option is written: "-w, --hosts SET".
---@return string
function help.option_name(option)
  local long = option[1]:gsub("_", "-")
  local negatable = option.type == "bool" and option.default == true
  local flag = ("%s--%s%s"):format(option.short and "-" .. option.short .. ", " or "    ",
    negatable and "[no-]" or "", long)
  local metavar = option.type ~= "bool" and metavar_of(option)
  return metavar and flag .. " " .. metavar or flag
end

-- "2 to 9", "2 or more", "at most 9"; nil without limits. That a count is not negative goes without
-- saying.
local function range_of(option)
  local kind = types[option.type]
  local function limit(which)
    local value = option[which]
    return type(value) == "string" and kind.read(value, option) or value
  end
  local min, max = limit("min"), limit("max")
  if min and max then return ("%s to %s"):format(kind.show(min), kind.show(max)) end
  if max then return "at most " .. kind.show(max) end
  return min and min > 1 and kind.show(min) .. " or more" or nil
end

--- What an option is for, with its unit, range and default.
---@return string
function help.option_text(option)
  local text = option.help or ""
  local range = range_of(option)
  if option.unit and range then
    text = ("%s [%s, %s]"):format(text, option.unit, range)
  elseif option.unit or range then
    text = ("%s [%s]"):format(text, option.unit or range)
  end
  if option.type == "secret" then text = text .. " [env:NAME, file:PATH or prompt]" end
  if option.required then return text .. " (required)" end
  if option.default ~= nil and option.type ~= "bool" then
    local value = options.default(option)
    text = ("%s (default %s)"):format(text, options.show(option, value))
  end
  return text
end

--- Options by group, groups in order of first mention; those of later versions left out.
---@return { name: string }[]
function help.groups(spec)
  local groups, by_name = {}, {}
  for _, option in ipairs(options.list(spec)) do
    if not option.later then
      local name = option.group or "OPTIONS"
      if not by_name[name] then
        by_name[name] = { name = name }
        groups[#groups + 1] = by_name[name]
      end
      table.insert(by_name[name], option)
    end
  end
  return groups
end

local function heading(text, color)
  return color and STYLE.bold .. text .. STYLE.plain or text
end

local function add_options(out, spec, color)
  for _, group in ipairs(help.groups(spec)) do
    out[#out + 1] = ""
    out[#out + 1] = heading(group.name, color)
    for _, option in ipairs(group) do
      add_entry(out, help.option_name(option), help.option_text(option), TEXT_COLUMN)
    end
  end
end

local function add_indented(out, title, lines, color)
  if not lines or #lines == 0 then return end
  out[#out + 1] = ""
  out[#out + 1] = heading(title, color)
  for _, line in ipairs(lines) do
    out[#out + 1] = line == "" and "" or "  " .. line
  end
end

--- The help of a verb: its summary, usage, options by group, notes and examples.
---@param verb { name: string, summary: string, usage: string[], options: table[] }
---@param color boolean
---@return string
function help.verb(verb, color)
  local out = { ("perilune %s - %s"):format(verb.name, verb.summary), "" }
  for i, line in ipairs(verb.usage or {}) do
    out[#out + 1] = (i == 1 and "usage: perilune " or "       perilune ") .. line
  end
  if verb.about then
    out[#out + 1] = ""
    for _, line in ipairs(wrap(verb.about, WIDTH)) do out[#out + 1] = line end
  end
  add_options(out, verb.options or {}, color)
  add_indented(out, "NOTES", verb.notes, color)
  add_indented(out, "EXAMPLES", verb.examples, color)
  return table.concat(out, "\n") .. "\n"
end

--- Only the options of a table, as sections: for `run RECIPE --help`.
---@return string
function help.options(spec, color)
  local out = {}
  add_options(out, spec, color)
  return table.concat(out, "\n") .. "\n"
end

--- A list of names with a line each, aligned: the verbs.
---@param entries { name: string, summary: string }[]
---@return string[]
function help.entries(entries)
  local widest, out = 0, {}
  for _, entry in ipairs(entries) do widest = math.max(widest, #entry.name) end
  for _, entry in ipairs(entries) do add_entry(out, entry.name, entry.summary, widest + 5) end
  return out
end

return help
