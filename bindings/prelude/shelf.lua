-- shelf.lua - files that go by a name: recipes and clusters. A name NAME is NAME.lua in a person's
-- configuration folder, in the installed data folder, or inside the program, the first that is
-- there. A kind is "recipes" or "clusters", which is also the name of its folders.

local shelf = {}

local function sys() return require "perilune.core.sys" end
local function boot() return require "perilune.core.boot" end

-- Folders of a kind, nearest to the person first.
local function folders(kind)
  local list = {}
  local own = require("perilune.config").folder()
  list[#list + 1] = own and own .. "/" .. kind
  local data = boot().datadir
  list[#list + 1] = data and data .. "/" .. kind
  return list
end

--- True for a word that is a path, not a name.
---@param word string
---@return boolean
function shelf.is_path(word)
  return word:find("/", 1, true) ~= nil or word:find("%.lua$") ~= nil
end

--- The names that need no path, sorted.
---@param kind string
---@return string[]
function shelf.names(kind)
  local seen, names = {}, {}
  local function add(file)
    local name = file:match("^([^/]+)%.lua$")
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  for _, folder in ipairs(folders(kind)) do
    for _, file in ipairs(sys().stat(folder) and sys().readdir(folder) or {}) do add(file) end
  end
  for _, file in ipairs(boot().resources(kind)) do add(file) end
  table.sort(names)
  return names
end

--- The path of the file a name stands for; nil when it is in no folder.
---@param kind string
---@param name string
---@return string?
function shelf.path(kind, name)
  for _, folder in ipairs(folders(kind)) do
    local path = ("%s/%s.lua"):format(folder, name)
    if sys().stat(path) then return path end
  end
  return nil
end

--- The text of a file inside the program, and its chunk name; nil when there is none.
---@param kind string
---@param name string
---@return string? text
---@return string? chunk
function shelf.embedded(kind, name)
  local text = boot().resource(kind, name .. ".lua")
  return text, text and ("=%s/%s.lua"):format(kind, name)
end

return shelf
