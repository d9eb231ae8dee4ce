-- repl_complete.lua - what the word before the cursor may become: names and fields of Lua, options
-- of recipes, files in strings, hosts and groups in host sets.

local complete = {}

local MOST = 200 -- candidates that are worth naming

local function fitting(names, prefix)
  local out = {}
  for _, name in ipairs(names) do
    if type(name) == "string" and name:sub(1, #prefix) == prefix then out[#out + 1] = name end
  end
  table.sort(out)
  return out
end

-- ---- Lua -----------------------------------------------------------------------------------

local function add_keys(names, value)
  for key in next, value do
    if type(key) == "string" and not key:find("^__") then names[#names + 1] = key end
  end
end

local function is_hostset(meta)
  return meta ~= nil and meta.__name == "perilune.hostset"
end

-- Names that can stand behind a value and '.' or ':': the methods of an object, not its insides.
local function members(value)
  local names, meta = {}, debug.getmetatable(value)
  local is_object = meta and type(meta.__name) == "string"
  if type(value) == "table" and not is_object then add_keys(names, value) end
  if is_hostset(meta) then
    add_keys(names, require("perilune.core.hostset").methods)
  elseif meta then
    local index = rawget(meta, "__index")
    add_keys(names, type(index) == "table" and index or meta)
  end
  return names
end

-- The value of "a.b:c" so far; nil when it is none.
local function value_of(env, path)
  local value = env
  for name in path:gmatch "[%a_][%w_]*" do
    local ok, next_value = pcall(function() return value[name] end)
    if not ok or next_value == nil then return nil end
    value = next_value
  end
  return value
end

local function names_of_lua(env, text)
  local path, partial = text:match "([%a_][%w_%.:]*[%.:])([%w_]*)$"
  if path then
    local value = value_of(env, path)
    return #partial, value ~= nil and fitting(members(value), partial) or {}
  end
  partial = text:match "[%a_][%w_]*$" or ""
  local names = {}
  add_keys(names, env)
  return #partial, partial ~= "" and fitting(names, partial) or {}
end

-- ---- the others ----------------------------------------------------------------------------

local function files(partial)
  local sys = require "perilune.core.sys"
  local folder, name = partial:match "^(.*/)([^/]*)$"
  if not folder then folder, name = "", partial end
  local out = {}
  for _, entry in ipairs(sys.readdir(folder == "" and "." or folder) or {}) do
    if entry:sub(1, #name) == name and (name ~= "" or entry:sub(1, 1) ~= ".") then
      local status = sys.stat(folder .. entry)
      out[#out + 1] = folder .. entry .. (status and status.type == "dir" and "/" or "")
    end
  end
  table.sort(out)
  return #partial, out
end

-- `run "FILE"`: recipes by name, too.
local function recipes(partial)
  local n, out = files(partial)
  for _, name in ipairs(fitting(require("perilune.library").names(), partial)) do
    out[#out + 1] = name
  end
  return n, out
end

local function recipe_options(word, partial)
  local library = require "perilune.library"
  local ok, recipe = pcall(function() return library.load(library.find(word)) end)
  local names = {}
  for name in pairs(ok and recipe.options or {}) do names[#names + 1] = (name:gsub("-", "_")) end
  return #partial, fitting(names, partial)
end

local function host_names(fleet, partial)
  local names = {}
  for i = 1, math.min(#fleet.hosts, 100000) do names[i] = fleet.hosts[i] end
  for group in pairs(fleet.cluster and fleet.cluster.groups or {}) do
    names[#names + 1] = "@" .. group
  end
  return #partial, fitting(names, partial)
end

--- What the end of `text` may become.
---@param text string from the beginning of the line to the cursor
---@param env table names of Lua
---@param fleet perilune.Fleet
---@return integer n how many bytes before the cursor the candidates replace
---@return string[] candidates
function complete.find(text, env, fleet)
  local word, option = text:match "run%s*%(%s*[\"']([^\"']+)[\"']%s*,%s*{[^}]-([%w_]*)$"
  if word then return recipe_options(word, option) end
  local recipe = text:match "run%s*%(?%s*[\"']([^\"']*)$"
  if recipe then return recipes(recipe) end
  if text:sub(1, 1) == "@" then return host_names(fleet, text:sub(2):match "[^,!&^%s]*$") end
  if text:find "^[>!]" then return files(text:match "[^%s>!]*$") end
  local quoted = text:match "pl%.hosts%.parse%s*%(?%s*[\"']([^\"']*)$"
  if quoted then return host_names(fleet, quoted:match "[^,!&^%s]*$") end
  local _, quotes = text:gsub("\"", "")
  if quotes % 2 == 1 then return files(text:match "[^\"]*$") end
  return names_of_lua(env, text)
end

--- The longest beginning that all candidates share.
---@param candidates string[]
---@return string
function complete.common(candidates)
  local common = candidates[1] or ""
  for _, name in ipairs(candidates) do
    while name:sub(1, #common) ~= common do common = common:sub(1, -2) end
  end
  return common
end

--- Candidates in columns, for a terminal so wide.
---@param candidates string[]
---@param width integer
---@return string
function complete.list(candidates, width)
  local widest, lines = 0, {}
  local n = math.min(#candidates, MOST)
  for i = 1, n do widest = math.max(widest, #candidates[i]) end
  local columns = math.max(1, width // (widest + 2))
  local rows = (n + columns - 1) // columns
  for row = 1, rows do
    local parts = {}
    for i = row, n, rows do
      parts[#parts + 1] = candidates[i] .. (" "):rep(widest + 2 - #candidates[i])
    end
    lines[row] = (table.concat(parts):gsub("%s+$", ""))
  end
  if #candidates > n then lines[#lines + 1] = ("and %d more"):format(#candidates - n) end
  return table.concat(lines, "\n") .. "\n"
end

return complete
