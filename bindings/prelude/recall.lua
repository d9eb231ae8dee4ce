-- recall.lua - calls of a recipe: how each is known, and what the record has of it.
--
-- A call is known by its key: the point, the pass, the Lua task that makes it (by the order in
-- which tasks were started) and its number within that task; it is the same call when step, hosts
-- and command are the same too, which its digest says. As long as calls match, results come from
-- the record (session.past); at the first that does not, the rest of its point runs live.
--
-- What t:env, t:read and the clock say is not recorded: an environment often holds secrets, a file
-- may be large. Where they change what a recipe calls, the call does not match.

local blame = require "perilune.blame"
local sched = require "perilune.core.sched"
local redact = require("perilune.secret").redact
local sys = require "perilune.core.sys"

require "perilune.core.transport" -- the class of what a past answers through

local recall = {}

-- ---- who calls -----------------------------------------------------------------------------

--- From now on this task's calls, and those of the tasks that it starts, are those of a point.
---@param root string "POINT/PASS"
---@param seed integer of the run
function recall.enter(root, seed)
  local locals = sched.locals()
  locals.root, locals.seed = root, seed
  locals.path, locals.spawned, locals.calls, locals.draw, locals.step = nil, 0, 0, nil, nil
end

--- The path of the next task that the running one starts: "1.2" is the second of "1".
---@return string
function recall.next_path()
  local locals = sched.locals()
  locals.spawned = (locals.spawned or 0) + 1
  return locals.path and ("%s.%d"):format(locals.path, locals.spawned) or tostring(locals.spawned)
end

--- The first thing that a task does.
---@param path string as next_path() gave it to who started it
function recall.begin_task(path)
  local locals = sched.locals()
  locals.path, locals.spawned, locals.calls, locals.draw = path, 0, 0, nil
end

local function key_of(locals, n)
  return ("%s/%s/%d"):format(locals.root, locals.path, n)
end

local function point_of(locals)
  return tonumber(locals.root:match "^%d+")
end

-- ---- what is called ------------------------------------------------------------------------

-- Names the start of a job, which is another one when it starts again.
local UNLIKE = { PERILUNE_JOB = true }

local FIELDS = { "kind", "line", "cwd", "merge", "sudo", "survive", "detach", "local_path",
                 "remote_path", "into_folder", "name_host", "mode", "keep_times" }

-- Each with its length, so that no two lists read the same.
local function add(out, value)
  local text = redact(tostring(value))
  out[#out + 1] = #text .. ":" .. text
end

local function add_env(out, env)
  local names = {}
  for name in pairs(env or {}) do
    if not UNLIKE[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    add(out, name)
    add(out, env[name])
  end
end

local function add_command(out, spec)
  for _, word in ipairs(spec.argv or {}) do add(out, word) end
  add(out, spec.line)
  add(out, spec.cwd)
  add_env(out, spec.env)
end

local function add_tasks(out, spec)
  if not spec.tasks then
    for _, host in spec.hosts:each() do add(out, host) end
    return
  end
  for _, task in ipairs(spec.tasks) do
    add(out, task.host)
    add(out, task.index)
    add_command(out, task)
  end
end

-- Of all that decides what is done where; secrets are none of it.
local function digest(spec)
  local out = {}
  for _, field in ipairs(FIELDS) do add(out, spec[field] or "") end
  add_command(out, spec)
  add(out, type(spec.stdin) == "string" and spec.stdin or "")
  add_tasks(out, spec)
  return sys.sha256(table.concat(out))
end

--- The key of the call that the running task makes now; nil outside of a recipe's points.
local function next_key(spec)
  local locals = sched.locals()
  if not locals.root or not locals.path then return nil end
  locals.calls = locals.calls + 1
  return { point = point_of(locals), key = key_of(locals, locals.calls), step = locals.step,
    digest = digest(spec), where = blame.position(), once = spec.once }
end

-- ---- what the record has -------------------------------------------------------------------

local Failure = { __tostring = function(e) return e.message end }

--- Ends the point and the run: what happens cannot be recorded, or should not happen.
---@param kind "record"|"replay"
function recall.stop(kind, fmt, ...)
  error(setmetatable({ kind = kind, message = fmt:format(...), where = blame.position() },
    Failure), 0)
end

local function differs(event, key)
  if event.step ~= key.step then
    return ("it was in step '%s', now it is in '%s'"):format(event.step or "", key.step or "")
  end
  return event.digest ~= key.digest and "its hosts or its command are others" or nil
end

-- The rest of the point runs live.
local function diverge(session, key, event, why)
  if session.replaying then
    recall.stop("replay", "the record of %s has another call here (then at %s): %s",
      session:id(), event.where or "?", why)
  end
  session.live[key.point] = true
  session:append("diverged", { point = key.point, where = key.where,
    kept = require("perilune.core.json").array(session.past:kept(key.point)) })
  require("perilune.terminal").note("%s: this call is not the one that was recorded (then at %s): "
    .. "%s. The rest of point %d runs anew", key.where, event.where or "?", why, key.point)
end

-- What the record has of this call: { event =, whole = }, nil when it has to run.
local function find(session, key)
  if not session.past or session.live[key.point] then return nil end
  local found, message = session.past:find(key.key)
  if message then recall.stop("record", "%s", message) end
  local why = found and differs(found.event, key)
  if why then
    diverge(session, key, found.event, why)
    return nil
  end
  if session.replaying and not (found and found.whole) then
    recall.stop("replay", "the record of %s ends here: nothing runs in a replay", session:id())
  end
  return found
end

-- What becomes of tasks without a result.
local function rest_of(session, event)
  local redo = session.redo or (session.redo_calls or {})[event.call]
  if event.once and not redo then return "skip" end
  return event.survive and "attach" or "again"
end

-- ---- starting a call -----------------------------------------------------------------------

local function run_live(session, spec, key)
  local call, id = session:next_call()
  spec.id = spec.id or id
  spec.sinks = session:add_sink(spec.sinks or {}, call, key)
  if key and session.past then session.past:keep(key.point, call) end
end

-- All of its results are there: nothing is recorded again.
local function run_recorded(session, spec, key, event)
  spec.id = ("%s-%d"):format(session:id(), event.call)
  spec.transport = session.past:transport(key.key, "again", session:id())
end

-- Some are: those are handed out, the others come as `rest` says.
local function run_rest(session, spec, key, event)
  key.again, key.once = event.call, event.once
  spec.transport = session.past:transport(key.key, rest_of(session, event), session:id(),
    spec.transport)
  run_live(session, spec, key)
end

--- Starts a run of this spec, as a call of the recipe whose task this is; what the record has of it
--- is not run again.
---@param session perilune.Session
---@param spec table as for perilune.core.run.start, complete but for `id`; and `once`
---@return userdata? run
---@return string? message
function recall.start(session, spec)
  local key = next_key(spec)
  spec.once = nil
  if key then session:check() end
  local found = key and find(session, key)
  if not found then
    run_live(session, spec, key)
  elseif found.whole then
    run_recorded(session, spec, key, found.event)
  else
    run_rest(session, spec, key, found.event)
  end
  return require("perilune.core.run").start(spec)
end

--- Whether the running task has been further than here: its next call is on record.
---@return boolean
function recall.is_past()
  local locals = sched.locals()
  local session = locals.session
  if not locals.path or not session or not session.past then return false end
  if session.live[point_of(locals)] then return false end
  return session.past:find(key_of(locals, locals.calls + 1)) ~= nil
end

--- A mistake of the recipe ends what runs beside it: what is canceled from here on is no result.
---@param err any what the running task failed with
function recall.note_mistake(err)
  local locals = sched.locals()
  if type(err) == "table" and err.kind or not locals.root or not locals.session then return end
  locals.session:append("interrupt", { point = point_of(locals) })
end

return recall
