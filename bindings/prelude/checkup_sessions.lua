-- checkup_sessions.lua - what `perilune doctor FLEET` measures of a host's sshd: how many sessions
-- one connection may carry, and whether its sftp answers. By the system's ssh, which tells both
-- from outside; of a sample of the hosts, as it takes a dozen processes each.

local checkup_sessions = {}

local SAMPLE = 16
local USUAL = 10 -- MaxSessions of sshd_config(5)

-- $1 host, the rest options of ssh. One more than the usual number is tried; a session that is
-- refused is tried again, as the place of one that ended may not be free yet. Each is held by a
-- fifo: nothing is waited for by sleeping. In /tmp, as the name of a socket has to be short.
local MEASURE = [[
host=$1
shift
d=$(mktemp -d /tmp/perilune.XXXXXX) || exit 1
over() {
  exec 3>&-
  ssh -o ControlPath="$d/m" -O exit -- "$host"
  rm -rf "$d"
}
trap over EXIT
trap exit HUP INT TERM
exec 2>"$d/err"
ssh "$@" -o BatchMode=yes -o ControlMaster=yes -o ControlPath="$d/m" -o ClearAllForwardings=yes \
  -o RemoteCommand=none -N -f -- "$host" </dev/null >/dev/null || {
  tail -n 1 "$d/err"
  exit 1
}
set -- -o ControlPath="$d/m" -o ControlMaster=no -o ProxyCommand=false -o BatchMode=yes
sftp -q -b /dev/null "$@" -- "$host" </dev/null >/dev/null && echo "sftp yes" || echo "sftp no"
mkfifo "$d/hold" && exec 3<>"$d/hold"
one() {
  fifo=$d/$1
  shift
  mkfifo "$fifo"
  ssh "$@" -T -- "$host" "echo up; cat" <"$d/hold" >"$fifo" 3>&- &
  said=
  read -r said <"$fifo"
  [ "$said" = up ]
}
n=0
while [ $n -lt 11 ] && { one $n "$@" || one $n.again "$@"; }; do n=$((n + 1)); done
echo "sessions $n"
]]

-- ---- findings ------------------------------------------------------------------------------

local function hosts_by(results, key)
  local hostset = require "perilune.core.hostset"
  local names, order = {}, {}
  for _, result in ipairs(results) do
    local value = result[key]
    if value and not names[value] then
      names[value] = {}
      order[#order + 1] = value
    end
    if value then table.insert(names[value], result.host) end
  end
  for i, value in ipairs(order) do
    order[i] = { value = value, hosts = hostset.new(names[value]):fold() }
  end
  return order
end

local function add_sessions(list, results)
  for _, group in ipairs(hosts_by(results, "sessions")) do
    local n = math.tointeger(group.value)
    local text = ("one connection carries %s%s: %s"):format(n > USUAL and "more than " or "",
      require("perilune.units").count(math.min(n, USUAL), "session"), group.hosts)
    if n >= USUAL then
      list:ok("sessions", text)
    else
      list:advice("sessions", text, ("MaxSessions %d in its sshd_config: with fewer, more logins "
        .. "are made%s"):format(USUAL, n < 2 and ", and no supervisor has a place" or ""))
    end
  end
end

local function add_sftp(list, results)
  for _, group in ipairs(hosts_by(results, "sftp")) do
    if group.value == "yes" then
      list:ok("sftp", "answers: " .. group.hosts)
    else
      list:advice("sftp", "does not answer: " .. group.hosts,
        "Subsystem sftp internal-sftp in its sshd_config; copies by other programs need it")
    end
  end
end

local function add_unmeasured(list, results)
  for _, group in ipairs(hosts_by(results, "why")) do
    list:ok("sessions", ("not measured, as the system's ssh does not log in: %s (%s)"):format(
      group.hosts, group.value))
  end
end

-- ---- measuring -----------------------------------------------------------------------------

local function options_of(reach)
  local options = {}
  if reach.ssh_config then table.move({ "-F", reach.ssh_config }, 1, 2, 1, options) end
  if reach.user then table.move({ "-l", reach.user }, 1, 2, #options + 1, options) end
  return options
end

local function tasks_for(names, reach)
  local tasks = {}
  for i = 1, math.min(SAMPLE, #names) do
    local argv = { "sh", "-c", MEASURE, "sh", names[i], table.unpack(options_of(reach)) }
    tasks[i] = { host = "here", index = i, argv = argv }
  end
  return tasks
end

local function read_result(host, result)
  local text = result.stdout or ""
  local sessions = text:match "sessions (%d+)"
  local why = not sessions and (text:match "([^\r\n]+)" or result.why or result.outcome) or nil
  return { host = host, sessions = sessions, sftp = text:match "sftp (%l+)", why = why }
end

--- Measures the first of these hosts, and adds what was found.
---@param fleet perilune.Fleet reached by SSH
---@param names string[] hosts that answer
---@param list perilune.Finding[]
function checkup_sessions.measure(fleet, names, list)
  local here = require("perilune.core.transport")["local"]()
  local run = require("perilune.core.run").start({ id = "doctor", timeout = 60, fanout = 8,
    tasks = tasks_for(names, fleet.reach), transport = here }):wait()
  local results = {}
  for i = 1, run:count() do results[i] = read_result(names[i], run:result(i)) end
  add_sessions(list, results)
  add_sftp(list, results)
  add_unmeasured(list, results)
end

return checkup_sessions
