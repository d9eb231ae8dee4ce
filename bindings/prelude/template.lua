-- template.lua - text with places: ${name}, ${job.nodes}, ${name|shell}, ${name|json}; $$ is a '$'.
--
--   local template = require "perilune.template"
--   local script = template.fill("srun -N ${nodes} ${cmd|shell}", { nodes = 4, cmd = "a b" })

local blame = require "perilune.blame"

local template = {}

local FILTERS = {
  shell = function(text) return "'" .. text:gsub("'", "'\\''") .. "'" end,
  json = function(_, value)
    return require("perilune.core.json").encode(value, { sort = true })
  end,
}

-- The value of "job.nodes", and the part of the name that has none.
local function look(values, name)
  local value = values
  for part in name:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[part]
    if value == nil then value = rawget(values, name) end
  end
  return value
end

local function names_of(values)
  local names = {}
  for name in pairs(values) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return names
end

-- Numbers as one would write them.
local function plain(value)
  return math.type(value) == "float" and ("%.14g"):format(value) or tostring(value)
end

local function place_text(values, name, filter)
  local value = look(values, name)
  if value == nil then
    blame.raise("template: there is no value '%s'%s", name,
      require("perilune.nearest").hint(name, names_of(values)))
  end
  if require("perilune.secret").is(value) then
    blame.raise("template: '%s' is a secret, and text is seen: secret:format() makes another one",
      name)
  end
  if filter == "" then
    if type(value) == "table" then blame.raise("template: '%s' is a table", name) end
    return plain(value)
  end
  if not FILTERS[filter] then
    blame.raise("template: '%s' is no filter of ${%s} (shell, json)", filter, name)
  end
  return FILTERS[filter](plain(value), value)
end

--- The text with its places filled; a place without a value raises, naming it.
---@param text string
---@param values table<string, any>
---@return string
function template.fill(text, values)
  if type(text) ~= "string" or type(values) ~= "table" then
    blame.raise("template.fill needs a text and a table of values")
  end
  local out, at = {}, 1
  while true do
    local dollar = text:find("$", at, true)
    if not dollar then break end
    out[#out + 1] = text:sub(at, dollar - 1)
    local name, filter, next_at = text:match("^%${([%w_.-]+)|?(%a*)}()", dollar)
    if name then
      out[#out + 1] = place_text(values, name, filter)
    else
      out[#out + 1] = "$" -- of "$$" one, else it stands for itself: shell text has many
      next_at = text:match("^%$%$()", dollar) or dollar + 1
    end
    at = next_at
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

return template
