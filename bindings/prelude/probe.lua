-- probe.lua - a machine as its own hosts tell it: commands that discover topology are run over a
-- fleet, and what they print goes to the importers as it comes.
--
-- One visit asks each host which of the programs it has, and by which name it knows itself: what
-- others tell of that name is told of it, whatever the fleet calls it. Then those of one host for
-- all (ibnetdiscover, scontrol) run where they are, and those of each host on all that have them.
-- So who cannot be reached is waited for once, and what a command prints is a source by itself.

local errors = require "perilune.errors"
local reasons = require "perilune.reasons"
local terminal = require "perilune.terminal"
local units = require "perilune.units"

local probe = {}

local PATH = "PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin:/usr/local/bin:/opt/slurm/bin; export PATH"
local MARK = "perilune-topo"
local TIMEOUT_S = 120 -- of one command, where no --timeout is given
local ANSWER_BYTES = 16 << 20 -- nvidia-smi prints 15 kB a GPU
local FABRIC_BYTES = 256 << 20 -- ibnetdiscover 100 bytes a port
local GARBAGE_BYTES = 16 << 20 -- answers are large and soon done with: collected this often
local CANDIDATES = 3 -- hosts that are tried for a command of one host

-- What is run: one of `programs` must be there, `format` reads what `words` print. First what one
-- host tells of all, so that a fabric is known before what hosts see of it.
local COMMANDS = {
  { name = "ibnetdiscover", programs = { "ibnetdiscover" }, words = "%s",
    format = "ibnetdiscover", once = true, fabric = true, tells = "the InfiniBand fabric" },
  { name = "scontrol", programs = { "scontrol" }, words = "%s show topology",
    format = "slurm-scontrol", once = true, here = true, tells = "Slurm's topology" },
  { name = "nvidia-smi", programs = { "nvidia-smi" }, words = "%s -q -x",
    format = "nvidia-smi-xml", tells = "GPUs, NVLink domains and where they stand" },
  { name = "lldpcli", programs = { "lldpcli" }, words = "%s -f json0 show neighbors",
    format = "lldp", tells = "switches of Ethernet" },
  { name = "lstopo", programs = { "lstopo-no-graphics", "lstopo" }, words = "%s --of xml",
    format = "hwloc", tells = "which adapter is near a GPU" },
}

--- The names of the commands, for --skip.
probe.commands = {}
for i, command in ipairs(COMMANDS) do probe.commands[i] = command.name end

local function hostset(names) return require("perilune.core.hostset").new(names) end

-- ---- one fan-out ---------------------------------------------------------------------------

---@class perilune.Probe
---@field fleet perilune.Fleet
---@field session perilune.Session
---@field survey userdata
---@field status integer the worst so far
---@field there table<string, table<string, boolean>|true> programs by host; true: it did not say
---@field reached string[] hosts that answered
---@field own_name table<string, string> what `uname -n` says, by host
---@field told table<string, boolean> hosts that gave something
---@field gave_up table<string, integer> exit status of the last command that a host did not end
local Probe = {}
Probe.__index = Probe

function Probe:worsen(status)
  self.status = require("perilune.fanout").worse_status(self.status, status)
end

-- Runs a line on hosts of a fleet; `took` gets each result as it comes, `ended` the run.
function Probe:run(fleet, hosts, line, keep_bytes, took, ended)
  local run <close> = errors.checked(require("perilune.fanout").start(fleet, self.session, {
    hosts = hosts, argv = { "sh", "-c", PATH .. "; " .. line }, keep_bytes = keep_bytes,
    timeout = fleet.settings.timeout or TIMEOUT_S }))
  local progress = require "perilune.progress"
  local shown = progress.start(run, self.progress, false)
  progress.on_interrupt(run, shown)
  local index, bytes = run:next_ended(), 0
  while index do
    local result = run:result(index)
    bytes = bytes + #result.stdout
    took(result, index)
    if bytes > GARBAGE_BYTES then
      result, bytes = nil, 0 -- luacheck: ignore 311
      collectgarbage()
    end
    index = run:next_ended()
  end
  run:wait()
  shown:stop()
  local interrupted = require("perilune.fanout").interrupted_status()
  if interrupted then errors.quiet(interrupted) end
  ended(run)
end

-- "WHAT: REASON: HOSTS", a line for each reason, of the tasks `failed`.
local function tell_reasons(what, run, failed)
  table.sort(failed)
  for _, reason in ipairs(reasons.fold(run, failed)) do
    terminal.note("%s: %s", what, reason.line)
  end
end

-- ---- what there is -------------------------------------------------------------------------

local function ask_line(commands)
  local programs = {}
  for _, command in ipairs(commands) do
    table.move(command.programs, 1, #command.programs, #programs + 1, programs)
  end
  return ("echo %s $(uname -n); for p in %s; do command -v $p >/dev/null 2>&1 && echo $p; done; :")
    :format(MARK, table.concat(programs, " "))
end

-- The programs that an answer names, true where it is no answer of ours and they must be tried; and
-- the host's own name.
local function read_answer(text)
  local own, body = ("\n" .. text):match("\n" .. MARK:gsub("%p", "%%%0") .. " ?([^\n]*)\n(.*)$")
  if not body then return true, nil end
  local found = {}
  for name in body:gmatch "[^\n]+" do found[name] = true end
  return found, own:match "^[%w._-]+$"
end

function Probe:ask(commands)
  local failed = {}
  self:run(self.fleet, self.fleet.hosts, ask_line(commands), nil, function(result, index)
    if result.outcome == "ok" then
      self.there[result.host], self.own_name[result.host] = read_answer(result.stdout)
    else
      failed[#failed + 1] = index
    end
  end, function(run)
    tell_reasons("no answer", run, failed)
    self:worsen(run:status())
  end)
  for _, name in ipairs(self.fleet.hosts:names()) do
    if self.there[name] then self.reached[#self.reached + 1] = name end
  end
end

-- ---- a command -----------------------------------------------------------------------------

-- The program of a command that a host has; nil where it has none.
local function program_of(command, there)
  if there == true then return command.programs[1] end
  for _, program in ipairs(command.programs) do
    if there[program] then return program end
  end
  return nil
end

-- Hosts by the program that they have of a command, and those that have none.
function Probe:hosts_with(command)
  local by_program, without = {}, {}
  for _, name in ipairs(self.reached) do
    local program = program_of(command, self.there[name])
    local list = program and (by_program[program] or {}) or without
    list[#list + 1] = name
    if program then by_program[program] = list end
  end
  return by_program, without
end

-- The whole of what a command printed; nil and why.
local function printed(result)
  if not result.truncated then
    if result.stdout == "" then return nil, "it printed nothing" end
    return result.stdout
  end
  if not result.stdout_path then return nil, "it printed more than can be kept" end
  return require("perilune.core.sys").read_file(result.stdout_path, FABRIC_BYTES)
end

-- Imports one result. Nil and why, without what is the host's alone.
function Probe:import(command, words, result)
  local text, why = printed(result)
  if not text then return nil, why end
  local name = ("%s on %s"):format(words, result.host)
  local ok, message = self.survey:import(text, { name = name, host = result.host,
    format = command.format, taken_at = os.time() })
  if ok then return true end
  return nil, "it cannot be read: " .. message:gsub("^" .. name:gsub("%p", "%%%0") .. ":?", "line ")
end

-- "exit 6 (No devices were found)": what a command that failed said first.
local function exit_text(result)
  local said = (result.stderr .. "\n" .. result.stdout):match "[^%s][^\r\n]*"
  return ("exit %d%s"):format(result.code, said and (" (%s)"):format(said:sub(1, 100)) or "")
end

-- What came of a command on the hosts that have it: `gave` something, `failed` (tasks of the run)
-- otherwise than by the command's own word, `why` in order of appearance with the hosts of each.
local Taken = {}
Taken.__index = Taken

function Taken:because(why, host)
  if not self.hosts[why] then self.hosts[why], self.why[#self.why + 1] = {}, why end
  table.insert(self.hosts[why], host)
end

function Taken:tell(words)
  for _, why in ipairs(self.why) do
    terminal.note("%s: %s: %s", words, why, hostset(self.hosts[why]):fold())
  end
end

function Probe:take_result(taken, command, words, result, index)
  if result.outcome == "ok" then
    local ok, why = self:import(command, words, result)
    if not ok then return taken:because(why, result.host) end
    taken.gave[#taken.gave + 1], self.told[result.host] = result.host, true
  elseif result.outcome ~= "exit" then
    taken.failed[#taken.failed + 1] = index
    self.gave_up[result.host] = require("perilune.core.run").outcome_status(result.outcome)
  elseif result.code == 127 then
    self.without[result.host] = true
  else
    taken:because(exit_text(result), result.host)
  end
end

-- Runs a command on hosts that have it. The names of those that gave something.
function Probe:take(command, program, names, fleet)
  local words = command.words:format(program)
  local taken = setmetatable({ gave = {}, failed = {}, why = {}, hosts = {} }, Taken)
  self:run(fleet or self.fleet, hostset(names), "exec " .. words,
    command.once and FABRIC_BYTES or ANSWER_BYTES,
    function(result, index) self:take_result(taken, command, words, result, index) end,
    function(run) tell_reasons(words, run, taken.failed) end)
  taken:tell(words)
  return taken.gave
end

function Probe:note_without(command, names)
  for name in pairs(self.without) do names[#names + 1] = name end
  if #names == 0 then return end
  terminal.note("%s: not there, it would tell %s: %s", command.name, command.tells,
    hostset(names):fold())
end

-- A command of each host, wherever it is.
function Probe:take_each(command)
  local by_program, without = self:hosts_with(command)
  self.without = {}
  for _, program in ipairs(command.programs) do
    if by_program[program] then self:take(command, program, by_program[program]) end
  end
  self:note_without(command, without)
end

-- This machine as a fleet of one: it may be the one where the scheduler's commands are.
function Probe:here()
  local name = require("perilune.core.sys").hostname()
  return { name }, { transport = require("perilune.core.transport")["local"](),
    settings = { fanout = 1, timeout = self.fleet.settings.timeout } }
end

-- What nobody in the fleet has may be on this machine; a simulated fleet is left alone.
function Probe:take_here(command)
  if not command.here or self.fleet.transport_name == "sim" then return false end
  local names, fleet = self:here()
  self.without = {}
  self:take(command, command.programs[1], names, fleet)
  return next(self.without) == nil
end

-- A command that tells of all hosts: on the host that was asked for, else on the first that has it
-- and gives something.
function Probe:take_once(command)
  self.without = {}
  local asked = command.fabric and self.fabric_from
  local by_program = self:hosts_with(command)
  local names = asked and { asked } or by_program[command.programs[1]] or {}
  for i = 1, math.min(CANDIDATES, #names) do
    if #self:take(command, command.programs[1], { names[i] }) > 0 then return end
  end
  if #names > 0 and not self.without[names[1]] then return end
  if not self:take_here(command) then
    terminal.note("%s: not on %s; it would tell %s%s", command.name,
      asked or "any host of the fleet", command.tells,
      command.fabric and not asked and ". --fabric-from HOST names one that has it" or "")
  end
end

-- ---- all of it -----------------------------------------------------------------------------

-- Names as a survey cuts them: up to the first dot, addresses whole.
local function short_name(name)
  return name:find "^[%d.]+$" and name or name:match "^[^.]+" or name
end

local function short_names(names)
  local short = {}
  for i, name in ipairs(names) do short[i] = short_name(name) end
  return short
end

-- A fleet may go by addresses or aliases, and fabrics and schedulers by what hosts call themselves.
-- A name that several of them have, as containers of one machine, is nobody's.
function Probe:match_names()
  local owner = {}
  for _, host in ipairs(self.reached) do
    local own = self.own_name[host] and short_name(self.own_name[host])
    if own then owner[own] = owner[own] == nil and host end
  end
  for own, host in pairs(owner) do
    if host then self.survey:alias(own, short_name(host)) end
  end
end

-- Commands that fail are told; only hosts that gave nothing at all make the exit status worse.
function Probe:count_silent()
  for _, host in ipairs(self.reached) do
    if not self.told[host] then self:worsen(self.gave_up[host] or 1) end
  end
end

-- What was found out about hosts that are not of the fleet is of no use: nothing tells their GPUs.
-- Nor is a host of which nobody tells any, unless its number was given.
function Probe:keep_known(gpus_per_host)
  local names = {}
  for _, host in ipairs(self.survey:facts().hosts) do
    if host.gpus > 0 or (gpus_per_host and self.known[host.name]) then
      names[#names + 1] = host.name
    end
  end
  local all, kept = hostset(self.names), hostset(names) * hostset(self.names)
  local others = self.survey:keep(kept)
  local strange, silent = others - all, all - kept
  if #strange > 0 then
    terminal.note("%s not of the fleet, left out: %s", units.count(#strange, "host"),
      strange:fold())
  end
  if #silent > 0 then
    terminal.note("%s of which nothing tells the GPUs, left out: %s",
      units.count(#silent, "host"), silent:fold())
  end
  return #kept
end

---@class perilune.ProbeOptions
---@field skip? table<string, boolean> commands that are not run
---@field fabric_from? string the host for ibnetdiscover, of the fleet or not
---@field gpus_per_host? integer of hosts whose GPUs nobody tells
---@field progress? "auto"|"always"|"never"

--- Runs the commands over a fleet and gives the machine: topo, notes and facts as survey.machine
--- does, nil and a message when nothing told of a GPU; the exit status, 0 where every host told
--- something. Says on standard error which hosts gave nothing, and why.
---@param fleet perilune.Fleet
---@param session perilune.Session
---@param opts perilune.ProbeOptions
---@return userdata? topo
---@return string[]|string notes or the message
---@return table? facts
---@return integer status
function probe.visit(fleet, session, opts)
  local self = setmetatable({ fleet = fleet, session = session, status = 0, there = {},
    reached = {}, without = {}, known = {}, own_name = {}, told = {}, gave_up = {},
    fabric_from = opts.fabric_from, progress = opts.progress or "auto",
    survey = require("perilune.core.survey").new() }, Probe)
  local commands = {}
  for _, command in ipairs(COMMANDS) do
    if not (opts.skip and opts.skip[command.name]) then commands[#commands + 1] = command end
  end
  self.names = short_names(fleet.hosts:names())
  self.survey:expect(hostset(self.names))
  self:ask(commands)
  for _, name in ipairs(short_names(self.reached)) do self.known[name] = true end
  if #self.reached == 0 then return nil, "no host answered", nil, self.status end
  self:match_names()
  for _, command in ipairs(commands) do
    if command.once then self:take_once(command) else self:take_each(command) end
  end
  self:count_silent()
  if self:keep_known(opts.gpus_per_host) == 0 then
    return nil, "no host told of a GPU", nil, self.status
  end
  local topo, notes, facts = require("perilune.survey").machine(self.survey, opts.gpus_per_host)
  return topo, notes, facts, self.status
end

return probe
