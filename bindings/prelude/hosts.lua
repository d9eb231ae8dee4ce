-- hosts.lua - host sets: reading them, and what they can do (exec, stream, push). Work goes to the
-- fleet of the running task, which the tasks it starts inherit.

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
  { "stdin", type = "string", help = "text for its standard input" },
  { "merge", type = "bool", help = "standard error into standard output" },
  { "max_output", type = "size", help = "bytes of a stream kept in memory; the rest is on disk" },
  { "fanout", type = "int", min = 1, help = "hosts at once" },
  { "retries", type = "int", min = 0, help = "tries again where nothing was begun" },
  { "fail_fast", type = "bool", help = "the first failure cancels the rest" },
  { "sudo", type = "bool", later = true },
  { "on", type = "any", later = true },
  { "once", type = "bool", later = true },
  { "survive", type = "bool", later = true },
  { "detach", type = "bool", later = true },
}

local function checked(opts, what)
  if opts == nil then return {} end
  local blame = require "perilune.blame"
  if type(opts) ~= "table" then blame.raise("%s: options are a table", what) end
  local values, message = require("perilune.options").validate(CALL, opts)
  if not values then blame.raise("%s: %s", what, message) end
  return values
end

-- What is called with '.' has the command where the host set should be.
local function check_set(set, what)
  if type(set) == "userdata" then return end
  require("perilune.blame").raise("%s is a method: write it with ':'", what)
end

local function start_command(set, cmd, opts, what, extra)
  check_set(set, what)
  local command, fanout = require "perilune.command", require "perilune.fanout"
  local spec = checked(opts, what)
  spec.argv, spec.line = command.read(what, cmd)
  spec.env = command.environment(what, spec.env)
  spec.keep_bytes, spec.max_output = spec.max_output, nil
  spec.hosts = set
  local fleet, session = fanout.current()
  for name, value in pairs(extra or {}) do spec[name] = value end
  return assert(fanout.start(fleet, session, spec))
end

-- ---- methods -------------------------------------------------------------------------------

--- Runs a command on every host of the set and waits for all of them.
---@param cmd string|string[] a string for the login shell there, a table for exact words
---@param opts? table timeout, idle_timeout, env, cwd, stdin, merge, max_output, fanout, retries
---@return perilune.ResultSet
function hostset.methods:exec(cmd, opts)
  local run = start_command(self, cmd, opts, "hosts:exec")
  require("perilune.fanout").wait(run)
  return require("perilune.result").of_run(run)
end

--- for host, line in hosts:stream(cmd) do ... end: whole lines of standard output as they come.
--- Leaving the loop ends the command.
function hostset.methods:stream(cmd, opts)
  local run = start_command(self, cmd, opts, "hosts:stream", { lines = true })
  local names = self
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

--- Copies a file to every host of the set. `there` ending in '/' names a folder.
---@param here string
---@param there string
---@param opts? table timeout, fanout, retries
---@return perilune.ResultSet
function hostset.methods:push(here, there, opts)
  check_set(self, "hosts:push")
  local blame = require "perilune.blame"
  if type(here) ~= "string" or type(there) ~= "string" then
    blame.raise("hosts:push needs a local file and where it goes")
  end
  local spec = checked(opts, "hosts:push")
  if there:sub(-1) == "/" then there = there .. here:match("[^/]*$") end
  local fanout = require "perilune.fanout"
  local fleet, session = fanout.current()
  spec.hosts, spec.kind, spec.local_path, spec.remote_path = self, "put", here, there
  local run, message = fanout.start(fleet, session, spec)
  if not run then
    return require("perilune.result").failed { why = message, phase = "exec", status = 1 }
  end
  fanout.wait(run)
  return require("perilune.result").of_run(run)
end

-- Promised, and not built.
for _, name in ipairs { "by", "pull" } do
  hostset.methods[name] = function() require("perilune.blame").not_yet("hosts:" .. name) end
end

-- What is no method is a slip; a pool, which has more, is a host set of later.
setmetatable(hostset.methods, { __index = function(methods, key)
  require("perilune.blame").unknown_field("a host set", key, methods, {})
end })

return hosts
