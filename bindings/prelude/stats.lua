-- stats.lua - what a list of numbers comes to. Each function takes an array of one number or more.

local stats = {}

local function check(what, samples)
  local blame = require "perilune.blame"
  if type(samples) ~= "table" or #samples == 0 then
    blame.raise("stats.%s needs an array of numbers, one or more", what)
  end
  for i = 1, #samples do
    if type(samples[i]) ~= "number" or samples[i] ~= samples[i] then
      blame.raise("stats.%s: number %d is %s", what, i, tostring(samples[i]))
    end
  end
end

local function sorted(samples)
  local copy = table.move(samples, 1, #samples, 1, {})
  table.sort(copy)
  return copy
end

local function at_percent(order, p)
  local at = 1 + (#order - 1) * p / 100
  local low = math.floor(at)
  if low == at then return order[low] end
  return order[low] + (order[low + 1] - order[low]) * (at - low)
end

---@param samples number[]
---@return number
function stats.sum(samples)
  check("sum", samples)
  local sum = 0
  for _, value in ipairs(samples) do sum = sum + value end
  return sum
end

---@param samples number[]
---@return number
function stats.mean(samples)
  return stats.sum(samples) / #samples
end

--- Between the two nearest ranks where p falls between them.
---@param samples number[]
---@param p number 0 to 100
---@return number
function stats.percentile(samples, p)
  check("percentile", samples)
  if type(p) ~= "number" or p < 0 or p > 100 then
    require("perilune.blame").raise("stats.percentile: %s is not between 0 and 100", tostring(p))
  end
  return at_percent(sorted(samples), p)
end

---@param samples number[]
---@return number
function stats.median(samples)
  return stats.percentile(samples, 50)
end

---@param samples number[]
---@return number
function stats.min(samples)
  check("min", samples)
  return sorted(samples)[1]
end

---@param samples number[]
---@return number
function stats.max(samples)
  check("max", samples)
  return sorted(samples)[#samples]
end

--- Of a sample (n - 1); 0 for a single one.
---@param samples number[]
---@return number
function stats.stddev(samples)
  check("stddev", samples)
  if #samples < 2 then return 0.0 end
  local middle, sum = stats.mean(samples), 0
  for _, value in ipairs(samples) do sum = sum + (value - middle) ^ 2 end
  return math.sqrt(sum / (#samples - 1))
end

-- ---- how sure one can be -------------------------------------------------------------------

-- A generator of its own (xorshift64*, Vigna 2016), so that math.random goes on as it would have.
local function generator(seed)
  local x = seed * 0x9E3779B97F4A7C15 | 1
  return function(n)
    x = x ~ (x >> 12)
    x = x ~ (x << 25)
    x = x ~ (x >> 27)
    return ((x * 0x2545F4914F6CDD1D) >> 33) % n + 1
  end
end

local BOOTSTRAP_KEYS = { "stat", "level", "rounds", "seed" }

--- The interval in which a statistic lies with a probability of `level`: percentiles of the
--- statistic over resamples with replacement (Efron, 1979). The same for the same numbers and seed.
---@param samples number[]
---@param opts? { stat: string|fun(samples: number[]): number, level: number?, rounds: integer?,
---  seed: integer? } median, 0.95, 1000, 1
---@return number low
---@return number high
function stats.bootstrap(samples, opts)
  local blame = require "perilune.blame"
  check("bootstrap", samples)
  opts = opts or {}
  blame.check_keys("stats.bootstrap", opts, BOOTSTRAP_KEYS)
  local stat, level = opts.stat or "median", opts.level or 0.95
  local compute = type(stat) == "function" and stat or stats.named(stat)
  if not compute then blame.raise("stats.bootstrap: there is no statistic '%s'", tostring(stat)) end
  if type(level) ~= "number" or level <= 0 or level >= 1 then
    blame.raise("stats.bootstrap: level is a probability, such as 0.95")
  end
  local draw, found = generator(opts.seed or 1), {}
  for round = 1, opts.rounds or 1000 do
    local resample = {}
    for i = 1, #samples do resample[i] = samples[draw(#samples)] end
    found[round] = compute(resample)
  end
  table.sort(found)
  return at_percent(found, (1 - level) * 50), at_percent(found, (1 + level) * 50)
end

-- ---- by name -------------------------------------------------------------------------------

local NAMED = {
  median = stats.median, min = stats.min, max = stats.max, mean = stats.mean, sum = stats.sum,
  stddev = stats.stddev,
  first = function(samples) return samples[1] end,
  last = function(samples) return samples[#samples] end,
}

--- The statistics that have a name; "p1" to "p99" are others.
---@return string[]
function stats.names()
  return { "median", "min", "max", "mean", "sum", "stddev", "first", "last" }
end

--- The function of a name, nil when there is none.
---@param name string
---@return (fun(samples: number[]): number)?
function stats.named(name)
  local p = tonumber(tostring(name):match("^p(%d%d?)$"))
  if p and p > 0 then
    return function(samples) return stats.percentile(samples, p) end
  end
  return NAMED[name]
end

return stats
