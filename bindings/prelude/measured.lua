-- measured.lua - collectives that recorded runs have timed: over which GPUs, how long for which
-- size.
--
-- Two sources: nccl-tests' tables, in what a run attached or printed, or in a file of their own;
-- and points of ring-allreduce, which have a map and a time.

local errors = require "perilune.errors"
local sys = require "perilune.core.sys"

local measured = {}

local MAX_BYTES = 64 << 20

---@class perilune.Measurement
---@field collective string of nccl_tests.collectives
---@field places { host: string, gpu: integer }[] by rank
---@field points { bytes: integer, seconds: number }[]
---@field from string where it was found, for messages

---@class perilune.Measured
---@field [integer] perilune.Measurement
---@field problems string[] what was found and is of no use, a sentence each
---@field run string id of the run, or the file's name
---@field time string when it was measured
---@field cluster? string of the run

local function read(path)
  local text, message = sys.read_file(path, MAX_BYTES)
  if not text then errors.fail(2, "%s: %s", path, message) end
  return text
end

local function add_tables(found, text, name)
  for i, t in ipairs(require("perilune.nccl_tests").tables(text, name)) do
    local from = ("%s, table %d"):format(name, i)
    if t.problem then
      found.problems[#found.problems + 1] = ("%s: %s"):format(from, t.problem)
    else
      found[#found + 1] = { collective = t.collective, places = t.ranks, points = t.rows,
                            from = from }
    end
  end
end

-- Every file below a folder of the run.
local function add_folder(found, folder, name)
  local names = sys.readdir(folder)
  for _, entry in ipairs(names or {}) do
    local path = folder .. "/" .. entry
    local kind = require("perilune.files").kind(path)
    if kind == "dir" then
      add_folder(found, path, name .. "/" .. entry)
    elseif kind == "file" then
      add_tables(found, read(path), name .. "/" .. entry)
    end
  end
end

-- ---- points of ring-allreduce --------------------------------------------------------------

-- { [point] = { bytes, map, seconds = {...} } } from the journal.
local function ring_points(events)
  local points = {}
  for _, event in ipairs(events) do
    local p = event.point and points[event.point]
    if event.ev == "point" and event.options then
      points[event.point] = { index = event.point, bytes = event.options.bytes, seconds = {} }
    elseif p and event.ev == "attach" and event.name == "map.json" then
      p.map = event.path
    elseif p and event.ev == "metric" and event.name == "time" and event.unit == "s" then
      p.seconds[#p.seconds + 1] = event.value
    end
  end
  return points
end

local function places_of(map_text)
  local ok, map = pcall(require("perilune.core.json").decode, map_text)
  if not ok or type(map) ~= "table" or type(map.ranks) ~= "table" then return nil end
  local places = {}
  for i, rank in ipairs(map.ranks) do places[i] = { host = rank.host, gpu = rank.gpu } end
  return places
end

local function key_of(places)
  local words = {}
  for i, place in ipairs(places) do words[i] = ("%s:%d"):format(place.host, place.gpu) end
  return table.concat(words, " ")
end

-- Points over the same GPUs are one measurement.
local function add_ring(found, events, folder)
  local points, by_places = ring_points(events), {}
  local order = {}
  for index in pairs(points) do order[#order + 1] = index end
  table.sort(order)
  for _, index in ipairs(order) do
    local p = points[index]
    local places = p.map and p.bytes and #p.seconds > 0 and places_of(read(folder .. "/" .. p.map))
    if places and #places > 1 then
      local key = key_of(places)
      local m = by_places[key]
      if not m then
        m = { collective = "all_reduce", places = places, points = {},
              from = ("ring-allreduce, points from %d"):format(index) }
        by_places[key], found[#found + 1] = m, m
      end
      for _, seconds in ipairs(p.seconds) do
        m.points[#m.points + 1] = { bytes = p.bytes, seconds = seconds }
      end
    end
  end
end

-- ---- a run, a file -------------------------------------------------------------------------

local NO_MACHINE = {
  ["local"] = "over --transport local every host is this machine, no network was measured",
  sim = "it was simulated, nothing was measured",
}

local function when(seconds)
  return os.date("!%Y-%m-%d %H:%M UTC", math.floor(seconds))
end

--- What a run measured: an id or its beginning, "last", a run folder, or a file that holds what
--- nccl-tests printed. Ends the verb where there is no such run, or it cannot have measured.
---@param word string
---@return perilune.Measured
function measured.load(word)
  local kind = require("perilune.files").kind(word)
  if kind == "file" then
    local found = { problems = {}, run = word:match("[^/]*$"), time = "at a time not told" }
    add_tables(found, read(word), word)
    return found
  end
  local history = require "perilune.history"
  local folder = kind == "dir" and word or history.find(word)
  local events = history.read(folder)
  local head = events[1] or {}
  local reason = NO_MACHINE[head.transport]
  if reason then errors.fail(2, "run %s: %s", head.id or word, reason) end
  local found = { problems = {}, run = head.id or word, time = when(head.t or 0),
                  cluster = head.reach and head.reach.cluster }
  if head.recipe == "ring-allreduce" then add_ring(found, events, folder) end
  add_folder(found, folder .. "/attachments", "attachments")
  add_folder(found, folder .. "/out", "out")
  return found
end

return measured
