-- lots.lua - math.random for recipes: each task draws from a sequence of its own, which follows
-- from the seed of the run and the task's place in it. So a run that is resumed, replayed, or
-- rehearsed with the same seed draws the same, whatever runs beside it.
--
-- It is what recipes have as math.random, and what all that draws lots for them uses; outside of
-- a recipe's points it is the standard one.

local sched = require "perilune.core.sched"

local lots = {}

local random, randomseed = math.random, math.randomseed

-- Two integers from the words.
local function numbers(text)
  local hex = require("perilune.core.sys").sha256(text)
  return math.tointeger(tonumber(hex:sub(1, 15), 16)), math.tointeger(tonumber(hex:sub(16, 30), 16))
end

local function generator_of(locals)
  if not locals.draw and locals.seed and locals.path then
    local place = ("%d %s %s"):format(locals.seed, locals.root, locals.path)
    locals.draw = require("perilune.core.sys").random_generator(numbers(place))
  end
  return locals.draw
end

--- As math.random.
function lots.random(...)
  return (generator_of(sched.locals()) or random)(...)
end

--- As math.randomseed: of a recipe's task, its own sequence.
function lots.randomseed(...)
  local locals = sched.locals()
  if not locals.seed or select("#", ...) == 0 then return randomseed(...) end
  local a, b = ...
  locals.draw = require("perilune.core.sys").random_generator(math.tointeger(a) or
    math.floor(a * 2 ^ 20), math.tointeger(b) or 0)
end

--- A seed for a run that was given none.
---@return integer
function lots.seed()
  return random(0, 0x7fffffff)
end

return lots
