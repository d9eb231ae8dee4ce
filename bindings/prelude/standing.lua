-- standing.lua - how a run stands: what goes on, at which point and step, who is waited for since
-- when, what was measured last. Folded from the events of its journal, one after the other.

local units = require "perilune.units"

local standing = {}

---@class perilune.OpenCall
---@field call integer
---@field hosts string folded
---@field tasks integer
---@field done integer
---@field since number seconds since 1970
---@field shown string the command
---@field seen table<string, integer> results of each host

---@class perilune.Standing
---@field head table the event "begin"
---@field ended table? the event "end"
---@field calls table<integer, perilune.OpenCall> those that go on
---@field metrics table[] the last sample of each, in the order of their first
---@field verdicts table<string, integer> of points that have ended
local Standing = {}
Standing.__index = Standing

---@return perilune.Standing
function standing.new()
  return setmetatable({ head = {}, calls = {}, metrics = {}, by_name = {}, verdicts = {},
    ended_points = {} }, Standing)
end

-- ---- events --------------------------------------------------------------------------------

local on = {}

function on.begin(self, event)
  self.head = event
end

function on.point(self, event)
  self.point, self.step, self.pass = event, nil, nil
  self.ended_points[event.point] = nil -- it is run again
end

function on.pass(self, event)
  self.pass = event.pass
end

function on.step(self, event)
  self.step = event.name
end

function on.step_end(self, event)
  self.step = event.name:match "^(.*) / [^/]*$" -- the one around it
end

function on.point_end(self, event)
  self.ended_points[event.point] = event.verdict
  self.point, self.step = nil, nil
end

local function shown_command(event)
  if event.argv then return table.concat(event.argv, " ") end
  if event.kind == "put" then return "push " .. (event["local"] or "") end
  if event.kind == "get" then return "pull " .. (event.remote or "") end
  return event.command or event.kind or "?"
end

function on.call(self, event)
  self.calls[event.call] = { call = event.call, hosts = event.hosts, tasks = event.tasks, done = 0,
    since = event.t, shown = shown_command(event), seen = {}, again = event.again }
end

-- Of a call that was made again only what it lacked comes: the number that comes is not known.
function on.result(self, event)
  local call = self.calls[event.call]
  if not call then return end
  call.done = call.done + 1
  call.seen[event.host] = (call.seen[event.host] or 0) + 1
end

function on.call_end(self, event)
  self.calls[event.call] = nil
end

function on.metric(self, event)
  local key = ("%s\0%s"):format(event.name, event.at or "")
  local kept = self.by_name[key]
  if not kept then
    kept = {}
    self.by_name[key] = kept
    table.insert(self.metrics, kept)
  end
  kept.name, kept.value, kept.unit, kept.at = event.name, event.value, event.unit, event.at
  kept.point, kept.t = event.point, event.t
end

-- What the controller before was waiting for has been ended, or is called again.
function on.resume(self, _)
  self.calls, self.point, self.step, self.ended = {}, nil, nil, nil
end

on["end"] = function(self, event)
  self.calls, self.ended = {}, event
end

--- The next event of the journal.
---@param event table
function Standing:take(event)
  self.last = event.t or self.last
  local take = on[event.ev]
  if take then take(self, event) end
end

-- ---- what it comes to ----------------------------------------------------------------------

--- Calls that go on, the oldest first.
---@return perilune.OpenCall[]
function Standing:open_calls()
  local list = {}
  for _, call in pairs(self.calls) do list[#list + 1] = call end
  table.sort(list, function(a, b) return a.call < b.call end)
  return list
end

--- Hosts of a call that have not answered (all their tasks), as a host set.
---@param call perilune.OpenCall
---@return userdata
function standing.waiting(call)
  local set = require("perilune.hosts").parse(call.hosts)
  local each = #set > 0 and math.max(1, call.tasks // #set) or 1
  local names = {}
  for _, name in set:each() do
    if (call.seen[name] or 0) < each then names[#names + 1] = name end
  end
  return require("perilune.core.hostset").new(names)
end

--- Which point is run, of those that were chosen: 2, 3 of "point 2 of 3". nil between points.
---@return integer? nth
---@return integer total
function Standing:place()
  local total = self.head.points or 1
  if not self.point then return nil, total end
  for i, index in ipairs(self.head.chosen or {}) do
    if index == self.point.point then return i, total end
  end
  return self.point.point, total
end

--- How many points have ended in each way.
---@return table<string, integer>
function Standing:verdict_counts()
  local counts = {}
  for _, verdict in pairs(self.ended_points) do counts[verdict] = (counts[verdict] or 0) + 1 end
  return counts
end

--- "running", "ended", or "interrupted" (by its end or that of its controller).
---@param who table the controller
---@return string
function Standing:state(who)
  if self.ended then return self.ended.verdict == "canceled" and "canceled" or "ended" end
  if self.head.kind ~= "run" then return "running" end
  return (who.state == "alive" or who.state == "elsewhere") and "running" or "interrupted"
end

-- "12 of 64 done; waiting on node[3-9] (12 s)"
local function call_line(call, now)
  return ("%d of %d done; waiting on %s (%s)"):format(call.done, call.tasks,
    standing.waiting(call):fold(), units.format_duration(math.max(0, math.floor(now - call.since))))
end

--- What goes on in one line: for a person who follows.
---@param now number seconds since 1970
---@return string
function Standing:line(now)
  local parts, calls = {}, self:open_calls()
  local nth, total = self:place()
  if total > 1 and nth then parts[1] = ("point %d of %d"):format(nth, total) end
  if self.step then parts[#parts + 1] = self.step end
  if calls[1] then parts[#parts + 1] = call_line(calls[1], now) end
  if #calls > 1 then parts[#parts + 1] = ("%d more calls"):format(#calls - 1) end
  return table.concat(parts, "; ")
end

--- Reads a journal to where it ends now.
---@param folder string
---@return perilune.Standing
function standing.read(folder)
  local self, reader = standing.new(), require("perilune.follow").open(folder)
  local event = reader:next()
  while event do
    self:take(event)
    event = reader:next()
  end
  return self
end

-- ---- for people and programs ---------------------------------------------------------------

local function when(seconds)
  return os.date("%Y-%m-%d %H:%M:%S", math.floor(seconds))
end

local function controller_text(who)
  if who.state == "none" then return nil end
  local text = ("process %d on %s"):format(who.pid, who.host)
  if who.state == "dead" then return text .. ", which is gone" end
  return ("%s, last heard of %s ago"):format(text, units.format_duration(math.floor(who.silent)))
end

local function state_text(self, who, now)
  local state = self:state(who)
  if self.ended then
    return ("%s (exit status %d) after %s%s"):format(self.ended.verdict, self.ended.status,
      units.format_duration(math.floor(self.ended.t - self.head.t)),
      state == "canceled" and ("; 'perilune resume %s' goes on"):format(self.head.id) or "")
  end
  if state == "interrupted" then
    return ("interrupted; 'perilune resume %s' goes on"):format(self.head.id)
  end
  local seconds = math.max(0, math.floor(now - self.head.t))
  return ("running for %s"):format(units.format_duration(seconds))
end

local function counts_text(counts)
  local words = {}
  for _, verdict in ipairs { "pass", "fail", "error", "canceled" } do
    if counts[verdict] then words[#words + 1] = ("%d %s"):format(counts[verdict], verdict) end
  end
  return table.concat(words, ", ")
end

local function point_text(self)
  local nth, total = self:place()
  if not nth then return nil end
  local pass = (self.head.repeats or 1) > 1 and self.pass
    and (", pass %d of %d"):format(self.pass, self.head.repeats) or ""
  return ("%d of %d: %s%s"):format(nth, total, self.point.name, pass)
end

local function metric_text(m)
  return ("%s%s: %s%s"):format(m.name, m.at and " at " .. m.at or "", units.figure(m.value),
    m.unit and " " .. m.unit or "")
end

local METRICS_SHOWN = 8

--- Some lines for a person.
---@param folder string
---@param who table the controller
---@return string
function Standing:text(folder, who)
  local out, now = {}, require("perilune.core.sched").wall()
  local function add(name, value)
    if value and value ~= "" then out[#out + 1] = ("%-10s %s\n"):format(name, value) end
  end
  local head = self.head
  add("run", head.id)
  add("name", head.name)
  add("hosts", head.hosts)
  add("begun", head.t and when(head.t))
  add("state", state_text(self, who, now))
  add("by", controller_text(who))
  add("points", counts_text(self:verdict_counts()))
  add("point", point_text(self))
  add("step", self.step)
  for _, call in ipairs(self:open_calls()) do
    add("call " .. call.call, call.shown:gsub("%s+", " "))
    add("", call_line(call, now))
  end
  for i = math.max(1, #self.metrics - METRICS_SHOWN + 1), #self.metrics do
    add("metric", metric_text(self.metrics[i]))
  end
  add("folder", folder)
  return table.concat(out)
end

local function calls_table(self)
  local list = {}
  for i, call in ipairs(self:open_calls()) do
    list[i] = { call = call.call, command = call.shown, tasks = call.tasks, done = call.done,
      since = call.since, waiting = standing.waiting(call):fold() }
  end
  return list
end

--- The same as a table that JSON can say.
---@param folder string
---@param who table the controller
---@return table
function Standing:table(folder, who)
  local json = require "perilune.core.json"
  local head = self.head
  local nth, total = self:place()
  return { id = head.id, kind = head.kind, name = head.name, hosts = head.hosts, begun = head.t,
    dir = folder, state = self:state(who), controller = who, last = self.last,
    verdict = self.ended and self.ended.verdict, status = self.ended and self.ended.status,
    ended = self.ended and self.ended.t, points = json.object {
      total = total, ended = json.object(self:verdict_counts()), current = nth,
      name = self.point and self.point.name, pass = self.pass },
    step = self.step, calls = json.array(calls_table(self)), metrics = json.array(self.metrics) }
end

return standing
