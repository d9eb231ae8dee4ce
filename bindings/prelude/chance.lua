-- chance.lua - what a rehearsal draws: sequences of numbers that follow from a seed and a name, and
-- the distributions they are turned into.
--
-- A distribution is written as a number, a duration, or { NAME, ... }:
--
--   2, "200ms"                                       always that
--   { "uniform", min = 1, max = 3 }
--   { "normal", mean = "2s", sd = 0.1 }              none below 0
--   { "lognormal", median = "50ms", sigma = 0.5 }    sigma: of the logarithm
--   { "exponential", mean = "10s" }
--
-- with min and max as bounds of what is drawn. Each sequence is its own, so that one host's
-- commands do not change what another's draw.

local nearest = require "perilune.nearest"
local units = require "perilune.units"

local chance = {}

-- ---- sequences -----------------------------------------------------------------------------

---@class perilune.Stream
---@field state integer
local Stream = {}
Stream.__index = Stream

local STEP = -7046029254386353131 -- 2^64 divided by the golden ratio

-- The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
local function mix(z)
  z = (z ~ (z >> 30)) * -4658895280553007687
  z = (z ~ (z >> 27)) * -7723592293110705685
  return z ~ (z >> 31)
end

-- FNV-1a.
local function hash(text)
  local h = -3750763034362895579
  for i = 1, #text do h = (h ~ text:byte(i)) * 1099511628211 end
  return h
end

--- The sequence of a name under a seed.
---@param seed integer
---@param name string
---@return perilune.Stream
function chance.stream(seed, name)
  return setmetatable({ state = mix(seed * STEP ~ hash(name)) }, Stream)
end

--- The next number, from 0 up to, not including, 1.
---@return number
function Stream:next()
  self.state = self.state + STEP
  return (mix(self.state) >> 11) * 2.0 ^ -53
end

--- A whole number from 1 to n.
---@param n integer
---@return integer
function Stream:below(n)
  return 1 + math.floor(self:next() * n)
end

--- The time to the next of events that come at random, so far apart on average.
---@param mean number
---@return number
function Stream:wait(mean)
  return -mean * math.log(1 - self:next())
end

-- Box and Muller, one of the two.
local function gauss(stream)
  local radius = math.sqrt(-2 * math.log(1 - stream:next()))
  return radius * math.cos(2 * math.pi * stream:next())
end

-- ---- distributions -------------------------------------------------------------------------

local DRAW = {
  constant = function(d) return d.value end,
  uniform = function(d, stream) return d.min + (d.max - d.min) * stream:next() end,
  normal = function(d, stream) return d.mean + d.sd * gauss(stream) end,
  lognormal = function(d, stream) return d.median * math.exp(d.sigma * gauss(stream)) end,
  exponential = function(d, stream) return stream:wait(d.mean) end,
}
local NEEDS = { constant = { "value" }, uniform = { "min", "max" }, normal = { "mean", "sd" },
  lognormal = { "median", "sigma" }, exponential = { "mean" } }
local NAMES = { "constant", "exponential", "lognormal", "normal", "uniform" }

---@class perilune.Distribution
local Distribution = {}
Distribution.__index = Distribution

--- One number, from 0.
---@param stream perilune.Stream
---@return number
function Distribution:draw(stream)
  local value = DRAW[self.name](self, stream)
  return math.min(math.max(value, self.min or 0, 0), self.max or math.huge)
end

-- The figures that a written distribution has; nil and what is wrong.
local function read_figures(name, written)
  local figures, known = { name = name }, { "min", "max" }
  for _, key in ipairs(NEEDS[name]) do known[#known + 1] = key end
  for key, value in pairs(written) do
    local is_known = key == 1
    for _, k in ipairs(known) do is_known = is_known or k == key end
    if not is_known then
      return nil, ("%s has no '%s'%s"):format(name, tostring(key), nearest.hint(key, known))
    end
    if key ~= 1 then
      local figure, message = units.parse_duration(value)
      if not figure then return nil, ("%s: %s: %s"):format(name, key, message) end
      figures[key] = figure
    end
  end
  for _, key in ipairs(NEEDS[name]) do
    if not figures[key] then return nil, ("%s needs '%s'"):format(name, key) end
  end
  if figures.min and figures.max and figures.min > figures.max then
    return nil, ("%s: min is more than max"):format(name)
  end
  return figures
end

local function read(written)
  if type(written) ~= "table" then
    local value, message = units.parse_duration(written)
    return value and { name = "constant", value = value }, message
  end
  local name = written[1]
  if type(name) ~= "string" or not NEEDS[name] then
    return nil, ("a distribution is { NAME, ... } with %s, not '%s'%s"):format(
      table.concat(NAMES, ", "), tostring(name), nearest.hint(name, NAMES))
  end
  return read_figures(name, written)
end

-- What was read stays read, as long as whoever wrote it holds it.
local known = setmetatable({}, { __mode = "k" })

--- A distribution from what was written; nil and a sentence when it is none.
---@param written number|string|table
---@return perilune.Distribution?
---@return string? message
function chance.distribution(written)
  if known[written] then return known[written] end
  local figures, message = read(written)
  if not figures then return nil, message end
  local made = setmetatable(figures, Distribution)
  if type(written) == "table" then known[written] = made end
  return made
end

return chance
