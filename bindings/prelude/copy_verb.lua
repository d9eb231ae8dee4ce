-- copy_verb.lua - what the verbs that copy share: their options and words, and the runs they make.

local errors = require "perilune.errors"
local fanout = require "perilune.fanout"
local fleet = require "perilune.fleet"
local options = require "perilune.options"
local output = require "perilune.output"
local session = require "perilune.session"

local copy_verb = {}

-- Of OUTPUT only what makes sense where nothing is printed.
local OUTPUT = { json = true, quiet = true, progress = true }

--- The options of a verb that copies.
---@return table[]
function copy_verb.options()
  local some = {
    { "preserve", short = "p", type = "bool", help = "the copies have the times of the files" },
  }
  for _, option in ipairs(output.options) do
    if OUTPUT[option[1]] then some[#some + 1] = option end
  end
  return options.join(fleet.options, some)
end

--- The words of the command line: what is copied, and where it goes. Refuses what a copy cannot do.
---@param o table values of copy_verb.options()
---@param args string[]
---@param wanted string what to give, when there are too few
---@return string[] sources
---@return string dst
---@return table opts for copy.to_hosts and copy.from_hosts
function copy_verb.words(o, args, wanted)
  if o.sudo then
    errors.usage("--sudo is for commands; a copy has the rights of the login: copy where it may, "
      .. "then move it there with perilune exec --sudo")
  end
  if #args < 2 then errors.usage(wanted) end
  return table.move(args, 1, #args - 1, 1, {}), args[#args], { keep_times = o.preserve }
end

local function copy_all(on, record, o, specs)
  local status = 0
  for _, spec in ipairs(specs) do
    local printer = output.printer(o)
    spec.hosts, spec.sinks = on.hosts, { printer }
    local run = errors.checked(fanout.start(on, record, spec))
    status = fanout.worse_status(status, output.watch(run, o, printer, true))
    if fanout.interrupted_status() then break end
  end
  return status
end

--- Makes the copies one after the other, as one session of this kind.
---@param kind string the verb
---@param on perilune.Fleet
---@param o table values of copy_verb.options()
---@param args string[] the words of the command line
---@param specs table[] of copy.to_hosts or copy.from_hosts
---@return integer status
function copy_verb.run(kind, on, o, args, specs)
  local record <close> = session.begin { kind = kind, name = table.concat(args, " "),
    hosts = on.hosts:fold(), transport = on.transport_name, reach = on.reach }
  return record:finish(copy_all(on, record, o, specs))
end

return copy_verb
