-- recipe.lua - what a recipe is (pl.recipe), and where recipes are found.

local blame = require "perilune.blame"
local options = require "perilune.options"

local recipe = {}

---@class perilune.Responder
---@field match string a Lua pattern, tried on the command
---@field reply fun(host: string, rank: integer, cmd: string): table?

---@class perilune.Recipe
---@field name string
---@field summary string?
---@field options table<string, table> the recipe's options by name
---@field run fun(t: perilune.Point, o: table)
---@field sim perilune.Responder[]? answers of the simulated fleet
---@field path string? where it was read from
local Recipe = {}
Recipe.__index = Recipe
Recipe.__name = "perilune.recipe"

local KEYS = { "name", "summary", "options", "run", "sim" }
local RESPONDER_KEYS = { "match", "reply" }
local REPLY_KEYS = { "stdout", "stderr", "code", "signal", "seconds", "hang", "drop", "refuse",
                     "phase" }
local KNOWN_REPLY_KEYS = {}
for _, key in ipairs(REPLY_KEYS) do KNOWN_REPLY_KEYS[key] = true end

-- What is wrong with a reply of the simulated fleet, or nil.
local function reply_mistake(reply)
  if reply == nil then return nil end
  if type(reply) ~= "table" then return "a reply is a table or nil, not a " .. type(reply) end
  for key in pairs(reply) do
    if not KNOWN_REPLY_KEYS[key] then
      return ("a reply has no '%s'%s"):format(tostring(key),
        require("perilune.nearest").hint(key, REPLY_KEYS))
    end
  end
  return nil
end

-- Mistakes are blamed on the line of the pl.recipe call.
local function check(spec)
  if type(spec) ~= "table" then blame.raise("pl.recipe needs a table") end
  blame.check_keys("a recipe", spec, KEYS)
  if type(spec.name) ~= "string" or not spec.name:find("^[%w][%w_.-]*$") then
    blame.raise("a recipe needs a name of letters, digits, '-', '_' and '.'")
  end
  if type(spec.run) ~= "function" then
    blame.raise("recipe '%s' needs a function run(t, o)", spec.name)
  end
  if spec.summary ~= nil and type(spec.summary) ~= "string" then
    blame.raise("recipe '%s': summary must be a string", spec.name)
  end
end

local function check_options(spec)
  if spec.options == nil then return end
  if type(spec.options) ~= "table" then
    blame.raise("recipe '%s': options must be a table", spec.name)
  end
  for name, option in pairs(spec.options) do
    if type(name) ~= "string" or not name:find("^%a[%w_-]*$") or type(option) ~= "table" then
      blame.raise("recipe '%s': options are written NAME = { type = ..., ... }", spec.name)
    end
    if name == "help" then blame.raise("recipe '%s': --help is taken", spec.name) end
  end
  local ok, message = options.check(spec.options)
  if not ok then blame.raise("recipe '%s': %s", spec.name, message) end
end

local function check_sim(spec)
  if spec.sim == nil then return end
  for i, responder in ipairs(type(spec.sim) == "table" and spec.sim or { 0 }) do
    if type(responder) ~= "table" then
      blame.raise("recipe '%s': sim is an array of { match =, reply = }", spec.name)
    end
    local what = ("responder %d of recipe '%s'"):format(i, spec.name)
    blame.check_keys(what, responder, RESPONDER_KEYS)
    local ok, message = pcall(string.find, "", responder.match)
    if not ok then blame.raise("responder %d of recipe '%s': %s", i, spec.name, message) end
    if type(responder.reply) ~= "function" and type(responder.reply) ~= "table" then
      blame.raise("responder %d of recipe '%s' needs a reply", i, spec.name)
    end
    local mistake = type(responder.reply) == "table" and reply_mistake(responder.reply)
    if mistake then blame.raise("responder %d of recipe '%s': %s", i, spec.name, mistake) end
  end
end

--- pl.recipe: checks what was written and makes a recipe of it.
---@param spec { name: string, summary: string?, options: table?, run: function, sim: table? }
---@return perilune.Recipe
function recipe.define(spec)
  check(spec)
  check_options(spec)
  check_sim(spec)
  return setmetatable({ name = spec.name, summary = spec.summary, options = spec.options or {},
    run = spec.run, sim = spec.sim }, Recipe)
end

---@return boolean
function recipe.is(value)
  return getmetatable(value) == Recipe
end

-- What a responder answers. A mistake in it is remembered: it is the recipe's, not the fleet's.
local function answer(self, responder, ...)
  local reply = responder.reply
  if type(reply) == "table" then return reply end
  local ok, value = pcall(reply, ...)
  local mistake = ok and reply_mistake(value)
  if ok and not mistake then return value end
  value = mistake or value
  self.sim_error = self.sim_error or ("sim of '%s': %s"):format(responder.match, tostring(value))
  return { code = 255, stderr = tostring(value) }
end

--- The responder function for the simulated fleet: the first match answers. While a job is
--- launched, `sim_ranks` (host -> local rank -> rank) says which rank a task is; otherwise the rank
--- is the number of the task on its host.
---@param self perilune.Recipe
---@return (fun(host: string, index: integer, cmd: string|string[]): table?)?
function Recipe:responder()
  local list = self.sim
  if not list then return nil end
  return function(host, index, cmd)
    local line = type(cmd) == "table" and table.concat(cmd, " ") or cmd
    for _, responder in ipairs(list) do
      if line:find(responder.match) then
        local ranks = self.sim_ranks and self.sim_ranks[host]
        return answer(self, responder, host, ranks and ranks[index] or index, line)
      end
    end
    return nil
  end
end

--- pl.recipe { ... } is recipe.define.
return setmetatable(recipe, { __call = function(_, spec) return recipe.define(spec) end })
