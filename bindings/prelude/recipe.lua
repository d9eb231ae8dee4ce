-- recipe.lua - what a recipe is (pl.recipe), and where recipes are found.

local blame = require "perilune.blame"
local options = require "perilune.options"
local responders = require "perilune.responders"

local recipe = {}

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
  local mistake = spec.sim ~= nil and responders.mistake(spec.sim)
  if mistake then blame.raise("recipe '%s': %s", spec.name, mistake) end
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

--- What answers for the simulated fleet; nil when the recipe says nothing. A mistake in a reply is
--- remembered as `sim_error`: it is the recipe's, not the fleet's.
---@return perilune.Answer?
function Recipe:responder()
  if not self.sim then return nil end
  return responders.answer(self.sim, function(sentence)
    self.sim_error = self.sim_error or sentence
  end)
end

--- pl.recipe { ... } is recipe.define.
return setmetatable(recipe, { __call = function(_, spec) return recipe.define(spec) end })
