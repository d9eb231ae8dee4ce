-- progress.lua - says on standard error who a run is waiting for, and what Ctrl-C did.
--
-- Where nothing else writes to the terminal the line is redrawn in place. Where output is being
-- printed there it would be torn apart: then a line of its own comes after long silence only.
-- Who failed is said soon after, equal reasons folded, and again in the summary at the end.

local reasons = require "perilune.reasons"
local sched = require "perilune.core.sched"
local sys = require "perilune.core.sys"
local terminal = require "perilune.terminal"
local units = require "perilune.units"

local progress = {}

local REDRAW_S = 0.25
local RATE_S = 5 -- a rate is that of so many seconds
local FIRST_S = 1 -- nothing is said about what is over sooner
local NOTE_AFTER_S = { 10, 40 } -- then once a minute
local QUIET_AFTER_S = { 30, 60, 120, 240, 480 } -- where nobody may be looking; then every 10 min
local FAILURES_S = { 1, 2, 5 } -- pauses between looks for new failures; then the last again
local FAILURE_LINES = 5 -- a look
local CLEAR_LINE = "\r\27[K"

local GROUPS_MAX = 3 -- told apart in a line; the others are counted
local HOSTS_COLUMNS = 40 -- of a group's hosts in a line

-- Those waited for, the longest first, together where phase and time are about equal: an entry
-- joins a group whose longest is less than a half and two seconds above it.
local function waiting_groups(waiting)
  table.sort(waiting, function(a, b)
    if a.seconds ~= b.seconds then return a.seconds > b.seconds end
    return a.i < b.i
  end)
  local groups, open = {}, {}
  for _, entry in ipairs(waiting) do
    local group = open[entry.phase]
    if not group or entry.seconds * 1.5 + 2 < group.seconds then
      group = { phase = entry.phase, seconds = entry.seconds, names = {} }
      open[entry.phase] = group
      groups[#groups + 1] = group
    end
    table.insert(group.names, entry.host)
  end
  return groups
end

-- "kex, 12 s"; "running, idle 94 s"
local function state_text(group)
  local time = units.format_duration(math.floor(group.seconds))
  if group.phase == "stream" then
    return group.seconds < 2 and "running" or "running, idle " .. time
  end
  return ("%s, %s"):format(group.phase == "" and "starting" or group.phase, time)
end

local function hosts_text(names)
  local text = require("perilune.core.hostset").new(names):fold()
  if #text <= HOSTS_COLUMNS or #names == 1 then return text end
  return ("%s and %d more"):format(names[1], #names - 1)
end

--- Who is waited for: "waiting on node17 (kex, 12 s), node[20-31] (running, idle 94 s)".
---@param run userdata
---@return string
function progress.waiting_text(run)
  local waiting = run:waiting()
  if #waiting == 0 then return "waiting" end
  local parts, left = {}, #waiting
  for i, group in ipairs(waiting_groups(waiting)) do
    if i > GROUPS_MAX then
      parts[i] = ("%d more"):format(left)
      break
    end
    left = left - #group.names
    parts[i] = ("%s (%s)"):format(hosts_text(group.names), state_text(group))
  end
  return "waiting on " .. table.concat(parts, ", ")
end

local function counts_text(run)
  local summary = run:summary()
  local failed = summary.ended - summary.ok
  return ("%d of %d done%s"):format(summary.ended, summary.tasks,
    failed > 0 and (", %d failed"):format(failed) or "")
end

-- ---- copies --------------------------------------------------------------------------------

-- Bytes of a run's copies as a line tells them. `past` are looks of a while, the oldest first.
---@class perilune.Flow
---@field past { at: number, done: integer }[]
local Flow = {}
Flow.__index = Flow

---@return perilune.Flow
function progress.flow() return setmetatable({ past = {} }, Flow) end

-- Bytes per second of late; nil when nobody knows yet.
function Flow:rate(now, done)
  local past = self.past
  past[#past + 1] = { at = now, done = done }
  while #past > 2 and past[2].at <= now - RATE_S do table.remove(past, 1) end
  local seconds = now - past[1].at
  return seconds > 0 and (done - past[1].done) / seconds or nil
end

--- "1.2G of 4G, 210M/s, 13 s left"; nil where nothing is copied. Hosts whose turn has not come are
--- taken to be like those whose has.
---@param run userdata
---@param now number seconds
---@return string?
function Flow:text(run, now)
  local done, total, copies = run:copied()
  if copies == 0 then return nil end
  local rate = self:rate(now, done)
  local tasks = run:summary().tasks
  if copies < tasks then total = total // copies * tasks end
  local text = ("%s of %s"):format(units.format_size(done), units.format_size(total))
  if not rate then return text end
  text = ("%s, %s/s"):format(text, units.format_size(math.floor(rate)))
  if rate < 1 or done == total then return text end
  return ("%s, %s left"):format(text, units.format_duration(math.ceil((total - done) / rate)))
end

-- What a line says of a run.
local function line_text(run, flow)
  local copied = flow:text(run, sched.now())
  return ("%s; %s%s"):format(counts_text(run), copied and copied .. "; " or "",
    progress.waiting_text(run))
end

-- ---- lines ---------------------------------------------------------------------------------

local function redraw(run, begun, flow)
  local text = line_text(run, flow)
  if sched.now() - begun < FIRST_S or terminal.is_asking() then return end
  io.stderr:write(CLEAR_LINE, sys.visible(text, true):sub(1, terminal.width() - 1))
  io.stderr:flush()
end

local function run_redrawing(run, begun)
  local flow = progress.flow()
  while not run:ended() do
    sched.sleep(REDRAW_S)
    redraw(run, begun, flow)
  end
end

-- When the n-th note is due: after the times of the list, then after its last pause again.
local function note_due(times, n, pause)
  return times[n] or times[#times] + pause * (n - #times)
end

local function run_noting(run, begun, wanted)
  local notes, flow = 0, progress.flow()
  flow:rate(begun, 0)
  while not run:ended() do
    notes = notes + 1
    local due = wanted and note_due(NOTE_AFTER_S, notes, 60)
      or note_due(QUIET_AFTER_S, notes, 600)
    sched.sleep(math.max(0, begun + due - sched.now()))
    if not run:ended() then
      terminal.note("%s", line_text(run, flow))
    end
  end
end

-- Says who failed since the last look, while the others go on.
local function tell_failures(run, seen, redraws)
  local list = reasons.fold(run, reasons.newly_failed(run, seen))
  if #list == 0 then return end
  if redraws and not terminal.is_asking() then io.stderr:write(CLEAR_LINE) end
  for i, reason in ipairs(list) do
    if i > FAILURE_LINES then
      terminal.note("and %d more reasons, told at the end", #list - FAILURE_LINES)
      break
    end
    terminal.note("%s", reason.line)
  end
end

local function run_telling(run, redraws)
  local seen, looks = {}, 0
  while not run:ended() do
    looks = math.min(looks + 1, #FAILURES_S)
    sched.sleep(FAILURES_S[looks])
    if not run:ended() then tell_failures(run, seen, redraws) end
  end
end

---@class perilune.Progress
local Progress = {}
Progress.__index = Progress

--- Takes the line away. Safe twice.
function Progress:stop()
  if not self.tasks then return end
  for _, task in ipairs(self.tasks) do
    task:cancel()
    task:join()
  end
  self.tasks = nil
  if self.redraws then
    io.stderr:write(CLEAR_LINE)
    io.stderr:flush()
  end
end

--- Begins to tell about a run.
---@param mode "auto"|"always"|"never"
---@param prints boolean output comes to standard output while the run goes on
---@return perilune.Progress
function progress.start(run, mode, prints)
  local self = setmetatable({}, Progress)
  if mode == "never" then return self end
  local on_terminal = sys.isatty(2)
  self.redraws = on_terminal and not (prints and sys.isatty(1))
  self.tasks = { sched.spawn(run_telling, run, self.redraws) }
  local wanted = on_terminal or mode == "always"
  self.tasks[2] = sched.spawn(self.redraws and run_redrawing or run_noting, run, sched.now(),
    wanted)
  return self
end

-- ---- Ctrl-C --------------------------------------------------------------------------------

-- "interrupted: ending 3 hosts: node[1-3] (running 12 s); once more leaves at once"
local function interrupted_text(run, seconds)
  local names = {}
  for _, entry in ipairs(run:waiting()) do names[#names + 1] = entry.host end
  local summary = run:summary()
  local left = summary.tasks - summary.ended - #names
  local set = require("perilune.core.hostset").new(names)
  return ("interrupted: ending %s%s%s (running %s)%s; once more leaves at once"):format(
    units.count(#names, "host"), #names > 0 and ": " or "", set:fold(),
    units.format_duration(seconds), left > 0 and ("; %d not started"):format(left) or "")
end

--- Lets the first Ctrl-C cancel the run and say who is still running. The second leaves at once.
---@param line perilune.Progress
function progress.on_interrupt(run, line)
  local begun = sched.now()
  sched.on_interrupt(function()
    line:stop()
    terminal.note(interrupted_text(run, sched.now() - begun))
    run:cancel()
  end)
end

return progress
