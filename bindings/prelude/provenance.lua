-- provenance.lua - who told what of a machine, and when: folded, as text, and whether it is old.
--
-- An entry is { fact =, by =, format =, hosts =, from =, to = }: of these hosts this source told
-- this fact, at these times (seconds since 1970, 0 unknown). In `by` "%h" stands for each host's
-- name. A machine file keeps them under `facts`.

local units = require "perilune.units"

local provenance = {}

local OLD_S = 7 * 86400 -- cables are moved, trays are swapped: later a machine is probed again

-- Keys of survey:facts().hosts[].by, and their words.
local FACTS = {
  { "gpus", "GPUs" }, { "domain", "NVLink domain" }, { "chassis", "chassis" },
  { "slot", "slot" }, { "adapters", "adapters" }, { "fabric", "fabric" }, { "rails", "rails" },
  { "leaf", "leaf switch" }, { "switches", "switches above" }, { "block", "block" },
}

---@class perilune.Provenance
---@field fact string "NVLink domain"
---@field by string "nvidia-smi -q -x on %h"
---@field format string
---@field hosts string folded
---@field from integer
---@field to integer

-- ---- folding -------------------------------------------------------------------------------

-- The one host that a source tells of, by the number of the source; false where there are several.
local function only_hosts(facts)
  local only = {}
  for _, host in ipairs(facts.hosts) do
    for _, source in pairs(host.by) do
      only[source] = (only[source] == nil or only[source] == host.name) and host.name
    end
  end
  return only
end

-- A source's name without what is one host's alone.
local function words_of(source, host)
  local pattern = host and "%f[%w]" .. host:gsub("%p", "%%%0") .. "%f[%W]"
  return pattern and (source.name:gsub(pattern, "%%h", 1)) or source.name
end

local Told = {}
Told.__index = Told

-- A source tells a fact of a host (nil: of none).
function Told:add(fact, number, host)
  local source = self.sources[number]
  local by = words_of(source, self.only[number])
  local key = fact .. "\n" .. source.format .. "\n" .. by
  local entry = self.by_key[key]
  if not entry then
    entry = { fact = fact, by = by, format = source.format, names = {}, from = source.taken_at,
              to = source.taken_at }
    self.by_key[key], self.list[#self.list + 1] = entry, entry
  end
  entry.names[#entry.names + 1] = host
  entry.from = math.min(entry.from, source.taken_at)
  entry.to = math.max(entry.to, source.taken_at)
end

--- What a survey knows, an entry for each fact and kind of source.
---@param facts table survey:facts() of the core
---@return perilune.Provenance[]
function provenance.fold(facts)
  local told = setmetatable({ sources = facts.sources, only = only_hosts(facts), list = {},
    by_key = {} }, Told)
  for _, fact in ipairs(FACTS) do
    for _, host in ipairs(facts.hosts) do
      local number = host.by[fact[1]]
      if number then told:add(fact[2], number, host.name) end
    end
  end
  for number in ipairs(facts.sources) do
    if told.only[number] == nil then told:add("nothing that others had not", number) end
  end
  for _, entry in ipairs(told.list) do
    entry.hosts = require("perilune.core.hostset").new(entry.names):fold()
    entry.names = nil
  end
  return told.list
end

-- ---- in words ------------------------------------------------------------------------------

local function date(time) return os.date("!%Y-%m-%d %H:%M", time) end

-- "324 days old", "3 h 5 m old"; nothing for what is new.
local function age_text(time, now)
  local age = now - time
  if age < 60 then return "" end
  if age < 2 * 86400 then return (", %s old"):format(units.format_duration(age)) end
  return (", %d days old"):format(age // 86400)
end

-- "(ibnetdiscover of 2026-11-01 08:00 UTC, 3 days old)"
local function time_text(entry, now)
  if entry.from == 0 then return ("(%s)"):format(entry.format) end
  local from, to = date(entry.from), date(entry.to)
  local span = from == to and from or ("%s to %s"):format(from, to)
  return ("(%s of %s UTC%s)"):format(entry.format, span, age_text(entry.from, now))
end

local function set_of(entry)
  local hostset = require "perilune.core.hostset"
  return entry.hosts ~= "" and hostset.parse(entry.hosts, { no_files = true }) or hostset.new {}
end

-- Entries of the same source, whatever fact they tell: { by, format, from, to, hosts = set }.
local function by_source(told)
  local list, by_key = {}, {}
  for _, entry in ipairs(told) do
    local key = entry.format .. "\n" .. entry.by
    local known = by_key[key]
    if known then
      known.from, known.to = math.min(known.from, entry.from), math.max(known.to, entry.to)
      known.set = known.set + set_of(entry)
    else
      known = { by = entry.by, format = entry.format, from = entry.from, to = entry.to,
                set = set_of(entry) }
      by_key[key], list[#list + 1] = known, known
    end
  end
  return list
end

local function name_of(source)
  if not source.by:find("%h", 1, true) then return source.by end
  if #source.set == 1 then
    local host = tostring(source.set)
    return (source.by:gsub("%%h", function() return host end))
  end
  local plain, n = source.by:gsub(" on %%h$", "")
  return ("%s %s %d hosts"):format(plain, n > 0 and "on" or "of", #source.set)
end

--- "nvidia-smi -q -x on 18 hosts (nvidia-smi-xml of 2026-11-01 08:00 UTC, 3 days old), ...".
---@param told perilune.Provenance[]
---@param now? integer
---@return string
function provenance.text(told, now)
  local parts = {}
  for i, source in ipairs(by_source(told)) do
    parts[i] = ("%s %s"):format(name_of(source), time_text(source, now or os.time()))
  end
  return table.concat(parts, ", ")
end

--- What of the GPUs no source told: "; GPUs of 17 hosts guessed: 4 each"; nothing where all is
--- known.
---@param facts table survey:facts() once there is a machine
---@param gpus_per_host? integer
---@return string
function provenance.guesses(facts, gpus_per_host)
  local parts = { "" }
  if facts.guessed_hosts > 0 then
    parts[#parts + 1] = ("GPUs of %s guessed: %d each"):format(
      units.count(facts.guessed_hosts, "host"), gpus_per_host)
  end
  if facts.unseen_gpus > 0 then
    parts[#parts + 1] = ("no source tells whether %s are well"):format(
      units.count(facts.unseen_gpus, "GPU"))
  end
  return table.concat(parts, "; ")
end

--- A sentence where the oldest fact is too old to rely on; nil where none is.
---@param told perilune.Provenance[]
---@param now? integer
---@return string?
function provenance.warning(told, now)
  local oldest
  for _, entry in ipairs(told) do
    if entry.from > 0 and (not oldest or entry.from < oldest.from) then oldest = entry end
  end
  local age = oldest and (now or os.time()) - oldest.from or 0
  if age <= OLD_S then return nil end
  return ("what is known of %s is %d days old (%s): probe again"):format(oldest.fact,
    age // 86400, name_of { by = oldest.by, set = set_of(oldest) })
end

return provenance
