-- address.lua - by which addresses the hosts of a run are known: what a rank says of the server it
-- was reached by can be compared with the host that a map names.

local result = require "perilune.result"

local address = {}

---@class perilune.Addresses: perilune.Result
local Addresses = setmetatable({}, { __index = result.class })
Addresses.__index = Addresses

--- Whether `where` is an address of the host.
---@param host string
---@param where any
---@return boolean
function Addresses:is(host, where)
  local known = self.by_host[host]
  return known ~= nil and known[tostring(where)] == true
end

local function is_literal(name)
  return name:find("^%d+%.%d+%.%d+%.%d+$") ~= nil or name:find(":", 1, true) ~= nil
end

-- The name that is looked up: a literal address of the host set is what the user means by the
-- host, whatever the SSH configuration makes of it.
local function name_of(transport, host)
  if is_literal(host) then return host end
  local target = transport:target(host)
  return target and target.hostname or host
end

-- All addresses of names, one lookup for many; getent is there wherever glibc or busybox is.
local function look_up(run, names)
  local found, words = {}, {}
  for name in pairs(names) do
    if is_literal(name) then
      found[name] = { [name] = true }
    elseif name:find("^[%w_.-]+$") then
      words[#words + 1] = name
    end
  end
  if #words == 0 then return found end
  table.sort(words)
  local one = run.here(("for n in %s; do getent ahosts $n | while read -r a rest; do "
    .. "echo \"$n $a\"; done; done"):format(table.concat(words, " ")), { timeout = 60 })
  for name, where in (one.stdout or ""):gmatch("(%S+) (%S+)") do
    found[name] = found[name] or {}
    found[name][where] = true
  end
  return found
end

--- The addresses of hosts; a failed result where the transport cannot tell hosts apart.
---@param t perilune.Point
---@param hosts userdata
---@return perilune.Addresses
function address.of(t, hosts)
  local transport = t.run.transport
  local by_host = {}
  if transport:name() == "sim" then
    for _, host in hosts:each() do by_host[host] = { [host] = true } end
    return setmetatable({ ok = true, by_host = by_host }, Addresses)
  end
  if not transport:can("places") or not transport:name():find "ssh$" then
    return result.failed { phase = "verify", why = ("over %s every host is this machine")
      :format(transport:name()) }
  end
  local names, wanted = {}, {}
  for _, host in hosts:each() do
    names[host] = name_of(transport, host)
    wanted[names[host]] = true
  end
  local found = look_up(t.run, wanted)
  for host, name in pairs(names) do by_host[host] = found[name] end
  return setmetatable({ ok = true, by_host = by_host }, Addresses)
end

return address
