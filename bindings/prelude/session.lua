-- session.lua - the record of what one invocation does: its id, its run folder, a sink per call.
--
-- Every run id comes from here. Where the state folder cannot be written, the run goes on under an
-- id of its own and says once that nothing is kept.

local session = {}

---@class perilune.Session
---@field on_start fun(run: userdata, spec: table)? hears of every fan-out
---@field on_end fun(run: userdata)? hears of the end of those that were waited for
local Session = {}
Session.__index = Session

-- Left without finish(): by an error, or by a cancel.
function Session:__close(e)
  local kind = type(e) == "table" and e.kind
  local status = type(e) == "table" and e.status or kind == "cancel" and 130 or 2
  local unfinished = kind == "cancel" or kind == "quiet" or kind and self.resumed
  self:finish(status, unfinished and "canceled" or nil)
end

local function open_store()
  local folder = require("perilune.config").state_folder()
  if not folder then return nil, "no home folder; set PERILUNE_STATE" end
  return require("perilune.core.store").open(folder)
end

local function begin_record(head, run_dir)
  local store, message = open_store()
  if not store then return nil, nil, message end
  local record
  record, message = store:begin(require("perilune.report").plain(head), run_dir)
  return record, store, message
end

-- An id of the same form as the store's.
local function lone_id()
  return ("%s-%06x"):format(os.date "!%Y%m%d-%H%M%S", math.random(0, 0xffffff))
end

--- Begins a record. `head` has kind ("exec", "push", "run"), name, and what else is worth keeping.
---@param head table
---@param run_dir? string another place than the state folder
---@return perilune.Session
function session.begin(head, run_dir)
  local record, store, message = begin_record(head, run_dir)
  if not record then
    require("perilune.terminal").note("this run is not recorded: %s", message)
  end
  return setmetatable({ record = record, store = store, calls = 0, live = {},
    run_id = record and record:id() or lone_id() }, Session)
end

--- Goes on with the record in a run folder, as its one controller. Ends the verb where another one
--- is, unless `takeover`.
---@param folder string
---@param takeover boolean
---@return perilune.Session
function session.resume(folder, takeover)
  local errors = require "perilune.errors"
  local store, message = open_store()
  if not store then errors.fail(2, "%s", message) end
  local record
  record, message = store:resume(folder, takeover)
  if not record then errors.fail(2, "%s", message) end
  return setmetatable({ record = record, store = store, calls = 0, live = {}, resumed = true,
    run_id = record:id() }, Session)
end

--- A session that records nothing, on what has been: a call that is not there is refused.
---@param id string of the run
---@param past userdata
---@return perilune.Session
function session.replay(id, past)
  return setmetatable({ calls = 0, live = {}, run_id = id, past = past, replaying = true },
    Session)
end

--- A session that records nothing.
---@return perilune.Session
function session.unrecorded()
  return setmetatable({ calls = 0, live = {}, run_id = lone_id() }, Session)
end

--- True as long as what happens can be recorded; else nil and why not.
function Session:recorded()
  if not self.record then return true end
  return self.record:check()
end

--- Ends what the running task does, and with it the run, once what happens in a recipe can no
--- longer be recorded: the disk is full, or another controller has taken the run over.
function Session:check()
  local ok, message = self:recorded()
  if ok or not require("perilune.core.sched").locals().root then return end
  require("perilune.recall").stop("record", "%s; 'perilune resume %s' goes on", message,
    self.run_id)
end

--- The id of the run.
function Session:id()
  return self.run_id
end

--- Its folder, nil when nothing is recorded.
function Session:dir()
  return self.record and self.record:dir()
end

--- Where streams that exceed memory go; the first of them makes it. nil when nothing is recorded.
function Session:spill_dir()
  return self.record and self.record:dir() .. "/out"
end

--- The number of the next fan-out of this run, from 1, and the id it runs under.
---@return integer call
---@return string id
function Session:next_call()
  self.calls = self.calls + 1
  return self.calls, ("%s-%d"):format(self.run_id, self.calls)
end

--- Adds the journal's sink of a call to an array of sinks.
---@param key? table what the call of a recipe is known by: see recall.lua
function Session:add_sink(sinks, call, key)
  if self.record then sinks[#sinks + 1] = self.record:sink(call, key) end
  return sinks
end

--- Appends an event to the journal.
function Session:append(ev, fields)
  if self.record then self.record:append(ev, fields) end
end

--- What others ask of the controller of this run: fn(request) runs in a task of its own.
---@param fn fun(request: table)
function Session:listen(fn)
  if self.record then self.record:listen(fn) end
end

local VERDICTS = { [0] = "pass", [1] = "fail", [2] = "error", [130] = "canceled",
                   [143] = "canceled" }

--- Ends the record with an exit status. Returns the status.
---@param status integer
---@param verdict? string
---@return integer
function Session:finish(status, verdict)
  if self.record then
    local ok, message = self.record:finish(status, verdict or VERDICTS[status] or "fail")
    if not ok then require("perilune.terminal").note("the record is not complete: %s", message) end
    self.record = nil
  end
  if self.store then self.store:close() end
  self.store = nil
  return status
end

return session
