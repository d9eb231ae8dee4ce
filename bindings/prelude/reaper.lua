-- reaper.lua - what a run left on its hosts: where it ran, finding it, ending it.

local errors = require "perilune.errors"

local reaper = {}

-- ---- which run, and where ------------------------------------------------------------------

local WHOLE_ID = "^%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-%x%x%x%x%x%x$"

-- The recorded runs that `word` means: "last" is the newest that is no reaping itself.
local function rows_of(word)
  local found = {}
  for _, row in ipairs(require("perilune.history").list(0)) do
    if word == "last" and row.kind ~= "reap" then return { row } end
    if row.id:sub(1, #word) == word then found[#found + 1] = row end
  end
  return found
end

local function used_sudo(events)
  for _, event in ipairs(events) do
    if event.ev == "call" and event.sudo then return true end
  end
  return false
end

--- The id of a run and the first event of its record. A whole id that is not on record here will do
--- where hosts are named; then there is no event.
---@param word string an id, the beginning of one, or "last"
---@param named boolean hosts are named
---@return string id
---@return table? head
---@return boolean? sudo commands of it ran as root
function reaper.find(word, named)
  local rows = rows_of(word)
  if #rows == 1 then
    local events = require("perilune.history").read(rows[1].dir)
    return rows[1].id, events[1], used_sudo(events)
  end
  if #rows > 1 then errors.usage("%d runs begin with '%s'", #rows, word) end
  if not word:match(WHOLE_ID) then
    errors.usage("no run begins with '%s'; 'perilune runs' lists them", word)
  end
  if not named then
    errors.usage("the run %s is not on record here; name its hosts with -w", word)
  end
  return word
end

local function names_hosts(given)
  return given.hosts or given.group or given.all
end

local function check_machine(head)
  local machine = require("perilune.core.sys").hostname()
  if head.reach.machine ~= machine then
    errors.usage("the run was on the machine '%s' itself: go there, or name hosts with -w",
      head.reach.machine)
  end
end

--- Sets what the FLEET options leave open to what the record of the run says.
---@param o table values of fleet.options
---@param given table<string, boolean>
---@param head? table the first event of the record
function reaper.adopt(o, given, head)
  if not head then return end
  local recorded = head.reach or {}
  local elsewhere = names_hosts(given)
  if not elsewhere and head.hosts then o.hosts, given.hosts = head.hosts, true end
  for _, name in ipairs { "user", "ssh_config", "cluster" } do
    if not given[name] and recorded[name] then o[name], given[name] = recorded[name], true end
  end
  if given.transport or elsewhere then return end
  o.transport, given.transport = head.transport, true
  if head.transport == "local" and head.reach then check_machine(head) end
end

reaper.names_hosts = names_hosts

--- What ran as root can be seen and ended by root alone. True when that is what it takes, and was
--- not asked for.
---@param o table values of fleet.options
---@param used boolean? what the record says
---@return boolean
function reaper.adopt_sudo(o, given, used)
  if not used or o.sudo or o.transport == "local" then return false end
  o.sudo, given.sudo = true, true
  return true
end

-- ---- what to run there ---------------------------------------------------------------------

--- The words and the standard input of the command that looks for what run `id` left.
---@param id string
---@param o { dry_run: boolean, detached: boolean, grace: number }
---@param calls? integer[] only of these calls
---@return string[] argv
---@return string text
function reaper.command(id, o, calls)
  local tenths = math.ceil(o.grace * 10)
  local argv = { "sh", "-s", id, o.dry_run and "list" or "end", o.detached and "all" or "-",
                 tostring(tenths) }
  for _, call in ipairs(calls or {}) do argv[#argv + 1] = tostring(call) end
  return argv, require("perilune.core.boot").resource("prelude", "reap.sh")
end

-- ---- what it said --------------------------------------------------------------------------

---@class perilune.Reaped
---@field host string
---@field pid integer
---@field age integer seconds
---@field tag string
---@field command string
---@field state "ended"|"found"|"kept"|"alive"

local function read_host(host, text, state, list)
  local by_pid = {}
  for line in text:gmatch("[^\n]+") do
    local word, pid, age, tag, command = line:match("^(%l+)\t(%d+)\t(%d+)\t([^\t]*)\t(.*)$")
    if word then
      local entry = { host = host, pid = math.tointeger(pid), age = math.tointeger(age),
                      tag = tag, command = command, state = word == "kept" and "kept" or state }
      by_pid[pid] = entry
      list[#list + 1] = entry
    end
    local alive = by_pid[line:match("^alive\t(%d+)$") or ""]
    if alive then alive.state = "alive" end
  end
end

-- A host said something whenever the program ran there: then its exit status is its own.
local function has_looked(entry)
  return entry.outcome == "ok" or entry.outcome == "exit" and (entry.stdout or "") ~= ""
end

--- What a run of that command found, and the hosts that could look.
---@param run userdata that has ended
---@param dry_run boolean
---@return perilune.Reaped[]
---@return string[] hosts that have nothing
function reaper.read(run, dry_run)
  local list, clean = {}, {}
  for i = 1, run:count() do
    local entry, before = run:result(i), #list
    if has_looked(entry) then
      read_host(entry.host, entry.stdout or "", dry_run and "found" or "ended", list)
      if #list == before then clean[#clean + 1] = entry.host end
    end
  end
  return list, clean
end

-- ---- in words ------------------------------------------------------------------------------

local PIDS_SHOWN = 4
local WORDS = { ended = "ended", found = "found", kept = "left alone, as it was detached:",
                alive = "would not die:" }

-- The same command in the same state, over hosts and processes; in the order they came.
local function fold(list)
  local groups, by_key = {}, {}
  for _, entry in ipairs(list) do
    local key = entry.state .. " " .. entry.command
    local group = by_key[key]
    if not group then
      group = { state = entry.state, command = entry.command, hosts = {}, pids = {}, age = 0 }
      by_key[key], groups[#groups + 1] = group, group
    end
    group.hosts[entry.host] = true
    group.pids[#group.pids + 1] = entry.pid
    group.age = math.max(group.age, entry.age)
  end
  return groups
end

local function names(set)
  local sorted = {}
  for name in pairs(set) do sorted[#sorted + 1] = name end
  table.sort(sorted)
  return sorted
end

local function pids_text(pids)
  if #pids > PIDS_SHOWN then return ("%d processes"):format(#pids) end
  return ("pid %s"):format(table.concat(pids, ", "))
end

--- Lines for a person: per command its hosts, what became of it, pids and age.
---@param list perilune.Reaped[]
---@param clean string[]
---@return string[]
function reaper.lines(list, clean)
  local hostset, units = require "perilune.core.hostset", require "perilune.units"
  local lines = {}
  for i, group in ipairs(fold(list)) do
    lines[i] = ("%s: %s %s (%s; %s old)"):format(hostset.new(names(group.hosts)):fold(),
      WORDS[group.state], group.command, pids_text(group.pids), units.format_duration(group.age))
  end
  if #clean > 0 then lines[#lines + 1] = hostset.new(clean):fold() .. ": nothing left" end
  return lines
end

return reaper
