-- fanout.lua - starts work on a fleet: what a run's spec leaves open comes from the fleet (limits,
-- transport) and from the session (id, record, place for large outputs).

local fanout = {}

-- ---- the fleet of this task ----------------------------------------------------------------

--- Makes a fleet (fleet.open) and a session the ones that host sets of this task act on.
function fanout.use(fleet, session)
  local locals = require("perilune.core.sched").locals()
  locals.fleet, locals.session = fleet, session
end

--- The fleet and the session of the running task; made with the defaults when there is none.
function fanout.current()
  local locals = require("perilune.core.sched").locals()
  if locals.loading then
    require("perilune.blame").raise("hosts cannot be reached from the file of a recipe: only its "
      .. "run(t, o) may")
  end
  if not locals.fleet then locals.fleet = require("perilune.fleet").default() end
  if not locals.session then
    locals.session = require("perilune.session").begin { kind = "lua", name = "lua" }
  end
  return locals.fleet, locals.session
end

-- ---- starting ------------------------------------------------------------------------------

local function first_set(value, otherwise)
  if value == nil then return otherwise end
  return value
end

--- Fills what a run's spec leaves open from a fleet and a session, and starts it.
---@param spec table as for perilune.core.run.start
---@return userdata? run
---@return string? message
function fanout.start(fleet, session, spec)
  local settings = fleet.settings
  spec.transport = fleet.transport
  spec.spill_dir = session:spill_dir()
  spec.secrets = require("perilune.secret").words()
  for _, name in ipairs { "fanout", "timeout", "idle_timeout", "retries", "fail_fast",
                          "max_fail" } do
    spec[name] = first_set(spec[name], settings[name])
  end
  if (spec.kind or "exec") == "exec" then spec.sudo = first_set(spec.sudo, settings.sudo) end
  if settings.fanout_most then spec.fanout = math.min(spec.fanout, settings.fanout_most) end
  if not spec.gang then spec.serial = first_set(spec.serial, settings.serial) end
  local run, message = require("perilune.recall").start(session, spec)
  if run and session.on_start then session.on_start(run, spec) end
  return run, message
end

-- Whoever stops waiting (cancelled, timed out) leaves nothing running behind.
local Ending = {
  __close = function(ending)
    if ending.run:ended() then return end
    ending.run:cancel()
    ending.run:wait()
  end,
}

--- Waits for the end of a run; the session of this task hears of it. A wait that is cut short
--- cancels the run and still waits for its end.
function fanout.wait(run)
  local _ <close> = setmetatable({ run = run }, Ending)
  run:wait()
  local _, session = fanout.current()
  if session.on_end then session.on_end(run) end
  session:check()
  return run
end

--- The worse of two exit statuses, in the order of the contract.
---@return integer
function fanout.worse_status(a, b)
  return require("perilune.core.run").exit_status_worse(a, b)
end

--- 130 or 143 once a signal asked to end, else nil.
---@return integer?
function fanout.interrupted_status()
  local _, status = require("perilune.core.sched").interrupted()
  return status
end

return fanout
