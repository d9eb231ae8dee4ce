-- history.lua - the runs that were recorded: the list, and one in detail.

local errors = require "perilune.errors"

local history = {}

local function open_store()
  local folder = require("perilune.config").state_folder()
  if not folder then errors.fail(2, "no home folder; set PERILUNE_STATE") end
  local store, message = require("perilune.core.store").open(folder)
  if not store then errors.fail(2, "%s", message) end
  return store
end

-- What the store answers to one of its methods; a refusal ends the verb.
local function ask(method, ...)
  local store = open_store()
  local answer, message = store[method](store, ...)
  store:close()
  if not answer then errors.fail(2, "%s", message) end
  return answer
end

--- Rows of the index, newest first: id, kind, name, verdict, status, dir, begun, ended, hosts,
--- failed.
---@param limit integer 0: all
---@return table[]
function history.list(limit)
  return ask("list", limit)
end

--- The folder of the run whose id begins so; "last" is the newest.
---@param prefix string
---@return string
function history.find(prefix)
  return ask("find", prefix)
end

--- Makes the index anew from the run folders; how many runs it has.
---@return integer
function history.reindex()
  return ask("reindex")
end

--- The events of a run folder, and whether its last line was torn.
---@return table[] events
---@return boolean torn
function history.read(folder)
  local events, torn = require("perilune.core.store").read(folder)
  if not events then errors.fail(2, "%s", torn) end
  return events, torn
end

--- Who conducts the run in a folder: state is "none", "alive", "dead" (both of this machine) or
--- "elsewhere"; then host, pid, since, beats (they count up while it lives), silent (seconds).
---@param folder string
---@return table
function history.controller(folder)
  local controller, message = require("perilune.core.store").controller(folder)
  return controller or errors.fail(2, "%s", message)
end

--- How the run of a recipe that did not come to its end goes on; nil: it has, or is no recipe's.
---@param folder string
---@param head table its first event
---@return string?
function history.how_to_go_on(folder, head)
  if head.kind ~= "run" or require("perilune.resuming").completed(folder) then return nil end
  local controller = history.controller(folder)
  if controller.state == "alive" or controller.state == "elsewhere" then
    return ("in process %d on %s"):format(controller.pid, controller.host)
  end
  return "perilune resume " .. head.id
end

--- The report of a run folder, nil where there is none that can be read.
---@param folder string
---@return table?
function history.report(folder)
  local text = require("perilune.core.sys").read_file(folder .. "/report.json")
  if not text then return nil end
  local ok, report = pcall(require("perilune.core.json").decode, text)
  return ok and type(report) == "table" and report or nil
end

--- Any value as JSON on one line.
---@return string
function history.json(value)
  return require("perilune.core.json").encode(value)
end

return history
