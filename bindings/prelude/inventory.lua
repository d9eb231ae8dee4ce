-- inventory.lua - what stood where when a machine was looked at, as its file keeps it, and what has
-- changed since.
--
-- An entry is { host =, chassis =, slot =, domain =, leaf =, gpus = number, uuids = { ... } }; what
-- no source told is left out.

local units = require "perilune.units"

local inventory = {}

---@class perilune.InventoryEntry
---@field host string
---@field chassis? string serial number
---@field slot? integer
---@field domain? string NVLink domain
---@field leaf? string
---@field gpus? integer
---@field uuids? string[]

--- The inventory of a survey.
---@param facts table survey:facts() of the core
---@return perilune.InventoryEntry[]
function inventory.of(facts)
  local list = {}
  for i, host in ipairs(facts.hosts) do
    list[i] = { host = host.name, chassis = host.chassis, domain = host.domain,
      slot = host.slot > 0 and host.slot or nil, leaf = host.tiers[1],
      gpus = host.gpus > 0 and host.gpus or nil,
      uuids = host.uuids[1] and host.uuids or nil }
  end
  return list
end

-- ---- what changed --------------------------------------------------------------------------

local function by_host(list)
  local index = {}
  for _, entry in ipairs(list) do index[entry.host] = entry end
  return index
end

-- Sentences by host, equal ones folded: "n[1-3]: its slot was 1 and is 2".
local Changes = {}
Changes.__index = Changes

function Changes:add(host, fmt, ...)
  local text = fmt:format(...)
  local group = self[text]
  if not group then
    group = { text = text, names = {} }
    self[text], self.order[#self.order + 1] = group, group
  end
  group.names[#group.names + 1] = host
end

function Changes:lines()
  local lines = {}
  for i, group in ipairs(self.order) do
    lines[i] = ("%s: %s"):format(require("perilune.core.hostset").new(group.names):fold(),
      group.text)
  end
  return lines
end

-- What is compared as it is: keys, their words, and what it means.
local PLACES = {
  { "chassis", "its chassis serial was %s and is %s: it moved, or the chassis was changed" },
  { "slot", "its slot was %s and is %s" },
  { "domain", "its NVLink domain was %s and is %s" },
  { "leaf", "its leaf switch was %s and is %s" },
}

local function compare_places(changes, before, now)
  for _, place in ipairs(PLACES) do
    local was, is = before[place[1]], now[place[1]]
    if was ~= nil and is ~= nil and was ~= is then changes:add(now.host, place[2], was, is) end
    if was ~= nil and is == nil then
      changes:add(now.host, "its %s was %s, and nobody tells it now", place[1], was)
    end
  end
end

-- Host of each UUID.
local function homes(list)
  local home = {}
  for _, entry in ipairs(list) do
    for _, uuid in ipairs(entry.uuids or {}) do home[uuid] = entry.host end
  end
  return home
end

local function compare_gpus(changes, before, now, home_now)
  local gone = 0
  for _, uuid in ipairs(before.uuids or {}) do
    local home = home_now[uuid]
    if not home then gone = gone + 1 end
    if home and home ~= before.host then
      changes:add(before.host, "its GPU %s is in %s now", uuid, home)
    end
  end
  if gone > 0 then
    changes:add(before.host, "%s of %d vanished", units.count(gone, "GPU"), #before.uuids)
  elseif before.gpus and now.gpus and before.gpus ~= now.gpus then
    changes:add(before.host, "it had %s and has %d", units.count(before.gpus, "GPU"), now.gpus)
  end
end

local function compare_new(changes, now, home_before)
  local new = 0
  for _, uuid in ipairs(now.uuids or {}) do
    if not home_before[uuid] then new = new + 1 end
  end
  if new > 0 then changes:add(now.host, "%s that it had not", units.count(new, "GPU")) end
end

--- What has changed from one inventory to another, a sentence each.
---@param before perilune.InventoryEntry[]
---@param now perilune.InventoryEntry[]
---@return string[]
function inventory.changes(before, now)
  local changes = setmetatable({ order = {} }, Changes)
  local was, is, home_before, home_now = by_host(before), by_host(now), homes(before), homes(now)
  for _, entry in ipairs(before) do
    local found = is[entry.host]
    if found then
      compare_places(changes, entry, found)
      compare_gpus(changes, entry, found, home_now)
    else
      changes:add(entry.host, "gone, and what it had: %s", units.count(entry.gpus or 0, "GPU"))
    end
  end
  for _, entry in ipairs(now) do
    if not was[entry.host] then
      changes:add(entry.host, "new, with %s", units.count(entry.gpus or 0, "GPU"))
    elseif was[entry.host].uuids then
      compare_new(changes, entry, home_before)
    end
  end
  return changes:lines()
end

return inventory
