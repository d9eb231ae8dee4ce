-- push - copy files and folders to every host of a fleet.

local copy = require "perilune.copy"
local errors = require "perilune.errors"
local fleet = require "perilune.fleet"
local session = require "perilune.session"

local function run(o, args, given)
  copy.check(o)
  if #args < 2 then errors.usage("give one or more files or folders, and where they go") end
  local sources = table.move(args, 1, #args - 1, 1, {})
  local specs, message = copy.to_hosts(sources, args[#args], { keep_times = o.preserve })
  if not specs then errors.usage("%s", message) end
  local on <close> = fleet.open(o, given, { warm = #specs > 1 })
  local record <close> = session.begin { kind = "push", name = table.concat(args, " "),
    hosts = on.hosts:fold(), transport = on.transport_name, reach = on.reach }
  return record:finish(copy.run(on, record, o, specs))
end

return {
  name = "push",
  summary = "copy files and folders to every host",
  usage = { "push [FLEET] [OUTPUT] SRC... DST" },
  about = "As with cp -r: SRC becomes DST, or goes into DST when that is a folder there; with "
    .. "several SRC, or a DST that ends in '/', it has to be one. DST is below the login "
    .. "directory unless it is absolute; %h in it is the host, %% a percent sign. A folder goes "
    .. "with all that is in it; where there is one of its name already, the two are merged.\n"
    .. "Permission bits are those of SRC. Symbolic links are copied as links; devices, pipes and "
    .. "sockets are left out, and named. A file that is replaced is replaced at once, when the "
    .. "new one is there whole and its SHA-256 is right; a link in its place is replaced, not "
    .. "followed. After a break the same copy goes on where it was, when 1 MiB or more had come. "
    .. "A folder needs tar there.",
  options = copy.options(),
  examples = {
    "perilune push -w node[1-64] motd /etc/motd",
    "perilune push -w node[1-64] run.sh input.dat job/",
    "perilune push -w node[1-64] dataset /scratch/%h/",
  },
  run = run,
}
