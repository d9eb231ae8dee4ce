-- reap - end everything of ours that a run left on its hosts.

local errors = require "perilune.errors"
local fanout = require "perilune.fanout"
local fleet = require "perilune.fleet"
local options = require "perilune.options"
local reaper = require "perilune.reaper"
local reasons = require "perilune.reasons"
local session = require "perilune.session"
local terminal = require "perilune.terminal"

local own_options = {
  { "dry-run", short = "n", type = "bool", group = "REAPING", help = "only list what is there" },
  { "grace", type = "duration", default = "5s", group = "REAPING",
    help = "from SIGTERM to SIGKILL" },
  { "detached", type = "bool", group = "REAPING",
    help = "also what was started to be left alone" },
  { "json", type = "bool", group = "REAPING", help = "one line of JSON per process" },
}

local function look(on, record, id, o)
  local argv, text = reaper.command(id, o)
  local run = errors.checked(fanout.start(on, record, {
    hosts = on.hosts, argv = argv, stdin = text, sinks = {},
  }))
  local progress = require "perilune.progress"
  local line = progress.start(run, "auto", false)
  progress.on_interrupt(run, line)
  run:wait()
  line:stop()
  return run
end

local function print_found(list, clean, o)
  if not o.json then
    terminal.print(table.concat(reaper.lines(list, clean), "\n") .. "\n")
    return
  end
  for _, entry in ipairs(list) do
    terminal.print(require("perilune.history").json(entry) .. "\n")
  end
end

-- Hosts where nobody looked, or something would not die.
local function print_failures(run)
  for _, reason in ipairs(reasons.fold(run, reasons.failed(run))) do
    terminal.tell_line("perilune: reap: " .. reason.line)
  end
end

local function reap(o, args, given)
  if #args ~= 1 then errors.usage("give the run whose leavings are to be ended") end
  local id, head, sudo = reaper.find(args[1], reaper.names_hosts(given))
  if head and head.transport == "sim" then errors.usage("%s ran on simulated hosts", id) end
  reaper.adopt(o, given, head)
  if reaper.adopt_sudo(o, given, sudo) then
    terminal.note("commands of %s ran under sudo: what they left is looked for under sudo too", id)
  end
  local on <close> = fleet.open(o, given)
  local record <close> = session.begin { kind = "reap", name = id, hosts = on.hosts:fold(),
    transport = on.transport_name, reach = on.reach }
  local run <close> = look(on, record, id, o)
  local list, clean = reaper.read(run, o.dry_run)
  for _, entry in ipairs(list) do record:append("reaped", entry) end
  print_found(list, clean, o)
  print_failures(run)
  return record:finish(fanout.interrupted_status() or run:status())
end

return {
  name = "reap",
  summary = "end what a run left on its hosts",
  usage = { "reap [FLEET] [--dry-run] RUN" },
  about = "RUN is an id, the beginning of one, or 'last'. Its record says on which hosts it was "
    .. "and how they were reached; FLEET options override that, and with hosts named by -w the "
    .. "whole id of a run that is on record elsewhere will do. On each host every process of the "
    .. "user that logs in is ended that carries the run in its environment (PERILUNE_TASK), "
    .. "however it left its parents and its session. What shed its environment is not found. "
    .. "What ran as root is looked for under sudo, which is known by the record; for a run that "
    .. "is on record elsewhere, say --sudo.",
  options = options.join(fleet.options, own_options),
  notes = {
    "Exit status: 0 nothing is left; 1 something would not die; 2 usage; 3 a host",
    "could not be reached or logged in to; 130 interrupted. It may be said again.",
  },
  examples = {
    "perilune reap last",
    "perilune reap --dry-run 20261122-0930",
    "perilune reap -w node[1-64] 20261122-093012-1f2e3d",
  },
  run = reap,
}
