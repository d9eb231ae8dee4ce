-- hosts - host sets: expand, fold, count.

local errors = require "perilune.errors"
local hosts = require "perilune.hosts"
local terminal = require "perilune.terminal"

-- Groups and wildcards need the cluster; nothing of the fleet is loaded before they are met.
local function resolver_of(name)
  local resolver
  local function resolve()
    if not resolver then
      local fleet = require "perilune.fleet"
      resolver = fleet.resolver(fleet.cluster(name))
    end
    return resolver
  end
  return {
    group = function(...) return resolve().group(...) end,
    inventory = function() return resolve().inventory() end,
  }
end

local function parse(text, resolver)
  return errors.checked(hosts.parse(text, resolver))
end

local function read_sets(o, args)
  if #args == 0 then errors.usage("no host set given; '^-' reads one from standard input") end
  local resolver = resolver_of(o.cluster)
  if o.cluster then resolver.inventory() end -- a wrong name is told, whether it is asked or not
  local set = parse(args[1], resolver)
  for i = 2, #args do set = set + parse(args[i], resolver) end
  if o.exclude then set = set - parse(o.exclude, resolver) end
  return set
end

local function run(o, args)
  local set = read_sets(o, args)
  if o.count then
    terminal.print(#set .. "\n")
  elseif o.expand then
    if #set > 0 then terminal.print(set:join "\n" .. "\n") end
  else
    terminal.print(set:fold() .. "\n")
  end
  return 0
end

return {
  name = "hosts",
  summary = "expand, fold and count host sets",
  usage = { "hosts [-e|-f|-c] [-x SET] [-C FILE|NAME] SET..." },
  about = "Several SETs are united. Names keep the order of first mention; folded text is sorted.",
  options = {
    { "expand", short = "e", type = "bool", help = "one name a line" },
    { "fold", short = "f", type = "bool", help = "folded, on one line (this is the default)" },
    { "count", short = "c", type = "bool", help = "how many names" },
    { "exclude", short = "x", type = "hostlist", unresolved = true, help = "names to leave out" },
    { "cluster", short = "C", type = "string", metavar = "FILE|NAME",
      help = "the cluster that @group, * and ? refer to" },
  },
  notes = {
    "node[001-128]           a range, zero padding kept; node[1,3,7-9] a list",
    "node[0-70/2]            a step",
    "r[1-8]t[01-18]          several ranges in one name",
    "A,B  A!B  A&B  A^B      union, difference, intersection, symmetric difference,",
    "                        of equal precedence, from left to right",
    "^FILE  ^-               one set a line, # begins a comment; standard input",
    "@group  @source:group   the members of a group",
    "*  ?                    over the hosts of the cluster",
  },
  examples = {
    "perilune hosts -c 'node[1-64]!node[7,9]'",
    "perilune hosts ^hosts.txt",
    "perilune hosts -e -C gb300-nvl72:racks=2 '*'",
  },
  run = run,
}
