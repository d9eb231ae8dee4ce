-- follow.lua - the journal of a run, event by event, while another process writes it, here or on
-- another machine that shares the folder.

local sched = require "perilune.core.sched"

local follow = {}

local CHUNK = 256 * 1024
local LOOK_S = 0.2   -- between two looks at a journal
local SILENT_S = 60  -- a controller elsewhere whose beats do not count up for so long is told of

---@class perilune.JournalReader
---@field offset integer where the lines begin that were not read yet
local Reader = {}
Reader.__index = Reader

--- Reads from the beginning.
---@param folder string
---@return perilune.JournalReader
function follow.open(folder)
  return setmetatable({ path = folder .. "/journal", offset = 0, text = "", at = 1 }, Reader)
end

-- Opened for each look: the file may be replaced by a copy without its torn line, and what another
-- machine has written is seen by who opens.
local function read_at(path, offset, most)
  local file, message = io.open(path, "rb")
  if not file then require("perilune.errors").fail(2, "%s", message) end
  file:seek("set", offset)
  local text = file:read(most)
  file:close()
  return text
end

-- The next whole lines; false when there are none.
function Reader:fill()
  local most = CHUNK
  while true do
    local text = read_at(self.path, self.offset, most)
    local last = text and text:match "^.*()\n"
    if last then
      self.text, self.at, self.offset = text:sub(1, last), 1, self.offset + last
      return true
    end
    if not text or #text < most then return false end
    most = most * 2
  end
end

--- The next event; nil when no more was written so far.
---@return table?
function Reader:next()
  while true do
    if self.at > #self.text and not self:fill() then return nil end
    local stop = self.text:find("\n", self.at, true)
    local line = self.text:sub(self.at, stop - 1)
    self.at = stop + 1
    local ok, event = pcall(require("perilune.core.json").decode, line)
    if ok and type(event) == "table" then return event end
  end
end

--- The event that the run ended with, when it is over for now: nobody has resumed it.
---@param ended table? as before
---@param event table
---@return table?
function follow.ended(ended, event)
  if event.ev == "end" then return event end
  if event.ev == "resume" then return nil end
  return ended
end

--- Who conducts the run in a folder: state ("alive", "elsewhere", "dead", "none"), host, pid, ...
---@param folder string
---@return table
function follow.controller(folder)
  local who, message = require("perilune.core.store").controller(folder)
  if not who then require("perilune.errors").fail(2, "%s", message) end
  return who
end

-- Says once when a controller elsewhere gives no sign of life.
local function watch_beats(watch, who, silent)
  if who.state ~= "elsewhere" then return end
  local now = sched.now()
  if who.beats ~= watch.beats then
    watch.beats, watch.since, watch.told = who.beats, now, false
  elseif not watch.told and now - watch.since > SILENT_S then
    watch.told = true
    silent(who, now - watch.since)
  end
end

--- Asks the controller of a run for something, in the name of who runs this program.
---@param folder string
---@param request { want: string, grace: number? }
function follow.ask(folder, request)
  local sys = require "perilune.core.sys"
  request.by = ("%s on %s (process %d)"):format(sys.user(), sys.hostname(), sys.pid())
  request.t = sched.wall()
  local ok, message = require("perilune.core.store").ask(folder, request)
  if not ok then require("perilune.errors").fail(2, "%s", message) end
end

--- How many seconds have passed since this call.
---@return fun(): number
function follow.stopwatch()
  local begun = sched.now()
  return function() return sched.now() - begun end
end

---@class perilune.Following
---@field event fun(event: table)
---@field look? fun() before each pause
---@field stop? fun(): boolean whether to end
---@field silent? fun(who: table, seconds: number) the controller gives no sign of life
---@field once? boolean what is there now

local function tell_all(reader, ended, following)
  local event = reader:next()
  while event do
    following.event(event)
    ended = follow.ended(ended, event)
    event = reader:next()
  end
  return ended
end

--- Tells of every event, to the end of the run. The event that it ended with; else nil and "gone"
--- (its controller died; who it was comes third) or "stopped".
---@param folder string
---@param following perilune.Following
---@param has_controller boolean the run is one of a recipe
---@return table? ended
---@return string? why
---@return table? who
function follow.to_end(folder, following, has_controller)
  local reader, watch, ended = follow.open(folder), {}, nil
  while true do
    local who = has_controller and follow.controller(folder) or { state = "unknown" }
    ended = tell_all(reader, ended, following) -- after the look: it may just have come to its end
    if ended then return ended end
    if following.once then return nil, "stopped" end
    if who.state == "dead" or who.state == "none" then return nil, "gone", who end
    watch_beats(watch, who, following.silent or function() end)
    if following.look then following.look() end
    sched.sleep(LOOK_S)
    if following.stop and following.stop() then return nil, "stopped" end
  end
end

return follow
