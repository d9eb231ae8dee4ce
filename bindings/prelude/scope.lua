-- scope.lua - structured tasks: a scope ends only when all that was started in it has ended; an
-- error in one of its tasks cancels the others, and is raised by the scope once they are gone.
--
-- The scope of a task is a task local, so what a child starts belongs to the same scope.

local blame = require "perilune.blame"
local recall = require "perilune.recall"
local sched = require "perilune.core.sched"

local scope = {}

---@class perilune.Scope
---@field tasks userdata[] those that live, by themselves
---@field alive integer
---@field failed userdata? the first task that failed
---@field ended userdata queue: some task has ended
local Scope = {}
Scope.__index = Scope

local function new()
  return setmetatable({ tasks = {}, alive = 0, ended = sched.queue() }, Scope)
end

-- In order of their start, so that what follows is the same in every run.
function Scope:cancel(why)
  local order = {}
  for _, entry in pairs(self.tasks) do order[#order + 1] = entry end
  table.sort(order, function(a, b) return a.number < b.number end)
  for _, entry in ipairs(order) do entry.task:cancel(why) end
end

local function is_cancel(err)
  return type(err) == "table" and err.kind == "cancel"
end

-- Told by the task itself, as the last thing that it does.
function Scope:task_ended(task, err)
  self.tasks[task] = nil
  self.alive = self.alive - 1
  if err ~= nil and not self.failed and not is_cancel(err) then
    self.failed = task
    recall.note_mistake(err)
    self:cancel("something beside it failed")
  end
  self.ended:wake_all()
end

local End = {
  __close = function(ending, err) ending.scope:task_ended(sched.current(), err) end,
}

-- What runs in each task.
local function body(self, path, fn, ...)
  sched.locals().scope = self
  recall.begin_task(path)
  local _ <close> = setmetatable({ scope = self }, End)
  return fn(...)
end

function Scope:start(fn, ...)
  local task = sched.spawn(body, self, recall.next_path(), fn, ...)
  local where = blame.position()
  if where ~= "?" then task:name(("the task of %s"):format(where)) end
  self.started = (self.started or 0) + 1
  self.tasks[task] = { task = task, number = self.started }
  self.alive = self.alive + 1
  return task
end

-- Until all have ended. A task that was cancelled before its first turn never ran and has not told:
-- so each is joined.
function Scope:wait()
  local task = next(self.tasks)
  while task do
    task:join()
    if self.tasks[task] then self:task_ended(task) end
    task = next(self.tasks)
  end
end

local Guard = {
  __close = function(guard)
    local self = guard.scope
    if self.alive == 0 then return end
    self:cancel("the scope is over")
    self:wait()
  end,
}

local function values(task, ok, ...)
  if ok then return ... end
  return task:rethrow()
end

-- Waits for all of self's tasks, whatever happens meanwhile.
local function finish(self)
  local _ <close> = setmetatable({ scope = self }, Guard)
  self:wait()
  if self.failed then self.failed:rethrow() end
end

--- Calls fn(...) in a scope of its own and returns its results when it and all that was started
--- with scope.spawn meanwhile have ended.
function scope.run(fn, ...)
  local self = new()
  local task = self:start(fn, ...)
  finish(self)
  return values(task, task:join())
end

--- Starts fn(...) beside what follows, in the scope of the running task.
---@return userdata task with join(), cancel(why), status()
function scope.spawn(fn, ...)
  local self = sched.locals().scope
  if not self then error("spawn needs a scope to belong to (scope.run)", 2) end
  return self:start(fn, ...)
end

local function start_all(self, fns)
  local tasks = {}
  for i, fn in ipairs(fns) do tasks[i] = self:start(fn) end
  return tasks
end

--- Runs functions side by side and returns a table of their (first) results, in order, when all
--- have ended; `n` is their number. An error in one cancels the others and is raised.
---@param fns (fun(): any)[]
---@return table
function scope.all(fns)
  local self = new()
  local tasks = start_all(self, fns)
  finish(self)
  local results = { n = #tasks }
  for i, task in ipairs(tasks) do results[i] = values(task, task:join()) end
  return results
end

-- The first of the tasks, in order, that has ended.
local function first_ended(self, tasks)
  while true do
    for _, task in ipairs(tasks) do
      if not self.tasks[task] then return task end
    end
    self.ended:wait()
  end
end

--- Runs functions side by side until the first has ended; the others are cancelled and waited for.
--- Returns the results of the first, or raises its error.
---@param fns (fun(): any)[]
function scope.race(fns)
  if #fns == 0 then error("race needs functions", 2) end
  local self = new()
  local tasks = start_all(self, fns)
  local winner
  do
    local _ <close> = setmetatable({ scope = self }, Guard)
    winner = first_ended(self, tasks)
  end
  if self.failed then self.failed:rethrow() end
  return values(winner, winner:join())
end

--- Runs fn(...) for at most so many seconds and returns its results. When the time is over it is
--- cancelled, and the result is a failed one with phase "timeout" and status 124.
---@param seconds number
function scope.timeout(seconds, fn, ...)
  local self = new()
  local work = self:start(fn, ...)
  local alarm = self:start(sched.sleep, seconds)
  local winner
  do
    local _ <close> = setmetatable({ scope = self }, Guard)
    winner = first_ended(self, { work, alarm })
  end
  if self.failed then self.failed:rethrow() end
  if winner == work or work:status() == "done" then return values(work, work:join()) end
  return require("perilune.result").failed {
    why = ("not done after %g s"):format(seconds), phase = "timeout", status = 124,
  }
end

scope.sleep = sched.sleep

return scope
