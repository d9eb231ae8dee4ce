-- library.lua - where recipes are: found by path or by name, read, and turned into a recipe; and
-- the files that lie beside them.
--
-- A word with a '/' or the ending .lua is a path. A name is looked for in the person's folder of
-- recipes, in the installed data folder, and inside the program.

local errors = require "perilune.errors"
local recipe = require "perilune.recipe"
local shelf = require "perilune.shelf"

local library = {}

local MAX_BYTES = 16 << 20
local EXECUTABLE = 73 -- 0111

---@class perilune.RecipeFile
---@field text string
---@field chunk string name for error messages
---@field path string? nil when it is inside the program
---@field dir string folder of the files beside it; of resources when path is nil

local function sys() return require "perilune.core.sys" end
local function boot() return require "perilune.core.boot" end

local function from_path(path)
  local text, message = sys().read_file(path, MAX_BYTES)
  if not text then return nil, message end
  return { text = text, chunk = "@" .. path, path = path, dir = path:match("^(.*)/[^/]*$") or "." }
end

local function from_program(name)
  local text, chunk = shelf.embedded("recipes", name)
  return text and { text = text, chunk = chunk, dir = "" }
end

--- The names of the recipes that need no path.
---@return string[]
function library.names()
  return shelf.names("recipes")
end

local function missing(word)
  if shelf.is_path(word) then
    local stat = sys().stat(word)
    if stat then errors.usage("%s is a folder, not a recipe", word) end
    errors.usage("there is no recipe file '%s'", word)
  end
  local names = library.names()
  local hint = require("perilune.nearest").hint(word, names)
  if hint == "" and sys().stat(word .. ".lua") then
    hint = (" (did you mean './%s.lua'?)"):format(word)
  end
  errors.usage("there is no recipe '%s'%s; there are %s", word, hint, table.concat(names, ", "))
end

--- The file of a recipe; a usage error that suggests when there is none.
---@param word string path or name
---@return perilune.RecipeFile
function library.find(word)
  if shelf.is_path(word) then
    local stat = sys().stat(word)
    if not stat or stat.type == "dir" then missing(word) end
    local file, message = from_path(word)
    return file or errors.fail(2, "%s: %s", word, message)
  end
  local path = shelf.path("recipes", word)
  return path and from_path(path) or from_program(word) or missing(word)
end

-- `return pl.recipe { ... }` is a tail call: Lua has forgotten who called. The text has not.
local function name_line(file, message)
  if message:sub(1, 3) ~= "?: " then return message end
  local before = file.text:match("^(.-)%f[%w]recipe%s*[{(]") or ""
  local _, newlines = before:gsub("\n", "")
  return ("%s:%d: %s"):format(file.chunk:sub(2), newlines + 1, message:sub(4))
end

-- Compiles and runs the file; what is wrong in it ends the verb with its line and a traceback.
local function evaluate(file)
  if file.text:find("%z") or file.text:sub(1, 1) == "\27" then
    errors.fail(2, "%s is no text: a recipe is a file of Lua", file.path or file.chunk:sub(2))
  end
  local function body()
    local sandbox, sched = require "perilune.sandbox", require "perilune.core.sched"
    local body_of_file = sandbox.load(file.text, file.chunk, file.path and file.dir)
    local locals <const> = sched.locals()
    locals.loading = true
    local value = sched.refuse("the file of a recipe: only run(t, o) may", body_of_file)()
    locals.loading = nil
    return value
  end
  local ok, value = xpcall(body, function(err)
    local trace = require("perilune.core.sched").traceback(err)
    return { message = name_line(file, tostring(err)), trace = trace }
  end)
  if ok then return value end
  if type(value) == "string" then value = { message = errors.told(value), trace = "" } end
  if value.kind then error(value, 0) end
  local text = value.message .. "\n" .. value.trace
  errors.fail(2, "%s", (text:gsub("%s+$", "")))
end

--- Runs the file and gives the recipe it returns.
---@param file perilune.RecipeFile
---@return perilune.Recipe
function library.load(file)
  local value = evaluate(file)
  if not recipe.is(value) then
    errors.fail(2, "%s returns no recipe: it should end with return pl.recipe { ... }",
      file.path or file.chunk:sub(2))
  end
  value.path = file.path
  return value
end

--- The bytes of a file named by a recipe: beside it, else from the working directory.
---@param file perilune.RecipeFile
---@param path string
---@return string? bytes
---@return string? message
---@return boolean? executable
function library.read_beside(file, path)
  if path:sub(1, 1) ~= "/" then
    if not file.path then
      local text = boot().resource("recipes", path)
      if text then return text, nil, false end
    elseif sys().stat(file.dir .. "/" .. path) then
      path = file.dir .. "/" .. path
    end
  end
  local text, message = sys().read_file(path)
  if not text then return nil, message end
  return text, nil, sys().stat(path).mode & EXECUTABLE ~= 0
end

return library
