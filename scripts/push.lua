-- push - copy files to every host of a fleet.

local errors = require "perilune.errors"
local fanout = require "perilune.fanout"
local files = require "perilune.files"
local fleet = require "perilune.fleet"
local options = require "perilune.options"
local output = require "perilune.output"
local session = require "perilune.session"

local function check_source(path)
  local kind, message = files.kind(path)
  if not kind then errors.usage("%s", message) end
  if kind == "dir" then
    errors.usage("%s is a folder; copying folders is not in this version", path)
  end
end

-- Where each file goes: DST itself, or its name below DST.
local function destinations(sources, to)
  if #sources > 1 and to:sub(-1) ~= "/" then to = to .. "/" end
  local list = {}
  for i, source in ipairs(sources) do
    check_source(source)
    list[i] = to:sub(-1) == "/" and to .. source:match("[^/]*$") or to
  end
  return list
end

local function copy(on, record, o, from, to)
  local printer = output.printer(o)
  local run = errors.checked(fanout.start(on, record, {
    kind = "put", hosts = on.hosts, local_path = from, remote_path = to,
    sinks = { printer },
  }))
  return output.watch(run, o, printer)
end

local function run(o, args, given)
  if #args < 2 then errors.usage("give one or more files and where they go") end
  local to = args[#args]
  local sources = table.move(args, 1, #args - 1, 1, {})
  local targets = destinations(sources, to)
  local on <close> = fleet.open(o, given)
  local record <close> = session.begin { kind = "push", name = table.concat(args, " "),
    hosts = on.hosts:fold(), transport = on.transport_name }
  local status = 0
  for i, source in ipairs(sources) do
    status = fanout.worse_status(status, copy(on, record, o, source, targets[i]))
    if fanout.interrupted_status() then break end
  end
  return record:finish(status)
end

-- Of OUTPUT only what makes sense where nothing is printed.
local function some_output()
  local wanted, list = { json = true, quiet = true, progress = true }, {}
  for _, option in ipairs(output.options) do
    if wanted[option[1]] then list[#list + 1] = option end
  end
  return list
end

return {
  name = "push",
  summary = "copy files to every host",
  usage = { "push [FLEET] [OUTPUT] SRC... DST" },
  about = "DST is below the login directory unless it is absolute. With several SRC, or a DST that "
    .. "ends in '/', it names a folder that exists there. Permission bits are those of SRC.",
  options = options.join(fleet.options, some_output()),
  examples = {
    "perilune push -w node[1-64] motd /etc/motd",
    "perilune push -w node[1-64] run.sh input.dat job/",
  },
  run = run,
}
