-- limits.lua - what an administrator allows at most, in `limits` of /etc/perilune/config.lua. A
-- person's own file may tighten it; nothing loosens it: no option, no environment, no cluster file,
-- no recipe. Who asked for more is told.

local limits = {}

--- What may stand in `limits`. The last three have one value that means anything: "strict", true.
limits.options = {
  { "fanout", type = "int", min = 1 },
  { "sessions", type = "int", min = 1 },
  { "connect_rate", type = "number", min = 0.001 },
  { "max_auth_fail", type = "int", min = 1 },
  { "host_key", type = "choice", choices = { "strict", "accept-new" } },
  { "supervisor", type = "bool" },
  { "audit", type = "bool" },
}

-- Whether the limit `a` allows less than `b`.
local function is_tighter(a, b)
  if type(a) == "number" then return a < b end
  if type(a) == "boolean" then return a and not b end
  return a == "strict" and b ~= "strict"
end

--- Takes the limits of one more file in: of two the tighter one holds.
---@param into table<string, { value: any, file: string }>
---@param values table what the file says
function limits.merge(into, values, file)
  for name, value in pairs(values) do
    if not into[name] or is_tighter(value, into[name].value) then
      into[name] = { value = value, file = file }
    end
  end
end

local function tell(limit, fmt, ...)
  require("perilune.terminal").note("%s by %s", fmt:format(...), limit.file)
end

-- nil means what the program does by itself, which may be more than the limit.
local function hold_number(values, name, limit, asked)
  if not limit or (values[name] and values[name] <= limit.value) then return end
  if asked then tell(limit, "%s is limited to %s", name, limit.value) end
  values[name] = limit.value
end

local function hold_host_key(values, limit, asked)
  if not limit or limit.value ~= "strict" or values.host_key == "strict" then return end
  if asked then tell(limit, "host_key is kept strict") end
  values.host_key = "strict"
end

-- Who writes the log is the supervisor: what asks for the one asks for the other.
local function held_supervisor(held)
  if held.supervisor and held.supervisor.value then return held.supervisor end
  return held.audit and held.audit.value and held.audit or nil
end

local NUMBERS = { "fanout", "sessions", "connect_rate", "max_auth_fail" }

--- Makes values of the FLEET options keep the limits.
---@param values table<string, any>
---@param held table<string, { value: any, file: string }> from config.load
---@param given table<string, boolean> what was asked for on the command line
function limits.hold(values, held, given)
  for _, name in ipairs(NUMBERS) do hold_number(values, name, held[name], given[name]) end
  hold_host_key(values, held.host_key, given.host_key)
  local watcher = held_supervisor(held)
  if watcher and values.no_supervisor then
    if given.no_supervisor then tell(watcher, "the supervisor is asked for") end
    values.no_supervisor = nil
  end
  if held.audit and held.audit.value then
    if given.audit and not values.audit then tell(held.audit, "audit is asked for") end
    values.audit = true
  end
end

return limits
