-- background.lua - `run --detach`: the run goes on in a process that needs no terminal.
--
-- Two processes: the one that was typed starts the program again with the same words and waits.
-- The second does all that a run does before it begins, on the same terminal: it says what is
-- wrong, asks for secrets, hears Ctrl-C; when it ends so, the first ends with its exit status. Once
-- its record has begun it leaves the terminal and says who it is; then the first one ends with 0.

local core = require "perilune.core.background"
local terminal = require "perilune.terminal"

local background = {}

local LOG = "log" -- in the run folder

local waiting_fd = core.waiting_fd()

--- Whether this process is the second one.
---@return boolean
function background.is_second()
  return waiting_fd ~= nil
end

local function tell_how_to_follow(id, pid)
  terminal.print(id .. "\n")
  terminal.note("%s goes on in the background as process %s; 'perilune status %s' says how it "
    .. "stands, 'attach %s' and 'logs -f %s' follow it, 'cancel %s' ends it",
    id, pid, id, id, id, id)
end

--- In the first process: the verb again, with its words. Returns the exit status.
---@param verb string
---@param words string[]
---@return integer
function background.start(verb, words)
  local fd, pid = core.start { verb, table.unpack(words) }
  if not fd then require("perilune.errors").fail(2, "%s", pid) end
  local said = require("perilune.core.sys").read(fd) or ""
  local id, number = said:match "^(%S+) (%d+)\n"
  if not id then return core.wait(pid) end
  tell_how_to_follow(id, number)
  return 0
end

--- In the second process, once the record has begun: away from the terminal. Its folder gets all
--- that is said from now on, in `log`.
---@param session perilune.Session
function background.leave(session)
  local dir = session:dir()
  if not dir then
    require("perilune.errors").fail(2, "a run that is not recorded cannot go on in the background: "
      .. "nobody could follow or end it")
  end
  local ok, message = core.leave(dir .. "/" .. LOG)
  if not ok then require("perilune.errors").fail(2, "%s", message) end
  if not waiting_fd then return end
  core.tell(waiting_fd, ("%s %d\n"):format(session:id(), require("perilune.core.sys").pid()))
  waiting_fd = nil
end

--- What the process of a detached run said last, at most so many bytes; "" when there is nothing.
---@param folder string
---@param most integer
---@return string
function background.last_words(folder, most)
  local file = io.open(folder .. "/" .. LOG, "rb")
  if not file then return "" end
  local size = file:seek "end"
  file:seek("set", math.max(0, size - most))
  local text = file:read "a"
  file:close()
  return size > most and text:gsub("^[^\n]*\n", "") or text
end

return background
