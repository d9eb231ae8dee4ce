-- checkup_fleet.lua - what `perilune doctor FLEET` finds out about hosts, in one visit to each.

local units = require "perilune.units"

local checkup_fleet = {}

-- Says, a line each, what commands and their supervision need there. Changes nothing: the file it
-- tries to make in /tmp is gone when it ends.
local PROBE = [[
echo "perilune-doctor"
echo "time $(date +%s)"
echo "shell ${SHELL##*/}"
echo "system $(uname -srm)"
for p in sh cat grep sed sleep mktemp env kill; do
  command -v $p >/dev/null 2>&1 || echo "missing $p"
done
f=$(mktemp /tmp/perilune.XXXXXX 2>/dev/null) && rm -f "$f" || echo "unwritable /tmp"
[ -n "$HOME" ] && [ -w "$HOME" ] || echo "unwritable HOME"
[ -r /proc/self/environ ] || echo "missing /proc"
for f in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/lib/ssh/sftp-server \
    /usr/libexec/sftp-server; do [ -x "$f" ] && sftp=1; done
[ -n "$sftp" ] || echo "missing sftp-server"
echo "end"
]]

local CLOCK_SLACK_S = 2 -- whole seconds there, and the time that the answer takes
local SLOW_NAMED = 3

-- ---- answers -------------------------------------------------------------------------------

-- { said = true, time = "...", missing = { ... }, ... } of one host.
local function read_answer(text)
  local answer = { missing = {}, unwritable = {} }
  local noise, body = text:match("^(.-)perilune%-doctor\n(.*)$")
  if not body then return nil end
  answer.noise = noise ~= ""
  for key, value in body:gmatch("(%l+) ([^\n]*)\n") do
    if type(answer[key]) == "table" then
      table.insert(answer[key], value)
    else
      answer[key] = value
    end
  end
  return answer
end

-- Hosts by what `of` says of their answer (nil: nothing), folded: { text =, hosts =, count = },
-- most first.
local function folded(answers, of)
  local groups, by_text = {}, {}
  for _, entry in ipairs(answers) do
    local text = of(entry.answer, entry)
    if text and text ~= "" then
      local group = by_text[text]
      if not group then
        group = { text = text, names = {}, first = #groups }
        by_text[text] = group
        groups[#groups + 1] = group
      end
      table.insert(group.names, entry.host)
    end
  end
  table.sort(groups, function(a, b)
    if #a.names ~= #b.names then return #a.names > #b.names end
    return a.first < b.first
  end)
  for _, group in ipairs(groups) do
    group.hosts = require("perilune.core.hostset").new(group.names):fold()
  end
  return groups
end

-- ---- findings ------------------------------------------------------------------------------

local function add_outcomes(list, run)
  local reasons = require "perilune.reasons"
  local summary = run:summary()
  for _, reason in ipairs(reasons.fold(run, reasons.failed(run))) do
    list:problem("reach", reason.line, nil)
  end
  list:ok("reach", ("%d of %s answer"):format(summary.ok, units.count(summary.tasks, "host")))
end

-- "2.1 s node17, 0.4 s node3": the slowest, and the median.
local function add_times(list, answers)
  if #answers == 0 then return end
  local by_time = {}
  for i, entry in ipairs(answers) do by_time[i] = entry end
  table.sort(by_time, function(a, b) return a.seconds > b.seconds end)
  local named = {}
  for i = 1, math.min(SLOW_NAMED, #by_time) do
    named[i] = ("%s %s"):format(units.format_duration(by_time[i].seconds), by_time[i].host)
  end
  local median = by_time[(#by_time + 1) // 2].seconds
  local text = ("a visit takes %s; slowest: %s"):format(units.format_duration(median),
    table.concat(named, ", "))
  if median > 3 then
    list:advice("time", text, "look at UseDNS, GSSAPIAuthentication and PAM of its sshd")
  else
    list:ok("time", text)
  end
end

-- One line when all are alike, else who is what.
local function add_kinds(list, answers, topic, key)
  local groups, parts = folded(answers, function(answer) return answer[key] end), {}
  if #groups == 1 then return list:ok(topic, groups[1].text) end
  for i, group in ipairs(groups) do parts[i] = ("%s: %s"):format(group.text, group.hosts) end
  if #groups > 1 then
    list:advice(topic, "hosts differ: " .. table.concat(parts, "; "),
      "nothing, when that is meant")
  end
end

local FIXES = {
  ["/proc"] = "mount /proc: without it what escapes its group is not found",
  ["sftp-server"] = "install it: copies go through a shell instead",
}

local function add_lacks(list, answers)
  for _, group in ipairs(folded(answers, function(answer)
    return table.concat(answer.missing, ", ")
  end)) do
    local all_small = group.text == "sftp-server"
    list[all_small and "advice" or "problem"](list, "programs",
      ("%s missing: %s"):format(group.text, group.hosts),
      FIXES[group.text] or "install it: commands are ended there with its help")
  end
  for _, group in ipairs(folded(answers, function(answer)
    return table.concat(answer.unwritable, ", ")
  end)) do
    list:advice("folders", ("%s cannot be written to: %s"):format(group.text, group.hosts),
      "free some space, or mount it writable; scripts other than a shell's need one of them")
  end
end

local function add_noise(list, answers)
  local noisy = folded(answers, function(answer) return answer.noise and "noise" or nil end)[1]
  if not noisy then return end
  list:advice("login files", "the shell's start-up files write to standard output: "
    .. noisy.hosts, "let them write only where a terminal is: [ -t 1 ]")
end

-- How far a clock is off, as text, when that cannot be the way here and back.
local function clock_text(answer, began, ended)
  local time = tonumber(answer.time)
  if not time then return nil end
  if time < began - CLOCK_SLACK_S then return ("%d s behind"):format(began - time) end
  if time > ended + CLOCK_SLACK_S then return ("%d s ahead"):format(time - ended) end
  return nil
end

local function add_clocks(list, answers, began, ended)
  local off = folded(answers, function(answer) return clock_text(answer, began, ended) end)
  for _, group in ipairs(off) do
    list:problem("clock", ("%s of ours: %s"):format(group.text, group.hosts),
      "let chrony or systemd-timesyncd set it there")
  end
  if #off == 0 and #answers > 0 then
    list:ok("clock", ("within %d s of ours"):format(CLOCK_SLACK_S + ended - began))
  end
end

-- ---- all of it -----------------------------------------------------------------------------

local function answers_of(run, list)
  local answers, silent = {}, {}
  for i = 1, run:count() do
    local result = run:result(i)
    local answer = read_answer(result.stdout or "")
    if answer then
      answers[#answers + 1] = { host = result.host, seconds = result.seconds, answer = answer }
    elseif result.outcome == "ok" then
      silent[#silent + 1] = result.host
    end
  end
  if #silent > 0 then
    list:problem("shell", "logins work, commands do not: "
      .. require("perilune.core.hostset").new(silent):fold(),
      "look at the login shell and at ForceCommand there")
  end
  return answers
end

local function measure_sessions(fleet, answers, list)
  local names = {}
  for i, entry in ipairs(answers) do names[i] = entry.host end
  if #names == 0 or (fleet.transport_name ~= "ssh" and fleet.transport_name ~= "openssh") then
    return
  end
  require("perilune.checkup_sessions").measure(fleet, names, list)
end

--- Visits every host of a fleet and adds what it found to the findings.
---@param fleet perilune.Fleet
---@param session table the record of this visit
---@param list perilune.Finding[]
---@return integer status 3 when a host could not be reached
function checkup_fleet.visit(fleet, session, list)
  local began = os.time()
  local run = require("perilune.errors").checked(require("perilune.fanout").start(fleet, session, {
    hosts = fleet.hosts, argv = { "sh", "-c", PROBE } }))
  local line = require("perilune.progress").start(run, "auto", false)
  run:wait()
  line:stop()
  local ended = os.time()
  add_outcomes(list, run)
  local answers = answers_of(run, list)
  add_times(list, answers)
  add_kinds(list, answers, "login shell", "shell")
  add_kinds(list, answers, "system", "system")
  add_lacks(list, answers)
  add_noise(list, answers)
  add_clocks(list, answers, began, ended)
  measure_sessions(fleet, answers, list)
  return run:status()
end

return checkup_fleet
