-- Transports as Lua sees them; simulated hosts answered by a function.
local tap = require "tap"
local sched = require "perilune.core.sched"
assert(sched.virtual_time())
local transport = require "perilune.core.transport"
local run = require "perilune.core.run"
local hostset = require "perilune.core.hostset"

-- misuse

tap.raises("did you mean 'user'", "an unknown key of ssh suggests", transport.ssh, { usr = "x" })
tap.raises("'strict' or 'accept%-new'", "a policy that does not exist", transport.ssh, { hostkey = "no" })
tap.raises("seconds", "a time below zero", transport.ssh, { connect_timeout = -1 })
tap.raises("unknown key", "an unknown key of sim", transport.sim, { responders = print })
tap.raises("function expected", "a responder that is no function", transport.sim, { responder = 1 })
do
  local tp = transport["local"]()
  tap.is(tp:name(), "local", "it has a name")
  tap.raises("invalid option", "a capability that does not exist", tp.can, tp, "fly")
  tap.raises("only ssh", "local has no targets", tp.target, tp, "h")
  tap.is(tp:stats(), {}, "and counts nothing")
  tp:close()
  tp:close()
  tap.raises("closed", "a closed transport is refused", tp.name, tp)
end
tap.like(select(2, transport.ssh { config = "none" }), "time", "real hosts are refused on virtual time")

-- answers

local REPLIES = {
  n1 = function() return nil end,
  n2 = function() return { stdout = "out\0\n", stderr = "err\n", code = 3, seconds = 5 } end,
  n3 = function() return { signal = "KILL" } end,
  n4 = function() return { refuse = "auth" } end,
  n5 = function() return { drop = true, seconds = 1 } end,
  n6 = function() sched.sleep(1) end,
}
local asked = {}

local function start(responder, hosts, spec)
  spec.transport = transport.sim { responder = responder }
  spec.id, spec.kind, spec.hosts = "t", "exec", hostset.parse(hosts)
  return run.start(spec)
end

do
  local before = sched.now()
  local r = start(function(host, index, command)
    asked[#asked + 1] = { host, index, command }
    return REPLIES[host]()
  end, "n[1-5]", { argv = { "a", "b c" } })
  r:wait()
  local function part(i)
    local entry = r:result(i)
    return { entry.outcome, entry.code, entry.signal, entry.stdout, entry.stderr }
  end
  tap.is(asked[2], { "n2", 0, { "a", "b c" } }, "the function is told host, index and command")
  tap.is(r:result(1).outcome, "ok", "no answer is success")
  tap.is(part(2), { "exit", 3, nil, "out\0\n", "err\n" }, "output and exit code")
  tap.is({ r:result(3).outcome, r:result(3).signal }, { "signal", "KILL" }, "a signal")
  tap.is(r:result(4).outcome, "auth", "a refusal")
  tap.is(r:result(5).outcome, "lost", "a lost connection")
  tap.is(sched.now() - before, 5.0, "it took the time it said, exactly")
end

-- an answer that waits (those that are wrong end the program with status 2: see t0200-host.t)

do
  local r = start(function()
    local _, err = pcall(REPLIES.n6)
    return { code = 255, stderr = err }
  end, "n6", { line = "x" })
  r:wait()
  tap.like(r:result(1).stderr, "sleep cannot wait inside a simulated reply", "a responder cannot wait")
end

-- many

do
  local n = 0
  local r = start(function() n = n + 1 return { stdout = "hi\n" } end, "m[1-20000]", { line = "x" })
  r:wait()
  tap.is({ n, r:summary().ok }, { 20000, 20000 }, "every host is asked once")
end

return tap.done()
