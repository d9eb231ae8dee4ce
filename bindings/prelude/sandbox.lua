-- sandbox.lua - what a recipe sees: a fresh environment with the standard library, less what would
-- hold the loop; `pairs` in a fixed order; undefined variables are errors.

local sched = require "perilune.core.sched"
local nearest = require "perilune.nearest"

local sandbox = {}

-- ---- pairs in a fixed order ----------------------------------------------------------------

local function sorted_keys(t)
  local numbers, strings, others = {}, {}, {}
  for key in next, t do
    local kind = type(key)
    local list = kind == "number" and numbers or kind == "string" and strings or others
    list[#list + 1] = key
  end
  table.sort(numbers)
  table.sort(strings)
  table.move(strings, 1, #strings, #numbers + 1, numbers)
  return table.move(others, 1, #others, #numbers + 1, numbers)
end

--- As the standard one, visiting numbers in ascending order, then strings in bytewise order, then
--- keys of other types (in no promised order). Entries removed on the way are left out. O(n log n)
--- and a copy of the keys; next() is the standard one.
function sandbox.pairs(t)
  local meta = debug.getmetatable(t)
  local own = meta and meta.__pairs
  if own then return own(t) end
  if type(t) ~= "table" then
    error(("bad argument #1 to 'pairs' (table expected, got %s)"):format(type(t)), 2)
  end
  local keys, i = sorted_keys(t), 0
  return function()
    while true do
      i = i + 1
      local key = keys[i]
      if key == nil then return nil end
      local value = rawget(t, key)
      if value ~= nil then return key, value end
    end
  end, t, nil
end

-- ---- the standard library, less what holds the loop ----------------------------------------

local function refused(name, instead)
  return function()
    error(("%s is not there in a recipe: %s"):format(name, instead), 2)
  end
end

local function copy(from, names)
  local to = {}
  for name in names:gmatch "%S+" do to[name] = from[name] end
  return to
end

local function all_of(from)
  local to = {}
  for name, value in pairs(from) do to[name] = value end
  return to
end

local print_fd = 1

--- Where `print` goes from now on: 2 while standard output has what another program reads.
---@param fd integer
function sandbox.print_to(fd)
  print_fd = fd
end

local function print_out(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  local line = require("perilune.secret").redact(table.concat(words, "\t"))
  require("perilune.core.sys").write(print_fd, line .. "\n")
  local session = sched.locals().session
  if session then session:append("print", require("perilune.report").plain { text = line }) end
end

local function make_os()
  local lib = copy(os, "clock difftime getenv remove rename setlocale tmpname")
  -- The loop's clock, so that rehearsals on virtual time are the same every time.
  function lib.time(t) return t and os.time(t) or math.floor(sched.wall()) end
  function lib.date(format, t) return os.date(format, t or math.floor(sched.wall())) end
  lib.execute = refused("os.execute", "hosts:exec runs commands")
  lib.exit = refused("os.exit", "return from run, or use t:expect")
  lib.setlocale = nil
  return lib
end

local function make_io()
  local lib = copy(io, "close lines open output stderr stdout tmpfile type write")
  lib.popen = refused("io.popen", "hosts:exec runs commands")
  lib.read = refused("io.read", "it would hold every task; make it an option")
  return lib
end

local function make_load(env)
  return function(chunk, name, mode, ...)
    local given = select("#", ...) > 0
    return load(chunk, name, mode or "t", (given and (...)) or (not given and env) or nil)
  end
end

-- ---- require -------------------------------------------------------------------------------

-- The text and the chunk name of a module beside the recipe; nil and where it was looked for.
local function find_beside(dir, name)
  local file = name:gsub("%.", "/") .. ".lua"
  if not dir or dir == "" then
    local text = require("perilune.core.boot").resource("recipes", file)
    return text, text and "=recipes/" .. file or "inside the program: recipes/" .. file
  end
  local path = dir .. "/" .. file
  local text, message = require("perilune.core.sys").read_file(path)
  return text, text and "@" .. path or message
end

local function load_beside(env, dir, name)
  local text, chunk = find_beside(dir, name)
  if not text then error(("module '%s' not found: %s"):format(name, chunk), 3) end
  local fn, message = load(text, chunk, "t", env)
  if not fn then error(message, 0) end
  return fn(name)
end

-- Modules of ours by name, others from beside the recipe: each once for this environment.
local function make_require(env, dir)
  local loaded = {}
  local load_module = sched.refuse("require", load_beside)
  return function(name)
    if type(name) ~= "string" then error("require needs the name of a module", 2) end
    if name == "perilune" or name:find("^perilune%.") then return require(name) end
    if loaded[name] == nil then
      local value = load_module(env, dir, name)
      loaded[name] = value == nil and true or value
    end
    return loaded[name]
  end
end

-- ---- globals -------------------------------------------------------------------------------

local function known_names(env)
  local names = {}
  for name in next, env do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- Reading what was never set is an error; setting is allowed in the body of a file only.
local Strict = {}

function Strict.__index(env, name)
  error(("undefined variable '%s'%s"):format(tostring(name),
    nearest.hint(name, known_names(env))), 2)
end

function Strict.__newindex(env, name, value)
  local setter = debug.getinfo(2, "S")
  if setter and setter.what ~= "main" and setter.what ~= "C" then
    error(("assignment to undeclared variable '%s': write local %s"):format(tostring(name),
      tostring(name)), 2)
  end
  rawset(env, name, value)
end

--- A fresh environment. `dir` is the folder where require looks first; nil: among the recipes
--- inside the program.
---@param dir string?
---@return table
function sandbox.new(dir)
  local env = copy(_G, "_VERSION assert collectgarbage error getmetatable ipairs next pcall "
    .. "rawequal rawget rawlen rawset select setmetatable tonumber tostring type warn xpcall")
  for _, name in ipairs { "coroutine", "math", "string", "table", "utf8" } do
    env[name] = all_of(_G[name])
  end
  local lots = require "perilune.lots"
  env.math.random, env.math.randomseed = lots.random, lots.randomseed
  env._G = env
  env.debug = copy(debug, "getinfo traceback")
  env.os = make_os()
  env.io = make_io()
  env.pairs = sandbox.pairs
  env.print = print_out
  env.load = make_load(env)
  env.require = make_require(env, dir)
  env.dofile = refused("dofile", "use require")
  env.loadfile = refused("loadfile", "use require")
  return setmetatable(env, Strict)
end

--- Compiles the text of a recipe in an environment of its own; a syntax error is raised as it is.
---@param text string
---@param chunk string chunk name: "@" and the path, or "=" and words
---@param dir string? as for sandbox.new
---@return function body
---@return table env
function sandbox.load(text, chunk, dir)
  local env = sandbox.new(dir)
  local fn, message = load(text, chunk, "t", env)
  if not fn then error(message, 0) end
  return fn, env
end

--- Makes math.random, and all that draws lots here, the same for the same n.
---@param n integer
function sandbox.seed(n)
  math.randomseed(n)
end

return sandbox
