-- push - copy files and folders to every host of a fleet.

local copy = require "perilune.copy"
local copy_verb = require "perilune.copy_verb"
local errors = require "perilune.errors"
local fleet = require "perilune.fleet"

local function run(o, args, given)
  local sources, dst, opts = copy_verb.words(o, args,
    "give one or more files or folders, and where they go")
  local specs = errors.checked(copy.to_hosts(sources, dst, opts))
  local on <close> = fleet.open(o, given, { warm = #sources > 1 })
  return copy_verb.run("push", on, o, args, specs)
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
  options = copy_verb.options(),
  examples = {
    "perilune push -w node[1-64] motd /etc/motd",
    "perilune push -w node[1-64] run.sh input.dat job/",
    "perilune push -w node[1-64] dataset /scratch/%h/",
  },
  run = run,
}
