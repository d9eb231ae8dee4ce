-- pull - copy files and folders from every host of a fleet to this machine.

local copy = require "perilune.copy"
local copy_verb = require "perilune.copy_verb"
local errors = require "perilune.errors"
local fleet = require "perilune.fleet"

local function run(o, args, given)
  local sources, dst, opts = copy_verb.words(o, args,
    "give what to copy from the hosts, and where it goes")
  local on <close> = fleet.open(o, given, { warm = #sources > 1 })
  local specs = errors.checked(copy.from_hosts(sources, dst, #on.hosts, opts))
  return copy_verb.run("pull", on, o, args, specs)
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
  options = copy_verb.options(),
  examples = {
    "perilune pull -w node[1-64] /etc/os-release releases/",
    "perilune pull -w node[1-64] '/var/log/*.log' logs/%h/",
    "perilune pull -w node7 results .",
  },
  run = run,
}
