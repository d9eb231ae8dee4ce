-- hosts.lua - host sets: reading them, and what they can do (exec, stream, push, pull). Work goes
-- to the fleet of the running task, which the tasks it starts inherit.

local hostset = require "perilune.core.hostset"

local hosts = {}

--- Reads a host set expression. resolver: { group = function(source, name), inventory = function }.
---@param text string
---@param resolver? table
---@return userdata? set
---@return string? message with the column of what is wrong
function hosts.parse(text, resolver)
  return hostset.parse(text, resolver)
end

--- A set of these literal names.
---@param names string[]
function hosts.new(names)
  return hostset.new(names)
end

-- ---- calls ---------------------------------------------------------------------------------

local CALL = {
  { "timeout", type = "duration", help = "bound on the command, from its start" },
  { "idle_timeout", type = "duration", help = "bound on silence" },
  { "env", type = "table", help = "variables set there: NAME = value" },
  { "cwd", type = "string", help = "directory there" },
  { "stdin", type = "text", help = "text for its standard input, or a secret" },
  { "merge", type = "bool", help = "standard error into standard output" },
  { "max_output", type = "size", help = "bytes of a stream kept in memory; the rest is on disk" },
  { "fanout", type = "int", min = 1, help = "hosts at once" },
  { "retries", type = "int", min = 0, help = "tries again where nothing was begun" },
  { "fail_fast", type = "bool", help = "the first failure cancels the rest" },
  { "sudo", type = "bool", help = "as root there, through sudo" },
  { "on", type = "any", help = "where of the set: a number (so many, from the first), names, or "
    .. "a level of the machine (the first host of each)" },
  { "once", type = "bool",
    help = "never started twice: where its result is missing, resume asks (--redo, --skip)" },
  { "survive", type = "bool",
    help = "runs on when the connection or perilune ends; its output is kept there until then" },
  { "detach", type = "bool",
    help = "ok as soon as it has been started: neither followed nor ended" },
}

local function checked(opts, what, known)
  if opts == nil then return {} end
  local blame = require "perilune.blame"
  if type(opts) ~= "table" then blame.raise("%s: options are a table", what) end
  local values, message = require("perilune.options").validate(known or CALL, opts)
  if not values then blame.raise("%s: %s", what, message) end
  return values
end

-- What is called with '.' has the command where the host set should be.
local function check_set(set, what)
  if type(set) == "userdata" then return end
  require("perilune.blame").raise("%s is a method: write it with ':'", what)
end

-- What outlives the connection cannot be fed through it.
local function check_outliving(spec, what)
  local name = spec.survive and "survive" or spec.detach and "detach"
  if not name then return end
  local blame = require "perilune.blame"
  if spec.survive and spec.detach then
    blame.raise("%s: survive and detach exclude each other: one is followed, the other not", what)
  end
  if spec.stdin then
    blame.raise("%s: a command that outlives its connection (%s) has no standard input, which "
      .. "would be cut with it: push a file and let it read that", what, name)
  end
end

local function start_command(set, cmd, opts, what, extra)
  check_set(set, what)
  local command, fanout = require "perilune.command", require "perilune.fanout"
  local spec = checked(opts, what)
  spec.stdin = require("perilune.secret").bytes(spec.stdin)
  check_outliving(spec, what)
  spec.argv, spec.line = command.read(what, cmd)
  spec.env = command.environment(what, spec.env)
  spec.keep_bytes, spec.max_output = spec.max_output, nil
  spec.hosts, spec.on = hosts.chosen(set, spec.on, what), nil
  local fleet, session = fanout.current()
  for name, value in pairs(extra or {}) do spec[name] = value end
  return assert(fanout.start(fleet, session, spec)), spec.hosts
end

-- ---- methods -------------------------------------------------------------------------------

--- Runs a command on every host of the set and waits for all of them.
---@param cmd string|string[] a string for the login shell there, a table for exact words
---@param opts? table timeout, idle_timeout, env, cwd, stdin, on (which hosts of the set), merge,
---  max_output, fanout, retries,
---  survive (runs on when the connection ends, its output kept there), detach (started, then
---  neither followed nor ended)
---@return perilune.ResultSet
function hostset.methods:exec(cmd, opts)
  local run = start_command(self, cmd, opts, "hosts:exec")
  require("perilune.fanout").wait(run)
  return require("perilune.result").of_run(run)
end

--- for host, line in hosts:stream(cmd) do ... end: whole lines of standard output as they come.
--- Leaving the loop ends the command.
function hostset.methods:stream(cmd, opts)
  local run, names = start_command(self, cmd, opts, "hosts:stream", { lines = true })
  local function next_line()
    local i, stream, line = run:next_line()
    while i and stream ~= "stdout" do i, stream, line = run:next_line() end
    if i then return names[i], line end
  end
  local ending <const> = setmetatable({}, { __close = function()
    if not run:ended() then
      run:cancel()
      run:wait()
    end
  end })
  return next_line, nil, nil, ending
end

-- Runs the copies that were planned (nil: a message says why none), one after the other; the result
-- is that of the first that failed, or of the last.
local function start_copies(set, spec_of_call, specs, message)
  local fanout, result = require "perilune.fanout", require "perilune.result"
  local fleet, session = fanout.current()
  local last
  for _, spec in ipairs(specs or {}) do
    for name, value in pairs(spec_of_call) do spec[name] = value end
    local run
    spec.hosts = set
    run, message = fanout.start(fleet, session, spec)
    if not run then break end
    fanout.wait(run)
    last = result.of_run(run)
    if not last.ok then return last end
  end
  if message then return result.failed { why = message, phase = "exec", status = 1 } end
  return last
end

-- One path, or several.
local function path_list(what, paths)
  local list = type(paths) == "table" and paths or { paths }
  for _, path in ipairs(list) do
    if type(path) ~= "string" then list = {} end
  end
  if #list > 0 then return list end
  require("perilune.blame").raise("%s needs a path, or a list of them, and where it goes", what)
end

local COPY = {
  { "timeout", type = "duration" },
  { "fanout", type = "int", min = 1 },
  { "retries", type = "int", min = 0 },
  { "fail_fast", type = "bool" },
  { "mode", type = "int", min = 0, max = 511, help = "permission bits of the copies" },
  { "preserve", type = "bool", help = "the copies have the times of the files" },
}

local function read_copy(set, what, paths, dst, opts)
  check_set(set, what)
  if type(dst) ~= "string" or dst == "" then
    require("perilune.blame").raise("%s needs a path, or a list of them, and where it goes", what)
  end
  local spec = checked(opts, what, COPY)
  spec.keep_times, spec.preserve = spec.preserve, nil
  return path_list(what, paths), spec
end

--- Copies files and folders to every host of the set, as `perilune push` does. `there` is what it
--- becomes, or a folder that it goes into; "%h" in it is the host.
---@param here string|string[]
---@param there string
---@param opts? table timeout, fanout, retries, mode (bits), preserve (times)
---@return perilune.ResultSet each entry has `bytes`
function hostset.methods:push(here, there, opts)
  local paths, spec = read_copy(self, "hosts:push", here, there, opts)
  return start_copies(self, spec, require("perilune.copy").to_hosts(paths, there, {}))
end

--- Copies files, folders and what patterns match from every host of the set, as `perilune pull`
--- does. "%h" in `here` is the host; without it, copies in the folder `here` are named NAME.HOST.
---@param there string|string[]
---@param here string
---@param opts? table timeout, fanout, retries, mode (bits), preserve (times)
---@return perilune.ResultSet each entry has `bytes`
function hostset.methods:pull(there, here, opts)
  local paths, spec = read_copy(self, "hosts:pull", there, here, opts)
  return start_copies(self, spec, require("perilune.copy").from_hosts(paths, here, #self, {}))
end

-- ---- by level ------------------------------------------------------------------------------

-- The level of the machine that is called so, its number, and the machine.
local function find_level(what, name)
  local blame = require "perilune.blame"
  local fleet = require("perilune.fanout").current()
  local topo = fleet.cluster and fleet.cluster.topo
  if not topo then blame.raise("%s: no machine is known: name a cluster with -C", what) end
  local first, names = topo:figures().host_level, {}
  for i, level in ipairs(topo:levels()) do
    if level.name == name and i > first then return topo, i end
    if i > first then names[#names + 1] = level.name end
  end
  blame.raise("%s: the machine has no level '%s' above its hosts%s; there are %s", what,
    tostring(name), require("perilune.nearest").hint(name, names), table.concat(names, ", "))
end

--- The set in parts, one for each unit of a level of the machine ("rack"), in the machine's order;
--- hosts that the machine does not have are a part of their own, the last.
---@param level string
---@return userdata[] parts none of them empty
function hostset.methods:by(level)
  check_set(self, "hosts:by")
  local topo, i = find_level("hosts:by", level)
  local parts, rest = {}, self
  for _, text in ipairs(topo:units(i)) do
    local part = self * text
    if #part > 0 then parts[#parts + 1], rest = part, rest - part end
  end
  if #rest > 0 then parts[#parts + 1] = rest end
  return parts
end

-- The hosts that `on` says, of a set.
local function chosen(set, on, what)
  local blame = require "perilune.blame"
  if on == nil then return set end
  if math.type(on) == "integer" and on >= 1 then return set:slice(1, on) end
  if type(on) == "userdata" then return set * on end
  if type(on) ~= "string" then
    blame.raise("%s: on is a number of hosts, names, or a level of the machine", what)
  end
  local named = hostset.parse(on)
  local here = named and set * named
  if here and #here > 0 then return here end
  local firsts
  for _, part in ipairs(set:by(on)) do
    local first = part:slice(1, 1)
    firsts = firsts and firsts + first or first
  end
  return firsts
end

hosts.chosen = chosen

-- What is no method is a slip; a pool, which has more, is a host set of later.
setmetatable(hostset.methods, { __index = function(methods, key)
  require("perilune.blame").unknown_field("a host set", key, methods, {})
end })

return hosts
