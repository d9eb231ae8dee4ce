-- rehearsal.lua - the simulated fleet of a rehearsal: who answers its commands, how long they take,
-- and what goes wrong.
--
-- The first that has an answer gives it: the test, the record of --sim-from, the recipe, the
-- cluster file. What nobody answers succeeds without output. Times are drawn, then faults come.

local chance = require "perilune.chance"
local errors = require "perilune.errors"
local responders = require "perilune.responders"
local sched = require "perilune.core.sched"

local rehearsal = {}

local DEFAULT_SECONDS = 0.05 -- of sim.h
local DEFAULT_SEED = 1

--- The REHEARSAL options, for the table of a verb.
rehearsal.options = {
  { "sim", type = "bool", group = "REHEARSAL",
    help = "the simulated fleet of these hosts, on virtual time: commands are answered by the "
      .. "recipe's or the cluster file's `sim`, or succeed" },
  { "sim-from", type = "string", metavar = "RUN", group = "REHEARSAL",
    help = "they answer as in this recorded run: an id, the beginning of one, last, or a folder" },
  { "faults", type = "string", metavar = "PROFILE", group = "REHEARSAL",
    help = "what goes wrong: a file, or rough, llama3, rack-outage" },
  { "seed", type = "int", metavar = "N", group = "REHEARSAL",
    help = "of all that is drawn by lot; the same seed, the same run (rehearsals: 1)" },
}

--- What the REHEARSAL options ask for: --sim is another name for --transport sim, and the others
--- need it. A rehearsal has a seed.
---@param o table
---@param given table<string, boolean>
function rehearsal.prepare(o, given)
  if o.sim and given.transport and o.transport ~= "sim" then
    errors.usage("--sim and --transport %s exclude each other", o.transport)
  end
  if o.sim then o.transport, given.transport = "sim", true end
  if o.transport == "sim" then
    o.seed = o.seed or DEFAULT_SEED
    return
  end
  for _, name in ipairs { "sim_from", "faults" } do
    if o[name] then errors.usage("--%s needs --sim", (name:gsub("_", "-"))) end
  end
end

-- ---- who answers -------------------------------------------------------------------------------

local function note(sentence)
  require("perilune.terminal").note("%s", sentence)
end

-- Functions that may have an answer, in order.
local function answers_of(settings, cluster)
  local list = {}
  local function add(answer) list[#list + 1] = answer end
  local on_mistake = settings.on_mistake or note
  if settings.sim then add(responders.answer(settings.sim, on_mistake)) end
  if settings.from then
    local record = require("perilune.recorded").load(settings.from)
    add(function(host, _, cmd) return record:answer(host, cmd) end)
  end
  add(settings.recipe and settings.recipe:responder())
  if cluster and cluster.sim then add(responders.answer(cluster.sim, on_mistake)) end
  return list
end

-- How long commands take that nobody says it of, by who comes first.
local function usual_time(settings, cluster)
  for _, sim in ipairs { settings.sim or {}, settings.recipe and settings.recipe.sim or {},
                         cluster and cluster.sim or {} } do
    if sim.seconds then return chance.distribution(sim.seconds) end
  end
  return nil
end

-- ---- how long it takes -------------------------------------------------------------------------

-- reply.seconds as a number, drawn from the sequence of the host.
local function timed(reply, usual, stream_of, host)
  local written = reply.seconds
  if math.type(written) or reply.refuse and not written then return reply end
  local distribution = written and chance.distribution(written) or usual
  local out = {}
  for key, value in pairs(reply) do out[key] = value end
  out.seconds = distribution and distribution:draw(stream_of(host)) or DEFAULT_SECONDS
  return out
end

-- A sequence for each host, made when it is first drawn from.
local function streams(seed)
  local known = {}
  return function(host)
    local stream = known[host]
    if not stream then
      stream = chance.stream(seed, "seconds " .. host)
      known[host] = stream
    end
    return stream
  end
end

-- ---- all of it ---------------------------------------------------------------------------------

---@class perilune.RehearsalSettings
---@field sim perilune.Responder[]? of a test: answers before all others
---@field from string? a recorded run
---@field recipe perilune.Recipe?
---@field faults string|table|nil a profile, or its name
---@field seed integer?
---@field on_mistake fun(sentence: string)? hears of replies that make no sense; else it is noted
---@field heard fun(host: string, cmd: string)? hears of every command

local function faults_of(settings, fleet)
  if not settings.faults then return nil end
  local profiles = require "perilune.faults"
  local profile = settings.faults
  if type(profile) == "string" then profile = profiles.load(profile) end
  return profiles.new(profile, fleet)
end

local function first_answer(list, host, rank, line)
  for _, answer in ipairs(list) do
    local reply = answer(host, rank, line)
    if reply then return reply end
  end
  return nil
end

local NOTHING = {}

--- The function that answers for a simulated fleet; nil where every command just succeeds.
---@param settings perilune.RehearsalSettings
---@param fleet { hosts: userdata, cluster: table?, connect_timeout: number }
---@return (fun(host: string, rank: integer, cmd: string|string[]): table?)?
function rehearsal.responder(settings, fleet)
  local list, usual = answers_of(settings, fleet.cluster), usual_time(settings, fleet.cluster)
  local seed, begun = settings.seed or DEFAULT_SEED, sched.now()
  local faults = faults_of(settings, { hosts = fleet.hosts, cluster = fleet.cluster, seed = seed,
    patience = fleet.connect_timeout })
  if #list == 0 and not usual and not faults and not settings.heard then return nil end
  local stream_of = streams(seed)
  return function(host, rank, cmd)
    local line = type(cmd) == "table" and table.concat(cmd, " ") or cmd
    if settings.heard then settings.heard(host, line) end
    local reply = first_answer(list, host, rank, line)
    if not reply and not usual and not faults then return nil end
    reply = timed(reply or NOTHING, usual, stream_of, host)
    return faults and faults:befall(host, sched.now() - begun, reply) or reply
  end
end

return rehearsal
