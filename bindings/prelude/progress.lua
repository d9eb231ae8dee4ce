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
local FIRST_S = 1 -- nothing is said about what is over sooner
local NOTE_AFTER_S = { 10, 30, 60 } -- then once a minute
local FAILURES_S = { 1, 2, 5 } -- pauses between looks for new failures; then the last again
local FAILURE_LINES = 5 -- a look
local CLEAR_LINE = "\r\27[K"

-- "waiting on node17, connect, 94 s (and 2 more)"
local function waiting_text(run)
  local waiting = run:waiting()
  local slowest = waiting[1]
  if not slowest then return "waiting" end
  for _, entry in ipairs(waiting) do
    if entry.seconds > slowest.seconds then slowest = entry end
  end
  local phase = slowest.phase ~= "" and slowest.phase ~= "stream" and slowest.phase .. ", " or ""
  return ("waiting on %s, %s%s%s"):format(slowest.host, phase,
    units.format_duration(slowest.seconds),
    #waiting > 1 and (" (and %d more)"):format(#waiting - 1) or "")
end

local function counts_text(run)
  local summary = run:summary()
  local failed = summary.ended - summary.ok
  return ("%d of %d done%s"):format(summary.ended, summary.tasks,
    failed > 0 and (", %d failed"):format(failed) or "")
end

local function redraw(run, begun)
  if sched.now() - begun < FIRST_S then return end
  local text = ("%s; %s"):format(counts_text(run), waiting_text(run))
  io.stderr:write(CLEAR_LINE, text:sub(1, terminal.width() - 1))
  io.stderr:flush()
end

local function run_redrawing(run, begun)
  while not run:ended() do
    sched.sleep(REDRAW_S)
    redraw(run, begun)
  end
end

local function run_noting(run, begun)
  local notes = 0
  while not run:ended() do
    notes = notes + 1
    local due = NOTE_AFTER_S[notes] or 60 * (notes - #NOTE_AFTER_S + 1)
    sched.sleep(math.max(0, begun + due - sched.now()))
    if not run:ended() then terminal.note("%s; %s", counts_text(run), waiting_text(run)) end
  end
end

-- Says who failed since the last look, while the others go on.
local function tell_failures(run, seen, redraws)
  local list = reasons.fold(run, reasons.newly_failed(run, seen))
  if #list == 0 then return end
  if redraws then io.stderr:write(CLEAR_LINE) end
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
  if on_terminal or mode == "always" then
    self.tasks[2] = sched.spawn(self.redraws and run_redrawing or run_noting, run, sched.now())
  end
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
