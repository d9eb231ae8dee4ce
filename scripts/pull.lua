-- pull - copy files and folders from every host of a fleet to this machine.

local copy = require "perilune.copy"
local errors = require "perilune.errors"
local fleet = require "perilune.fleet"
local session = require "perilune.session"

local function run(o, args, given)
  copy.check(o)
  if #args < 2 then errors.usage("give what to copy from the hosts, and where it goes") end
  local on <close> = fleet.open(o, given, { warm = #args > 2 })
  local sources = table.move(args, 1, #args - 1, 1, {})
  local specs, message = copy.from_hosts(sources, args[#args], #on.hosts,
    { keep_times = o.preserve })
  if not specs then errors.usage("%s", message) end
  local record <close> = session.begin { kind = "pull", name = table.concat(args, " "),
    hosts = on.hosts:fold(), transport = on.transport_name, reach = on.reach }
  return record:finish(copy.run(on, record, o, specs))
end

return {
  name = "pull",
  summary = "copy files and folders from every host",
  usage = { "pull [FLEET] [OUTPUT] SRC... DST" },
  about = "SRC is a file or folder of each host, below the login directory unless it is absolute, "
    .. "or a pattern for the host to expand: '/var/log/*.log'.\n"
    .. "%h in DST is the host, %% a percent sign; folders that are missing are made then. "
    .. "Without %h, DST is a folder where each copy has '.HOST' after its name, as with rpdcp "
    .. "and clush; or, of one host, the name of the copy.\n"
    .. "Permission bits are those of SRC. Symbolic links are copied as links, and nothing is "
    .. "ever written through one, nor outside DST, whatever the host says; devices, pipes and "
    .. "sockets are left out, and named. A file is replaced at once, when the new one is there "
    .. "whole and its SHA-256 is right. After a break the copy of a file goes on where it was, "
    .. "when 1 MiB or more had come. Folders and patterns need tar there.",
  options = copy.options(),
  examples = {
    "perilune pull -w node[1-64] /etc/os-release releases/",
    "perilune pull -w node[1-64] '/var/log/*.log' logs/%h/",
    "perilune pull -w node7 results .",
  },
  run = run,
}
