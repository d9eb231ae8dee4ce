-- calibrate.lua - bandwidth and latency of each level of a machine, fitted to measured collectives.
--
-- The mapper's own cost model says which level holds a collective up and how long a byte takes at
-- the machine's present figures. What was measured is fitted by latency + size * slope; the ratio
-- of the slope to the model's is what the level's bandwidth is off by. So the calibrated machine
-- predicts what was measured, and a map's times are as good as that fit.
--
-- Least squares of the relative error: sizes span many powers of two, and a plain sum would hear
-- only the largest.

local nccl_tests = require "perilune.nccl_tests"

local calibrate = {}

local MIN_SIZES = 3
local MIN_RANGE = 8           -- largest size over smallest
local MIN_BANDWIDTH_SHARE = 0.5 -- of the largest size's time
local MAX_RMS = 0.5           -- relative
local MAX_DISAGREEMENT = 1.5  -- between collectives at one level, told beyond it

---@class perilune.Fit
---@field from string
---@field collective string
---@field ranks integer
---@field level integer that holds it up, from 1
---@field latency number seconds, of the whole collective
---@field slope number seconds for a byte of the size
---@field ratio number slope measured over modelled
---@field rms number relative residual
---@field worst { error: number, bytes: integer }
---@field least integer bytes
---@field most integer bytes
---@field count integer of times

-- ---- one line through the points of a measurement ------------------------------------------

-- Minimises the sum of ((t - a - b x) / t)^2; a is not below 0.
local function line_through(points)
  local w, wx, wxx, wt, wxt = 0, 0, 0, 0, 0
  for _, p in ipairs(points) do
    local weight, x, t = 1 / p.seconds ^ 2, p.bytes, p.seconds
    w, wx, wxx = w + weight, wx + weight * x, wxx + weight * x * x
    wt, wxt = wt + weight * t, wxt + weight * x * t
  end
  local determinant = w * wxx - wx * wx
  local a = determinant > 0 and (wxx * wt - wx * wxt) / determinant or 0
  if a <= 0 then return 0, wxt / wxx end
  return a, (w * wxt - wx * wt) / determinant
end

local function residuals(points, a, b)
  local sum, worst = 0, { error = 0, bytes = points[1].bytes }
  for _, p in ipairs(points) do
    local off = (a + b * p.bytes) / p.seconds - 1
    sum = sum + off * off
    if math.abs(off) > math.abs(worst.error) then worst = { error = off, bytes = p.bytes } end
  end
  return math.sqrt(sum / #points), worst
end

local function range_of(points)
  local sizes, n, least, most = {}, 0, math.huge, 0
  for _, p in ipairs(points) do
    if not sizes[p.bytes] then sizes[p.bytes], n = true, n + 1 end
    least, most = math.min(least, p.bytes), math.max(most, p.bytes)
  end
  return n, least, most
end

local function size(bytes) return require("perilune.units").format_size(bytes) end

-- Sizes of nothing take some time too, but tell nothing.
local function usable(points)
  local kept = {}
  for _, p in ipairs(points) do
    if p.bytes > 0 and p.seconds > 0 then kept[#kept + 1] = p end
  end
  return kept
end

--- The line through the times of a measurement. Nil and why the times cannot tell, with what to do.
---@param points { bytes: integer, seconds: number }[]
---@return { latency: number, slope: number, rms: number, worst: table, least: integer,
---  most: integer, count: integer }? line
---@return string? message
function calibrate.line(points)
  points = usable(points)
  if #points == 0 then return nil, "it has no times" end
  local n, least, most = range_of(points)
  if n < MIN_SIZES or most < MIN_RANGE * least then
    return nil, ("%d size%s from %s to %s cannot tell latency from bandwidth: measure %d or more "
      .. "that span a factor of %d"):format(n, n == 1 and "" or "s", size(least), size(most),
      MIN_SIZES, MIN_RANGE)
  end
  local a, b = line_through(points)
  if b <= 0 or b * most < MIN_BANDWIDTH_SHARE * (a + b * most) then
    return nil, ("even %s spends most of its time on latency: measure larger sizes"):format(
      size(most))
  end
  local rms, worst = residuals(points, a, b)
  if rms > MAX_RMS then
    return nil, ("the times are %.0f %% off any straight line over the size: measure more "
      .. "iterations on quiet hosts"):format(100 * rms)
  end
  return { latency = a, slope = b, rms = rms, worst = worst, least = least, most = most,
           count = #points }
end

-- ---- what the model says of it -------------------------------------------------------------

-- A host of the machine by its name or by the part before the first dot.
local function pe_of(machine, place, by_short)
  return machine:pe(by_short[place.host] or place.host, place.gpu)
    or machine:pe(by_short[place.host:match("^[^.]+")] or place.host, place.gpu)
end

local function short_names(machine)
  local by_short = {}
  for _, name in ipairs(machine:hosts():names()) do by_short[name:match("^[^.]+")] = name end
  for _, name in ipairs(machine:hosts():names()) do by_short[name] = name end
  return by_short
end

-- The vector of a measurement's PEs; nil and the place that the machine has not.
local function vector(machine, m, by_short)
  local lines = {}
  for i, place in ipairs(m.places) do
    local pe = pe_of(machine, place, by_short)
    if not pe then
      return nil, ("GPU %d of %s is not of %s"):format(place.gpu, place.host, machine:name())
    end
    lines[i] = pe
  end
  return table.concat(lines, "\n") .. "\n"
end

-- What a gigabyte sent by each rank takes in the model, the level that holds it up, and the
-- outermost level that it crosses.
local function modelled(machine, m, pes)
  local pattern = nccl_tests.collectives[m.collective].pattern
  local ok, map = pcall(require("perilune.map").evaluate, { topo = machine, launcher = "env",
    job = ("axis=x=%d:%s:1G"):format(#m.places, pattern), text = pes, text_name = m.from })
  if not ok then return nil, tostring(map) end
  local cost = map:cost()
  return { step = cost.step, level = cost.level, crosses = cost.outermost }
end

local function fit(machine, m, by_short)
  local pes, message = vector(machine, m, by_short)
  if not pes then return nil, message end
  local model, line
  model, message = modelled(machine, m, pes)
  if not model then return nil, message end
  line, message = calibrate.line(m.points)
  if not line then return nil, message end
  local n = #m.places
  local collective = nccl_tests.collectives[m.collective]
  line.from, line.collective, line.ranks = m.from, m.collective, n
  line.level, line.crosses = model.level, model.crosses
  line.ratio = line.slope / (model.step * collective.factor(n) / 1e9)
  line.step_latency = line.latency / collective.steps(n)
  return line
end

-- ---- levels --------------------------------------------------------------------------------

local function median(values)
  table.sort(values)
  local n = #values
  return n % 2 == 1 and values[n // 2 + 1] or (values[n // 2] + values[n // 2 + 1]) / 2
end

-- What the model takes a level to carry now, GB/s for a GPU.
local function carried(machine, level)
  if machine:figures().by_bandwidth then return level.bandwidth_gbyte_s end
  return 1 / level.distance
end

-- The figures of a level from the fits that it holds up; nil without any.
local function figures_of(machine, i, level, fits, notes)
  local ratios, latencies = {}, {}
  for _, f in ipairs(fits) do
    if f.level == i then
      ratios[#ratios + 1], latencies[#latencies + 1] = f.ratio, f.step_latency
    end
  end
  if #ratios == 0 then return nil end
  local middle = median(ratios)
  if ratios[#ratios] > MAX_DISAGREEMENT * ratios[1] then
    notes[#notes + 1] = ("%s: what was measured disagrees, %.3g to %.3g GB/s a GPU; the median is "
      .. "taken"):format(level.name, carried(machine, level) / ratios[#ratios],
      carried(machine, level) / ratios[1])
  end
  return { bandwidth_gbyte_s = carried(machine, level) / middle,
           latency_us = 1e6 * median(latencies) }
end

local function crossed(fits, i)
  for _, f in ipairs(fits) do
    if f.crosses >= i then return true end
  end
  return false
end

-- Hosts whose GPUs meet at a level: one of each of two units inside it.
local function advice(machine, i, levels)
  local host_level = machine:figures().host_level
  if i <= host_level then return ("on all GPUs of %s"):format(machine:hosts()[1]) end
  local inside = i > 1 and machine:units(i - 1) or machine:hosts():names()
  if i - 1 < math.max(host_level, 1) then inside = machine:hosts():names() end
  local names = {}
  for k = 1, math.min(2, #inside) do
    names[k] = require("perilune.core.hostset").parse(inside[k], { no_files = true })[1]
  end
  return ("on one GPU each of %s, which only %s joins"):format(table.concat(names, " and "),
    levels[i].name)
end

-- Levels that no fit is about: those that something measured crossed without being held up take
-- what a measured level with the same link and bandwidth has.
local function borrow(machine, levels, figures, i, fits, notes)
  local level = levels[i]
  if not crossed(fits, i) then return nil end
  for k = #levels, 1, -1 do
    local other = levels[k]
    if figures[k] and other.link == level.link
      and carried(machine, other) == carried(machine, level) then
      notes[#notes + 1] = ("%s: crossed by what was measured and never what held it up; taken to "
        .. "be like %s"):format(level.name, other.name)
      return figures[k]
    end
  end
  return nil
end

--- Fits the figures of every level of a machine. Nil and a message where what was measured cannot
--- tell them, which says what to measure.
---@param machine userdata
---@param found perilune.Measured
---@return { levels: table[], fits: perilune.Fit[], notes: string[] }? calibration
---@return string? message
function calibrate.fit(machine, found)
  local fits, notes, by_short = {}, {}, short_names(machine)
  for _, problem in ipairs(found.problems) do notes[#notes + 1] = problem end
  for _, m in ipairs(found) do
    local f, message = fit(machine, m, by_short)
    if f then fits[#fits + 1] = f else
      notes[#notes + 1] = ("%s (%s, %d ranks): %s"):format(m.from, m.collective, #m.places, message)
    end
  end
  local levels, figures, missing = machine:levels(), {}, {}
  for i, level in ipairs(levels) do
    figures[i] = figures_of(machine, i, level, fits, notes)
  end
  local fitted = table.move(figures, 1, #levels, 1, {})
  for i, level in ipairs(levels) do
    figures[i] = figures[i] or borrow(machine, levels, fitted, i, fits, notes)
    if not figures[i] and level.units * level.count > 1 then
      missing[#missing + 1] = ("%s: run all_reduce_perf %s"):format(level.name,
        advice(machine, i, levels))
    end
  end
  if #missing > 0 then
    local lines = { ("run %s cannot tell the figures of %s"):format(found.run, machine:name()) }
    for _, list in ipairs { notes, missing } do
      for _, line in ipairs(list) do lines[#lines + 1] = "  " .. line end
    end
    return nil, table.concat(lines, "\n")
  end
  return { levels = figures, fits = fits, notes = notes, run = found.run, time = found.time }
end

-- ---- for a person --------------------------------------------------------------------------

local ROW = "%-10s  %-14s  %5s  %-12s  %6s  %9s  %8s  %7s  %s\n"

--- How good the fit is, a line for each measurement.
---@param machine userdata
---@param c table what calibrate.fit() gave
---@return string
function calibrate.text(machine, c)
  local levels = machine:levels()
  local out = { ROW:format("level", "collective", "ranks", "sizes", "times", "GB/s/GPU", "us/step",
    "rms", "worst") }
  for _, f in ipairs(c.fits) do
    local level = levels[f.level]
    out[#out + 1] = ROW:format(level.name, f.collective, f.ranks,
      size(f.least) .. ".." .. size(f.most), f.count,
      ("%.4g"):format(carried(machine, level) / f.ratio), ("%.3g"):format(1e6 * f.step_latency),
      ("%.1f %%"):format(100 * f.rms),
      ("%+.0f %% at %s"):format(100 * f.worst.error, size(f.worst.bytes)))
  end
  return table.concat(out)
end

return calibrate
