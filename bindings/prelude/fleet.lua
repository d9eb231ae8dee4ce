-- fleet.lua - from the FLEET options, the environment, the configuration and the cluster file to a
-- fleet: the hosts, the transport that reaches them, the limits of every call on them.

local errors = require "perilune.errors"
local sys = require "perilune.core.sys"

local fleet = {}

-- Adds options to a list, all of one group of --help.
local function add_group(list, name, entries)
  for _, entry in ipairs(entries) do
    entry.group = "FLEET: " .. name
    list[#list + 1] = entry
  end
end

--- The FLEET options, for a verb's table.
fleet.options = {}

add_group(fleet.options, "HOSTS", {
  { "hosts", short = "w", type = "hostlist", unresolved = true,
    help = "hosts: node[1-64], @group, ^FILE, ^- (standard input); adds up" },
  { "exclude", short = "x", type = "hostlist", unresolved = true, help = "hosts to leave out" },
  { "group", short = "g", type = "list", metavar = "NAME",
    help = "hosts of a group of the cluster file" },
  { "all", short = "a", type = "bool", help = "every host of the cluster file" },
  { "pick", type = "int", min = 1, help = "only so many of the hosts, chosen at random" },
  { "cluster", short = "C", type = "string", metavar = "FILE|NAME",
    help = "the cluster: a file, or a preset such as gb300-nvl72" },
})

add_group(fleet.options, "LOGIN", {
  { "transport", type = "choice", choices = { "ssh", "openssh", "local", "slurm", "sim" },
    metavar = "ssh|openssh|local|sim",
    help = "how hosts are reached: ssh when hosts are named, else local; openssh is the system's "
      .. "ssh for every host; sim is a simulated fleet" },
  { "ssh-config", short = "F", type = "path",
    help = "an OpenSSH configuration, in place of ~/.ssh/config and the system's; none is none" },
  { "user", short = "l", type = "string", metavar = "NAME", help = "log in as" },
  { "host-key", type = "choice", choices = { "strict", "accept-new" }, default = "strict",
    help = "a host key that is not known is refused, or accepted and kept; one that changed is "
      .. "always refused" },
  { "ask-password", type = "bool",
    help = "ask once, on the terminal, for a password where no key is accepted" },
  { "sudo", type = "bool",
    help = "run commands as root there, through sudo; its password is asked for once, on the "
      .. "terminal, before anything starts (an empty one: none is needed), told only to hosts "
      .. "where sudo asks, and to one of them first: refused there, no other is tried. Copies are "
      .. "made as the user" },
  { "connect-rate", type = "number", min = 0.001, default = 100, metavar = "N",
    help = "logins begun per second, a second's worth at once" },
  { "max-auth-fail", type = "int", min = 1, default = 3,
    help = "when so many hosts refused the login and none accepted it, no more are tried" },
})

add_group(fleet.options, "LIMITS", {
  { "fanout", short = "f", type = "int", min = 1, default = 64,
    help = "hosts started or working at once; also FANOUT" },
  { "serial", type = "int", min = 1,
    help = "batches of so many hosts: the next begins when one has ended, and only when none of "
      .. "it failed (or not more than --max-fail)" },
  { "connect-timeout", short = "t", type = "duration", default = "10s", min = "1ms",
    help = "bounds each phase until the command runs; all together three times it" },
  { "timeout", short = "u", type = "duration", min = "1ms",
    help = "bounds each command, from its start" },
  { "idle-timeout", type = "duration", min = "1ms",
    help = "ends a command that has said nothing for so long" },
  { "retries", type = "int", min = 0, default = 0,
    help = "tries again so often, where nothing of the command was sent yet" },
  { "fail-fast", short = "k", type = "bool", help = "the first failure cancels the rest" },
  { "max-fail", type = "limit", help = "more failures than this cancel the rest" },
})

add_group(fleet.options, "ON HOSTS", {
  { "no-supervisor", type = "bool",
    help = "run nothing of ours beside the commands, which may then outlive a lost connection" },
  { "audit", type = "bool",
    help = "log each start in the host's system log (logger -t perilune): who, from where, what" },
})

-- ---- values --------------------------------------------------------------------------------

-- What a cluster file says about how its hosts are reached.
local OF_CLUSTER = { user = true, transport = true, ssh_config = true }

-- Given options win, then FANOUT, the cluster file, the configuration, the defaults in the table.
local function gather_values(o, given, files, cluster)
  local values = {}
  for _, entry in ipairs(fleet.options) do
    local key = entry[1]:gsub("-", "_")
    local value = files[key]
    if cluster and OF_CLUSTER[key] and cluster[key] ~= nil then value = cluster[key] end
    if given[key] or value == nil then value = o[key] end
    values[key] = value
  end
  return values
end

local function fanout_of_environment()
  local text = sys.getenv("FANOUT")
  if not text or text == "" then return nil end
  local number = math.tointeger(tonumber(text))
  if not number or number < 1 then
    errors.usage("FANOUT in the environment must be a number from 1, not '%s'", text)
  end
  return number
end

-- A session holds a descriptor (with openssh the pipes of a process too), and its output may go to
-- two files.
local function within_descriptors(fanout, name)
  local room = math.max(1, (sys.nofile_limit() - 32) // (name == "openssh" and 5 or 3))
  if fanout <= room then return fanout end
  require("perilune.terminal").note(
    "fanout is limited to %d by the descriptors allowed (ulimit -n)", room)
  return room
end

-- ---- hosts ---------------------------------------------------------------------------------

--- Functions that answer @source:group, by source: fleet.sources.slurm = function(name) -> set.
fleet.sources = {}

local function group_of(cluster, source, name)
  if source ~= "" then
    local ask = fleet.sources[source]
    if not ask then return nil, ("the group source '%s' is not in this version"):format(source) end
    return ask(name)
  end
  if not cluster then
    return nil, ("group '%s': groups stand in a cluster file; name one with -C"):format(name)
  end
  local group = cluster.groups and cluster.groups[name]
  if group then return group end
  local names = {}
  for known in pairs(cluster.groups or {}) do names[#names + 1] = known end
  table.sort(names)
  return nil, ("no group '%s' in cluster '%s'%s"):format(name, cluster.name or "?",
    require("perilune.nearest").hint(name, names))
end

--- What @groups and wildcards in a host set expression mean with this cluster (nil: none).
function fleet.resolver(cluster)
  return {
    group = function(source, name)
      local group, message = group_of(cluster, source, name)
      if type(group) == "string" then
        return require("perilune.core.hostset").parse(group, fleet.resolver(cluster))
      end
      return group, message
    end,
    inventory = function()
      if cluster then return cluster.hosts end
      return nil, "* and ? choose from the hosts of a cluster file; name one with -C"
    end,
  }
end

--- The cluster of -C, nil without it. Ends the verb when it cannot be read.
function fleet.cluster(name)
  if not name then return nil end
  return errors.checked(require("perilune.cluster").load(name))
end

local function parse(text, flag, resolver)
  local set, message = require("perilune.core.hostset").parse(text, resolver)
  if not set then errors.usage("%s: %s", flag, message) end
  return set
end

-- All hosts that were asked for, nil when none were.
local function named_hosts(o, cluster, resolver)
  local set
  local function add(more) set = set and set + more or more end
  if o.hosts then add(parse(o.hosts, "-w", resolver)) end
  for _, name in ipairs(o.group or {}) do add(parse("@" .. name, "-g", resolver)) end
  if o.all then
    if not cluster then errors.usage("-a means every host of a cluster; name one with -C") end
    add(cluster.hosts)
  end
  local wcoll = sys.getenv("WCOLL")
  if not set and wcoll and wcoll ~= "" then set = parse("^" .. wcoll, "WCOLL", resolver) end
  return set
end

-- Without a word about hosts: this machine; of a cluster all, but only where nothing real happens.
local function unnamed_hosts(o, cluster)
  if not cluster then return require("perilune.core.hostset").new { "localhost" } end
  if o.transport ~= "sim" then
    errors.usage("which of the %d hosts of %s? -a means all of them, -w some", #cluster.hosts,
      cluster.name)
  end
  return cluster.hosts
end

-- The hosts of the fleet, and whether they were named.
local function choose_hosts(o, cluster)
  local resolver = fleet.resolver(cluster)
  local named = named_hosts(o, cluster, resolver)
  local set = named or unnamed_hosts(o, cluster)
  if o.exclude then set = set - parse(o.exclude, "-x", resolver) end
  if o.pick and o.pick < #set then set = set:sample(o.pick) end
  if #set == 0 then errors.usage("no hosts are left%s", o.exclude and " after -x" or "") end
  return set, named ~= nil
end

-- ---- transport -----------------------------------------------------------------------------

-- The rule of the contract: slurm inside an allocation, ssh when hosts are named, else local.
local function choose_transport(values, named)
  if values.transport then return values.transport end
  if named then return "ssh" end
  local job = sys.getenv("SLURM_JOB_ID")
  if job and job ~= "" then
    errors.usage("inside the Slurm allocation %s, and the slurm transport is not in this version; "
      .. "name hosts with -w, or say --transport local", job)
  end
  return "local"
end

-- Sessions kept for later commands: each holds a descriptor, and with openssh a process, which has
-- 1.3 MB of its own (100 hosts: 130 MB; 8 MB resident each, for the rest shared).
local function sessions_kept(name, limit)
  local spare = 256 -- descriptors for everything that is no session
  local room = math.min(limit or math.huge, math.max(1, sys.nofile_limit() - spare))
  return name == "openssh" and math.min(room, 1024) or room
end

-- name: "ssh" or "openssh".
local function open_ssh(name, values, warm)
  local transport, message = require("perilune.core.transport")[name] {
    user = values.user,
    config = values.ssh_config,
    connect_timeout = values.connect_timeout,
    hostkey = values.host_key,
    max_auth_fail = values.max_auth_fail,
    connect_rate = values.connect_rate,
    no_supervisor = values.no_supervisor,
    ask_sudo = values.sudo,
    audit = values.audit,
    keep_sessions = warm and sessions_kept(name, values.sessions) or 0,
    ask_password = values.ask_password,
    on_note = function(text) require("perilune.terminal").note(text) end,
    on_asking = function(what) require("perilune.terminal").set_asking(what == "begins") end,
  }
  if not transport then errors.fail(2, "%s", message) end -- the file named by -F
  return transport
end

-- `hosts` of `cluster` (nil: of none) on virtual time.
local function open_simulation(values, settings, hosts, cluster)
  local sched = require "perilune.core.sched"
  if not sched.is_virtual() then errors.checked(sched.virtual_time()) end
  local answer = require("perilune.rehearsal").responder(settings.rehearsal or {},
    { hosts = hosts, cluster = cluster, connect_timeout = values.connect_timeout or 10 })
  return require("perilune.core.transport").sim { responder = answer }
end

local function open_transport(name, values, settings, hosts, cluster)
  local transport = require "perilune.core.transport"
  if name == "local" then return transport["local"]() end
  if name == "sim" then return open_simulation(values, settings, hosts, cluster) end
  if name == "ssh" or name == "openssh" then return open_ssh(name, values, settings.warm) end
  errors.usage("--transport %s is not in this version", name)
end

-- ---- a fleet -------------------------------------------------------------------------------

-- How the hosts are reached, in words that mean the same from another directory.
local function reach(values, transport, cluster)
  local function lasting(path) return path and (sys.realpath(path) or path) end
  return { transport = transport, user = values.user, ssh_config = lasting(values.ssh_config),
    cluster = lasting(cluster), machine = sys.hostname() }
end

-- --max-fail as a number of hosts.
local function failures_allowed(limit, count)
  if not limit then return nil end
  return limit.count or count * limit.percent // 100
end

--- The fleet of nobody's options: this machine, or the cluster of the configuration.
---@return perilune.Fleet
function fleet.default()
  return fleet.open(errors.checked(require("perilune.options").validate(fleet.options, {})), {})
end

local Fleet = {}
Fleet.__index = Fleet

-- Sessions are ended; no run may be going on.
function Fleet:__close()
  self.transport:close()
end

---@class perilune.Fleet
---@field hosts userdata the host set
---@field transport userdata
---@field transport_name string
---@field reach table what a record keeps of how its hosts were reached, for `reap`
---@field cluster table? of -C
---@field settings table limits of every call: fanout, timeout, idle_timeout, retries, ...

--- Opens the fleet that the options ask for; raises errors.usage when they make no sense.
---@param o table values of fleet.options
---@param given table<string, boolean> which of them were given
---@param settings? { warm: boolean, rehearsal: perilune.RehearsalSettings?, transport: table? }
---  warm: keep sessions for later commands; rehearsal: who answers for simulated hosts; transport:
---  stands in for the one that would be opened
---@return perilune.Fleet
function fleet.open(o, given, settings)
  settings = settings or {}
  local files, limits = require("perilune.config").load(fleet.options)
  local cluster = fleet.cluster(o.cluster or files.cluster)
  local values = gather_values(o, given, files, cluster)
  if not given.fanout then values.fanout = fanout_of_environment() or values.fanout end
  values.fanout = values.fanout or 64
  values.connect_rate = values.connect_rate or 100
  require("perilune.limits").hold(values, limits, given)
  if values.audit and values.no_supervisor then
    errors.usage("--audit needs the supervisor, which writes the log: leave out --no-supervisor")
  end
  local set, named = choose_hosts(values, cluster)
  local name = choose_transport(values, named)
  if values.sudo and name == "local" then
    errors.usage("--sudo is for hosts that are reached by SSH; here, run perilune itself by sudo")
  end
  if name == "ssh" or name == "openssh" then
    values.fanout = within_descriptors(values.fanout, name)
  end
  return setmetatable({
    hosts = set,
    cluster = cluster,
    transport_name = name,
    reach = reach(values, name, o.cluster or files.cluster),
    transport = settings.transport
      or errors.checked(open_transport(name, values, settings, set, cluster)),
    settings = {
      fanout = values.fanout,
      fanout_most = limits.fanout and limits.fanout.value,
      timeout = values.timeout,
      idle_timeout = values.idle_timeout,
      retries = values.retries,
      sudo = values.sudo,
      serial = values.serial,
      fail_fast = values.fail_fast,
      max_fail = failures_allowed(values.max_fail, #set),
    },
  }, Fleet)
end

return fleet
