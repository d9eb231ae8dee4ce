-- Rehearsals: what is drawn, what goes wrong, and what a record answers.
local spec = require "spec"

local chance = require "perilune.chance"
local faults = require "perilune.faults"
local hostset = require "perilune.core.hostset"
local outages = require "perilune.outages"
local recorded = require "perilune.recorded"
local rehearsal = require "perilune.rehearsal"
local responders = require "perilune.responders"

-- ---- what is drawn ----

local function sample(written, n)
  local d, s, values = assert(chance.distribution(written)), chance.stream(1, "x"), {}
  for i = 1, n or 20000 do values[i] = d:draw(s) end
  return values
end

local function mean_and_sd(values)
  local sum, squares = 0, 0
  for _, v in ipairs(values) do sum, squares = sum + v, squares + v * v end
  local mean = sum / #values
  return mean, math.sqrt(squares / #values - mean * mean)
end

local function close(value, wanted, by)
  if math.abs(value - wanted) > by then error(("%g, not %g"):format(value, wanted), 2) end
end

local MOMENTS = {
  { "constant", { "constant", value = "2s" }, 2, 0 },
  { "a duration", "200ms", 0.2, 0 },
  { "uniform", { "uniform", min = 1, max = 3 }, 2, math.sqrt(1 / 3) },
  { "normal", { "normal", mean = 10, sd = 2 }, 10, 2 },
  { "exponential", { "exponential", mean = "10s" }, 10, 10 },
  { "lognormal", { "lognormal", median = 1, sigma = 0.5 }, math.exp(0.125),
    math.sqrt((math.exp(0.25) - 1) * math.exp(0.25)) },
}
for _, case in ipairs(MOMENTS) do
  spec.test(case[1] .. ": mean and deviation of what is drawn", function()
    local mean, sd = mean_and_sd(sample(case[2]))
    close(mean, case[3], 0.03 * case[3])
    close(sd, case[4], 0.05 * case[3])
  end)
end
spec.test("bounds hold, and nothing is below 0", function()
  for _, v in ipairs(sample({ "normal", mean = 1, sd = 5 }, 1000)) do assert(v >= 0) end
  for _, v in ipairs(sample({ "exponential", mean = 5, min = 2, max = 4 }, 1000)) do
    assert(v >= 2 and v <= 4)
  end
end)
spec.test("the same seed and name draw the same, others do not", function()
  local function first(...) return chance.stream(...):next() end
  spec.equal(first(1, "a"), first(1, "a"))
  assert(first(1, "a") ~= first(2, "a") and first(1, "a") ~= first(1, "b"))
end)

local BAD = {
  { { "nromal", mean = 1, sd = 1 }, "did you mean 'normal'?" },
  { { "normal", mean = 1 }, "normal needs 'sd'" },
  { { "normal", mean = 1, sd = 1, sigma = 1 }, "normal has no 'sigma'" },
  { { "uniform", min = 3, max = 1 }, "min is more than max" },
  { { "exponential", mean = "soon" }, "'soon' is no duration" },
  { -1, "'-1' is no duration" },
  { true, "'true' is no duration" },
}
for _, case in ipairs(BAD) do
  spec.test("a distribution is refused: " .. case[2], function()
    spec.refuses(case[2], chance.distribution(case[1]))
  end)
end

-- ---- outages ----

local function seconds(value) return assert(chance.distribution(value)) end

spec.test("outages come as often and last as long as they should", function()
  local process, away, n = outages.process(chance.stream(3, "x"), 900, seconds(100)), 0, 0
  for now = 0, 1000000, 10 do
    local from = process:at(now)
    if from <= now then away = away + 1 end
    n = n + 1
  end
  close(away / n, 0.1, 0.01)
end)
spec.test("an outage without an end never ends", function()
  local process = outages.process(chance.stream(1, "x"), 10)
  local from, to = process:at(0)
  spec.equal({ process:at(from + 1e9) }, { from, to })
end)

local function befall(host, now, reply)
  host.away, host.hangs = host.away or {}, host.hangs or {}
  return outages.befall(host, now, reply, 10)
end
local REPLY = { stdout = "x", seconds = 5 }
local BEFALLS = {
  { "nothing", {}, 0, REPLY, { stdout = "x", seconds = 5 } },
  { "slowness", { factor = 3 }, 0, REPLY, { stdout = "x", seconds = 15 } },
  { "a loss midway", { away = { outages.once(2, 9) } }, 0, REPLY, { drop = true, seconds = 2 } },
  { "a loss that slowness lets happen", { factor = 2, away = { outages.once(8, 9) } }, 0, REPLY,
    { drop = true, seconds = 8 } },
  { "a loss just after", { away = { outages.once(5, 9) } }, 0, REPLY,
    { stdout = "x", seconds = 5 } },
  { "an absence", { away = { outages.once(2, 9) } }, 3, REPLY,
    { refuse = "unreachable", phase = "connect", seconds = 10 } },
  { "a return", { away = { outages.once(2, 9) } }, 9, REPLY, { stdout = "x", seconds = 5 } },
  { "a hang", { hangs = { outages.once(4, 4.1) } }, 0, REPLY, { hang = true } },
  { "a hang that is over", { hangs = { outages.once(4, 4.1) } }, 5, REPLY,
    { stdout = "x", seconds = 5 } },
  { "a hang, and then a loss", { hangs = { outages.once(1, 2) }, away = { outages.once(50, 60) } },
    0, REPLY, { drop = true, seconds = 50 } },
  { "an own hang, and then a loss", { away = { outages.once(50, 60) } }, 0, { hang = true },
    { drop = true, seconds = 50 } },
  { "an own refusal", { factor = 2 }, 0, { refuse = "auth" }, { refuse = "auth" } },
}
for _, case in ipairs(BEFALLS) do
  spec.test("what befalls a command: " .. case[1], function()
    spec.equal(befall(case[2], case[3], case[4]), case[5])
  end)
end

-- ---- profiles ----

local function mistake(profile) return faults.mistake(profile) end

local WRONG = {
  { "x", "it returns no table" },
  { { hnag = {} }, "a fault profile has no 'hnag' (did you mean 'hang'?)" },
  { { hang = {} }, "hang: it needs per_hour" },
  { { crash = { per_hour = -1 } }, "crash: it needs per_hour" },
  { { crash = { per_hour = 1, bakc = 1 } }, "crash: it has no 'bakc' (did you mean 'back'?)" },
  { { crash = { per_hour = 1, back = "soon" } }, "back: 'soon' is no duration" },
  { { crash = { per_hour = 1, hosts = "n[1-" } }, "crash: " },
  { { slow = { share = 2 } }, "slow: it needs share, from 0 to 1" },
  { { rack = { per_hour = 1, size = 0 } }, "rack: size is a number of hosts" },
  { { events = { { fault = "crahs" } } }, "did you mean 'crash'?" },
  { { events = { { fault = "crash", att = 1 } } }, "event 1: it has no 'att' (did you mean 'at'?)" },
}
for _, case in ipairs(WRONG) do
  spec.test("a profile is refused: " .. case[2], function()
    spec.contains(mistake(case[1]), case[2])
  end)
end

local function profile_on(profile, hosts, seed)
  spec.equal(mistake(profile), nil)
  return faults.new(profile, { hosts = assert(hostset.parse(hosts)), seed = seed or 1,
    patience = 10 })
end

-- How many of the hosts something befalls at `now`.
local function count_hit(made, hosts, now)
  local n = 0
  for _, host in assert(hostset.parse(hosts)):each() do
    if made:befall(host, now, REPLY) ~= REPLY then n = n + 1 end
  end
  return n
end

spec.test("an event hits its hosts, others not", function()
  local made = profile_on({ events = { { at = 2, fault = "cut", hosts = "n[2-3]" } } }, "n[1-4]")
  local hit = {}
  for i = 1, 4 do hit[i] = made:befall("n" .. i, 0, REPLY).drop or false end
  spec.equal(hit, { false, true, true, false })
  spec.equal(made:befall("n2", 33, REPLY), REPLY)
end)
spec.test("a rack outage takes the hosts of one rack together, by lot", function()
  local profile, lots = { events = { { fault = "rack", size = 4, back = "1h" } } }, {}
  for seed = 1, 20 do
    local made = profile_on(profile, "n[1-16]", seed)
    spec.equal(count_hit(made, "n[1-16]", 1), 4)
    for i = 1, 16, 4 do
      local n = count_hit(made, ("n[%d-%d]"):format(i, i + 3), 1)
      assert(n == 0 or n == 4)
      if n == 4 then lots[i] = true end
    end
  end
  assert(next(lots, next(lots)), "always the same rack")
end)
spec.test("racks go away at a rate of their own", function()
  local made = profile_on({ rack = { per_hour = 1, size = 4, back = "1h" } }, "n[1-400]")
  for i = 1, 400, 4 do
    local n = count_hit(made, ("n[%d-%d]"):format(i, i + 3), 36000)
    assert(n == 0 or n == 4)
  end
end)
spec.test("slow hosts are a share, the same for the same seed", function()
  local profile = { slow = { share = 0.25, factor = 4 } }
  local made, again = profile_on(profile, "n[1-2000]", 7), profile_on(profile, "n[1-2000]", 7)
  local n = count_hit(made, "n[1-2000]", 0)
  close(n, 500, 60)
  spec.equal(count_hit(again, "n[1-2000]", 0), n)
end)
spec.test("the racks are those of the cluster", function()
  local cluster = assert(require("perilune.cluster").load("gb300-nvl72:racks=4,su=2"))
  local made = faults.new({ events = { { fault = "rack" } } }, { hosts = cluster.hosts,
    cluster = cluster, seed = 1, patience = 10 })
  spec.equal(count_hit(made, cluster.hosts:fold(), 1), 18)
end)
spec.test("a rack outage without racks is refused", function()
  local _, e = pcall(profile_on, { rack = { per_hour = 1 } }, "n[1-4]")
  spec.contains(tostring(e), "needs a cluster (-C) with a level 'rack'")
end)
spec.test("every profile that is shipped is right", function()
  for _, name in ipairs(faults.names()) do
    assert(faults.load(name).summary, name)
    profile_on(faults.load(name), "n[1-40]")
  end
end)

-- ---- answers ----

local function fleet() return { hosts = assert(hostset.parse "n[1-4]"), connect_timeout = 10 } end
local function answer(settings) return rehearsal.responder(settings, fleet()) end

spec.test("nobody to ask where nobody answers", function() spec.equal(answer {}, nil) end)
spec.test("the test answers before the recipe, the recipe before the cluster", function()
  local function says(text) return { { match = "^" .. text, reply = { stdout = text } } } end
  local function responder(sim) return { sim = sim,
    responder = function() return responders.answer(sim, error) end } end
  local where = fleet()
  where.cluster = { sim = { { match = ".", reply = { stdout = "cluster" } } } }
  local ask = rehearsal.responder({ sim = says "ab", recipe = responder(says "a") }, where)
  local said = {}
  for i, cmd in ipairs { "ab", "a", "b" } do said[i] = ask("n1", 0, cmd).stdout end
  spec.equal(said, { "ab", "a", "cluster" })
end)
spec.test("times are drawn by host, whatever other hosts draw", function()
  local sim = { seconds = { "uniform", min = 1, max = 2 } }
  local a, b = answer { sim = sim, seed = 4 }, answer { sim = sim, seed = 4 }
  b("n2", 0, "x")
  spec.equal(a("n1", 0, "x").seconds, b("n1", 0, "x").seconds)
  assert(a("n1", 0, "x").seconds ~= a("n1", 0, "x").seconds)
end)
spec.test("words are one line to a responder", function()
  local ask = answer { sim = { { match = "^a b$", reply = { code = 7 } } } }
  spec.equal(ask("n1", 0, { "a", "b" }).code, 7)
end)

-- ---- a record ----

local EVENTS = {
  { ev = "call", call = 1, kind = "exec", command = "date" },
  { ev = "result", call = 1, host = "n1", outcome = "ok", code = 0, seconds = 1, stdout = "1\n" },
  { ev = "result", call = 1, host = "n2", outcome = "exit", code = 3, seconds = 2,
    stderr_base64 = "/wBh" },
  { ev = "call", call = 2, kind = "exec", argv = { "date" } },
  { ev = "result", call = 2, host = "n1", outcome = "unreachable", phase = "connect", seconds = 9 },
  { ev = "call", call = 3, kind = "put" },
  { ev = "result", call = 3, host = "n1", outcome = "ok", seconds = 1 },
  { ev = "call", call = 4, kind = "exec", command = "sleep" },
  { ev = "result", call = 4, host = "n1", outcome = "timeout", seconds = 60 },
  { ev = "result", call = 4, host = "n2", outcome = "canceled", seconds = 60 },
}
local function record() return recorded.read(EVENTS, "/nowhere") end
spec.test("a record answers by host and text, in its order, the last again", function()
  local r = record()
  spec.equal(r:answer("n1", "date").stdout, "1\n")
  for _ = 1, 2 do
    spec.equal(r:answer("n1", "date"), { refuse = "unreachable", phase = "connect", seconds = 9 })
  end
  spec.equal(r:answer("n2", "date"), { code = 3, seconds = 2, stderr = "\255\0a" })
end)
spec.test("on another host it answers by text, in turn; to what it has not, nothing", function()
  local r = record()
  spec.equal({ r:answer("n9", "date").stdout, r:answer("n9", "date").code }, { "1\n", 3 })
  spec.equal({ r:answer("n1", "sleep"), r:answer("n1", "uptime") }, { { hang = true } })
end)

return spec.done()
