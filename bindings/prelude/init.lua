-- init.lua - the module `perilune`: what recipes and programs start from. A field is a module that
-- is loaded when it is first used.

local MODULES = {
  cluster = "perilune.cluster",
  csv = "perilune.csv",
  file = "perilune.file",
  hosts = "perilune.hosts",
  json = "perilune.json",
  log = "perilune.log",
  map = "perilune.map",
  path = "perilune.path",
  recipe = "perilune.recipe",
  result = "perilune.result",
  sandbox = "perilune.sandbox",
  scope = "perilune.scope",
  stats = "perilune.stats",
  template = "perilune.template",
  time = "perilune.time",
  topo = "perilune.topo",
  units = "perilune.units",
}

---@class perilune
---@field cluster table cluster files and presets
---@field csv table decode, encode
---@field file table files of the controller
---@field hosts table host sets
---@field json table encode, decode
---@field log perilune.Log lines for the journal
---@field map table rank maps
---@field path table names of files
---@field recipe fun(spec: table): perilune.Recipe
---@field result table the rule of failure
---@field scope table structured tasks
---@field stats table median, percentiles, bootstrap intervals
---@field template table text with places
---@field time table clocks, and how times are written
---@field topo table the machine
---@field units table durations and sizes
---@field version string of this program: "0.1.0"

local function unknown(name)
  local names = {}
  for known in pairs(MODULES) do names[#names + 1] = known end
  table.sort(names)
  error(("perilune has no field '%s'%s"):format(tostring(name),
    require("perilune.nearest").hint(name, names)), 3)
end

return setmetatable({ version = require("perilune.core.boot").version }, {
  __index = function(perilune, name)
    local module = require(MODULES[name] or unknown(name))
    rawset(perilune, name, module)
    return module
  end,
})
