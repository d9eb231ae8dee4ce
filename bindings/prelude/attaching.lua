-- attaching.lua - a run is followed as if it had been started here: what it says, who it waits
-- for, its report; Ctrl-C leaves it alone.

local follow = require "perilune.follow"
local retelling = require "perilune.retelling"
local sched = require "perilune.core.sched"
local standing = require "perilune.standing"
local sys = require "perilune.core.sys"
local terminal = require "perilune.terminal"

local attaching = {}

local CLEAR_LINE = "\r\27[K"

-- One line that is redrawn in place, on a terminal only.
local function progress_line(stand)
  local line = { redraws = sys.isatty(2) and sys.getenv "TERM" ~= "dumb" }
  function line.clear()
    if line.redraws then io.stderr:write(CLEAR_LINE) end
  end
  function line.draw()
    if not line.redraws then return end
    io.stderr:write(CLEAR_LINE,
      sys.visible(stand:line(sched.wall()), true):sub(1, terminal.width() - 1))
    io.stderr:flush()
  end
  return line
end

-- What goes to where it would in the foreground.
local function tell(event, text)
  if event.ev == "print" then terminal.print(text .. "\n") else terminal.tell(text .. "\n") end
end

local function print_report(folder)
  local text = sys.read_file(folder .. "/report.txt")
  if text then terminal.tell(text) end
end

local function note_begin(head, who)
  if who.pid then
    terminal.note("%s on %s, conducted by process %d on %s; Ctrl-C leaves it alone, "
      .. "'perilune cancel %s' ends it", head.name, head.hosts, who.pid, who.host, head.id)
  end
end

-- Follows to the end; whether a person wants to go.
local function follow_run(folder, head)
  local retold, stand = retelling.new(folder), standing.new()
  local line, leaves = progress_line(stand), nil
  sched.on_interrupt(function(signal) leaves = signal end)
  local ended, why, who = follow.to_end(folder, {
    event = function(event)
      stand:take(event)
      local text = retold:said(event)
      if text then
        line.clear()
        tell(event, text)
      end
    end,
    look = line.draw,
    stop = function() return leaves ~= nil end,
    silent = function(other, seconds)
      line.clear()
      terminal.note("no sign of life from process %d on %s for %d s", other.pid, other.host,
        math.floor(seconds))
    end,
  }, true)
  line.clear()
  if why == "stopped" then
    terminal.note("detached; %s goes on: 'perilune attach %s' comes back, 'perilune cancel %s' "
      .. "ends it", head.id, head.id, head.id)
    return select(2, sched.interrupted())
  elseif why == "gone" then
    terminal.note("the controller of %s%s is gone and has not ended it: 'perilune resume %s' "
      .. "goes on", head.id,
      who.pid and (" (process %d on %s)"):format(who.pid, who.host) or "", head.id)
    return 3
  end
  print_report(folder)
  return ended.status
end

--- Follows a run of a recipe to its end, or until Ctrl-C. The exit status.
---@param folder string
---@param head table its event "begin"
---@param who table its controller
---@return integer
function attaching.attach(folder, head, who)
  note_begin(head, who)
  return follow_run(folder, head)
end

return attaching
