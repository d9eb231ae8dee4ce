-- exec - run a command on every host of a fleet.

local errors = require "perilune.errors"
local fanout = require "perilune.fanout"
local files = require "perilune.files"
local fleet = require "perilune.fleet"
local options = require "perilune.options"
local output = require "perilune.output"
local session = require "perilune.session"

local own_options = {
  { "argv", type = "bool", group = "COMMAND",
    help = "pass the words exactly, without the shell there" },
  { "script", type = "path", group = "COMMAND",
    help = "run this local file there; the words are its arguments" },
  { "stdin", type = "choice", choices = { "none", "all" }, default = "none", group = "COMMAND",
    help = "standard input of the commands: empty, or a copy of ours for each" },
}

-- ---- what to run ---------------------------------------------------------------------------

local function script_command(o, args)
  if o.stdin == "all" then errors.usage("--script and --stdin all exclude each other") end
  local argv, text = require("perilune.scriptfile").command(o.script, args)
  return { argv = argv, stdin = text, shown = ("--script %s %s"):format(o.script,
    table.concat(args, " ")) }
end

local function command(o, args)
  if o.script then return script_command(o, args) end
  if #args == 0 then errors.usage("no command given") end
  local line = table.concat(args, " ")
  local spec = { shown = line, stdin = o.stdin == "all" or nil }
  if o.argv then spec.argv = args else spec.line = line end
  return spec
end

-- ---- running it ----------------------------------------------------------------------------

local function start(on, record, spec, printer)
  return errors.checked(fanout.start(on, record, {
    hosts = on.hosts, line = spec.line, argv = spec.argv, stdin = spec.stdin,
    sinks = printer and { printer } or {},
  }))
end

local function execute(o, args, given)
  local spec = command(o, args)
  local on <close> = fleet.open(o, given)
  local printer = output.printer(o)
  local record <close> = session.begin { kind = "exec", name = spec.shown,
    hosts = on.hosts:fold(), transport = on.transport_name, reach = on.reach }
  local run <close> = start(on, record, spec, printer)
  local _ <close> = spec.stdin == true and files.feed_stdin(run) or nil
  return record:finish(output.watch(run, o, printer))
end

return {
  name = "exec",
  summary = "run a command on every host",
  usage = {
    "exec [FLEET] [OUTPUT] [--] COMMAND...",
    "exec [FLEET] [OUTPUT] --script FILE [ARGS]",
  },
  about = "Options end at the first word of COMMAND. Its words are joined by spaces for the login "
    .. "shell there, as ssh does.",
  options = options.join(fleet.options, output.options, own_options),
  stop_at_word = true,
  notes = {
    "Exit status: 0 all good; 1 a command failed; 2 usage; 3 a host could not be",
    "reached or logged in to; 124 a timeout; 130 interrupted. The worst wins.",
  },
  examples = {
    "perilune exec -w node[1-64] uptime",
    "perilune exec -w node[1-64] -b uname -r",
    "perilune exec -w ^hosts.txt -u 30s --json 'dmesg | tail -3'",
  },
  run = execute,
}
