-- faults.lua - fault profiles: what goes wrong with a simulated fleet, and when.
--
-- A profile is a file of Lua that returns one table, evaluated with an empty environment (data, not
-- code), or the name of one that is there. Rates are events per hour of the rehearsal's clock:
--
--   hang  = { per_hour =, hosts = }          a host's running commands never end
--   crash = { per_hour =, hosts =, back = }  a host is lost with all that runs, unreachable until
--                                            `back` is over; without it for ever
--   cut   = { per_hour =, hosts =, back = }  a host's link, the same, for 30s when nothing is said
--   slow  = { share =, hosts =, factor = }   this share of the hosts takes so many times longer (2)
--   rack  = { per_hour =, level =, size =, back = }   a whole unit of that level of the cluster
--                                            ("rack"); where there is none, `size` hosts in a row
--   events = { { at =, fault =, hosts =, back =, factor = }, ... }   one of them at its time, on
--                                            these hosts; without hosts on one host or rack by lot
--
-- Rates are per host, of `rack` per unit. `back`, `factor`, `at` may be distributions (chance.lua).

local chance = require "perilune.chance"
local errors = require "perilune.errors"
local nearest = require "perilune.nearest"
local outages = require "perilune.outages"
local shelf = require "perilune.shelf"

local faults = {}

local MAX_BYTES = 1 << 20
local RATE_MAX = 3600 -- an hour; more would be no rate
local INSTANT = 1e-6  -- a hang is over at once for commands that begin later
local KINDS = { "hang", "crash", "cut", "slow", "rack" }
local KEYS = { "summary", "events", "hang", "crash", "cut", "slow", "rack" }
local FIELDS = {
  hang = { "per_hour", "hosts", "back" }, crash = { "per_hour", "hosts", "back" },
  cut = { "per_hour", "hosts", "back" }, slow = { "share", "hosts", "factor" },
  rack = { "per_hour", "level", "size", "back" },
  event = { "at", "fault", "hosts", "back", "factor", "level", "size" },
}
local BACK = { cut = "30s", hang = INSTANT }
local DRAWN = { "back", "factor", "at" }

-- ---- what is wrong with a profile ------------------------------------------------------------

local function unknown_key(what, given, known)
  for key in pairs(given) do
    local found = false
    for _, name in ipairs(known) do found = found or name == key end
    if not found then
      return ("%s has no '%s'%s"):format(what, tostring(key), nearest.hint(key, known))
    end
  end
  return nil
end

local function is_from(value, least, most)
  return type(value) == "number" and value >= least and value <= most
end

-- A value that a field must not have.
local function field_mistake(fault)
  for _, name in ipairs(DRAWN) do
    local _, message = chance.distribution(fault[name] or 0)
    if message then return ("%s: %s"):format(name, message) end
  end
  if fault.hosts ~= nil then
    if type(fault.hosts) ~= "string" then return "hosts is a host set" end
    local _, message = require("perilune.core.hostset").parse(fault.hosts, { no_files = true })
    if message then return message end
  end
  if fault.size ~= nil and not (math.type(fault.size) == "integer" and fault.size > 0) then
    return "size is a number of hosts"
  end
  return fault.level ~= nil and type(fault.level) ~= "string" and "level is the name of one" or nil
end

local function kind_mistake(kind, fault)
  if type(fault) ~= "table" then return "it is a table" end
  local mistake = unknown_key("it", fault, FIELDS[kind]) or field_mistake(fault)
  if mistake then return mistake end
  if kind == "slow" then
    return not is_from(fault.share, 0, 1) and "it needs share, from 0 to 1" or nil
  end
  return not is_from(fault.per_hour, 0, RATE_MAX)
    and ("it needs per_hour, from 0 to %d"):format(RATE_MAX) or nil
end

local function event_mistake(event)
  if type(event) ~= "table" then return "it is a table" end
  for _, kind in ipairs(KINDS) do
    if kind == event.fault then
      return unknown_key("it", event, FIELDS.event) or field_mistake(event)
    end
  end
  return ("it needs fault, one of %s, not '%s'%s"):format(table.concat(KINDS, ", "),
    tostring(event.fault), nearest.hint(event.fault or "", KINDS))
end

--- What is wrong with a profile, as a sentence; nil when nothing is.
---@param profile any
---@return string?
function faults.mistake(profile)
  if type(profile) ~= "table" then return "it returns no table" end
  local mistake = unknown_key("a fault profile", profile, KEYS)
  if mistake then return mistake end
  for _, kind in ipairs(KINDS) do
    mistake = profile[kind] ~= nil and kind_mistake(kind, profile[kind])
    if mistake then return ("%s: %s"):format(kind, mistake) end
  end
  if profile.events ~= nil and type(profile.events) ~= "table" then return "events is a list" end
  for i, event in ipairs(profile.events or {}) do
    mistake = event_mistake(event)
    if mistake then return ("event %d: %s"):format(i, mistake) end
  end
  return nil
end

-- ---- finding one -------------------------------------------------------------------------------

--- The names of the profiles that need no path.
---@return string[]
function faults.names()
  return shelf.names("faults")
end

local function find(word)
  local path = shelf.is_path(word) and word or shelf.path("faults", word)
  if path then
    local text, message = require("perilune.core.sys").read_file(path, MAX_BYTES)
    if not text then errors.usage("fault profile %s: %s", path, message) end
    return text, "@" .. path
  end
  local text, chunk = shelf.embedded("faults", word)
  if text then return text, chunk end
  local names = faults.names()
  errors.usage("there is no fault profile '%s'%s; known are %s", word, nearest.hint(word, names),
    table.concat(names, ", "))
end

--- A profile by its name or path. Ends the verb when it is not there or not right.
---@param word string
---@return table
function faults.load(word)
  local text, chunk_name = find(word)
  local chunk, syntax = load(text, chunk_name, "t", {})
  if not chunk then errors.usage("fault profile '%s': %s", word, syntax) end
  local ok, profile = pcall(chunk)
  if not ok and type(profile) == "table" then error(profile, 0) end
  if not ok then errors.usage("fault profile '%s': %s", word, tostring(profile)) end
  local mistake = faults.mistake(profile)
  if mistake then errors.usage("fault profile '%s': %s", word, mistake) end
  return profile
end

-- ---- units -------------------------------------------------------------------------------------

-- Host sets of a level of the cluster; nil where it has no such level.
local function units_of_level(cluster, level)
  local topo = cluster and cluster.topo
  if not topo then return nil end
  for i, known in ipairs(topo:levels()) do
    if known.name == level and i >= topo:figures().host_level then return topo:units(i) end
  end
  return nil
end

local function units_in_a_row(hosts, size)
  local units = {}
  for first = 1, #hosts, size do units[#units + 1] = hosts:slice(first, size) end
  return units
end

-- The units of a rack outage, as host sets.
local function units_of(fault, fleet)
  local level = fault.level or "rack"
  local texts = units_of_level(fleet.cluster, level)
  if not texts then
    if fault.size then return units_in_a_row(fleet.hosts, fault.size) end
    errors.usage("the fault 'rack' needs a cluster (-C) with a level '%s', or size = how many "
      .. "hosts in a row go together", level)
  end
  local units = {}
  for i, text in ipairs(texts) do
    units[i] = assert(require("perilune.core.hostset").parse(text, { no_files = true }))
  end
  return units
end

-- ---- a fleet with faults -----------------------------------------------------------------------

---@class perilune.Faults
---@field profile table
---@field fleet { hosts: userdata, cluster: table?, seed: integer, patience: number }
---@field own table<string, table> what was drawn for a host, made when it is first asked for
local Faults = {}
Faults.__index = Faults

local function back_of(kind, fault)
  local written = fault.back or BACK[kind]
  return written and chance.distribution(written)
end

local function stream(self, name)
  return chance.stream(self.fleet.seed, name)
end

-- The host set of a fault is read once; nil: every host.
local function hits(self, fault, host)
  if fault.hosts == nil then return true end
  local set = self.sets[fault]
  if not set then
    set = assert(require("perilune.core.hostset").parse(fault.hosts, { no_files = true }))
    self.sets[fault] = set
  end
  return set:contains(host)
end

local function add_process(self, list, kind, fault, name)
  if fault.per_hour == 0 then return end
  list[#list + 1] = outages.process(stream(self, kind .. " " .. name), 3600 / fault.per_hour,
    back_of(kind, fault))
end

-- Of the host's racks, the outages: shared by all of its hosts.
local function add_rack(self, own, host)
  local fault = self.profile.rack
  if not fault then return end
  local number = self.rack_of[host]
  if not number then return end
  if not self.racks[number] then
    self.racks[number] = {}
    add_process(self, self.racks[number], "rack", fault, tostring(number))
  end
  table.move(self.racks[number], 1, #self.racks[number], #own.away + 1, own.away)
end

local function add_slowness(self, own, host)
  local fault = self.profile.slow
  if not fault or not hits(self, fault, host) then return end
  local s = stream(self, "slow " .. host)
  if s:next() < fault.share then
    own.factor = chance.distribution(fault.factor or 2):draw(s)
  end
end

local function add_event(own, event)
  if event.kind == "slow" then
    own.factor = (own.factor or 1) * event.factor
  else
    local list = event.kind == "hang" and own.hangs or own.away
    list[#list + 1] = outages.once(event.from, event.to)
  end
end

-- What is drawn for a host.
local function draw(self, host)
  local own, profile = { away = {}, hangs = {} }, self.profile
  for _, kind in ipairs { "crash", "cut", "hang" } do
    local fault = profile[kind]
    if fault and hits(self, fault, host) then
      add_process(self, kind == "hang" and own.hangs or own.away, kind, fault, host)
    end
  end
  add_rack(self, own, host)
  add_slowness(self, own, host)
  for _, event in ipairs(self.events) do
    if event.hosts:contains(host) then add_event(own, event) end
  end
  return own
end

--- What becomes of a command on a host that would get `reply`, begun now.
---@param host string
---@param now number seconds from the start of the rehearsal
---@param reply table with seconds
---@return table reply
function Faults:befall(host, now, reply)
  local own = self.own[host]
  if not own then
    own = draw(self, host)
    self.own[host] = own
  end
  return outages.befall(own, now, reply, self.fleet.patience)
end

-- Where an event happens: on its hosts, or where the lot falls.
local function place(event, fleet, s)
  if event.hosts then
    return require("perilune.core.hostset").parse(event.hosts, { no_files = true })
  end
  if event.fault == "rack" then
    local units = units_of(event, fleet)
    return units[s:below(#units)]
  end
  return require("perilune.core.hostset").new { fleet.hosts[s:below(#fleet.hosts)] }
end

local function make_event(self, i, event)
  local s = stream(self, "event " .. i)
  local from = chance.distribution(event.at or 0):draw(s)
  local back = back_of(event.fault, event)
  local lasts = back and back:draw(s) or math.huge
  return { kind = event.fault, hosts = place(event, self.fleet, s), from = from,
    to = from + lasts,
    factor = chance.distribution(event.factor or 2):draw(s) }
end

-- Host to number of its rack.
local function number_racks(self)
  local rack_of = {}
  for i, unit in ipairs(self.profile.rack and units_of(self.profile.rack, self.fleet) or {}) do
    for _, host in unit:each() do rack_of[host] = i end
  end
  return rack_of
end

--- The faults of a fleet; ends the verb where the profile asks for what the fleet has not.
---@param profile table a checked one
---@param fleet { hosts: userdata, cluster: table?, seed: integer, patience: number }
---@return perilune.Faults
function faults.new(profile, fleet)
  local self = setmetatable({ profile = profile, fleet = fleet, own = {}, racks = {},
    sets = {}, events = {} }, Faults)
  self.rack_of = number_racks(self)
  for i, event in ipairs(profile.events or {}) do self.events[i] = make_event(self, i, event) end
  return self
end

return faults
