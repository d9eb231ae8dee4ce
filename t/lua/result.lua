-- Results: one rule for failure, result sets over a run, reasons folded.
local hostset = require "perilune.core.hostset"
local reasons = require "perilune.reasons"
local result = require "perilune.result"
local spec = require "spec"

-- A run that has ended, made of these entries.
local function ended_run(entries)
  local run = {}
  function run.count() return #entries end
  function run.result(_, i) return entries[i] end
  function run.outcome(_, i) return entries[i].outcome end
  function run.status() return run.summary().ok == #entries and 0 or 3 end
  function run.summary()
    local ok = 0
    for _, entry in ipairs(entries) do ok = ok + (entry.outcome == "ok" and 1 or 0) end
    return { tasks = #entries, ended = #entries, ok = ok }
  end
  function run.find(_, host)
    for i, entry in ipairs(entries) do
      if entry.host == host then return i end
    end
  end
  function run.fold()
    return { { hosts = hostset.new { "n1", "n2" }, indexes = { 1, 2 }, stdout = "x\n" },
             { hosts = hostset.new { "n3" }, indexes = { 3 }, stderr = "e\n" } }
  end
  return run
end

local MIXED = {
  { host = "n1", outcome = "ok", stdout = "a=1\n" },
  { host = "n2", outcome = "unreachable", phase = "connect", why = "refused", detail = "n2 port 22" },
  { host = "n3", outcome = "unreachable", phase = "connect", why = "refused", detail = "n3 port 22" },
  { host = "ok", outcome = "exit", code = 4 },
}

spec.test("must() on a failed result raises what it says, with status and place", function()
  local ok, e = pcall(function() result.failed { why = "no power", status = 3 }:must() end)
  spec.equal(ok, false)
  spec.equal(e.kind, "must")
  spec.equal(e.status, 3)
  spec.equal(tostring(e), "no power")
  spec.contains(e.where, "result.lua:")
end)

spec.test("must() on a good result is that result", function()
  local good = result.passed { path = "/x" }
  spec.equal(good:must() == good, true)
  spec.equal(good.path, "/x")
end)

spec.test("a set of good results is ok, and has no why", function()
  local set = result.of_run(ended_run { { host = "n1", outcome = "ok" } })
  spec.equal(set.ok, true)
  spec.equal(set.why, nil)
  spec.equal(set.status, 0)
  spec.equal(set:must() == set, true)
  spec.equal(#set:failures(), 0)
  spec.equal(tostring(set), "1 host ok")
end)

spec.test("a set is indexed by number and by host, also one called like a field", function()
  local set = result.of_run(ended_run(MIXED))
  spec.equal(#set, 4)
  spec.equal(set[1].host, "n1")
  spec.equal(set[5], nil)
  spec.equal(set["n3"].why, "refused")
  spec.equal(set.n1.ok, true)
  spec.equal(set.nowhere, nil)
  spec.equal(set.ok, false)
  spec.equal(set:get("ok").code, 4)
end)

spec.test("failures are a set of their own", function()
  local bad = result.of_run(ended_run(MIXED)):failures()
  spec.equal(#bad, 3)
  spec.equal(bad[1].host, "n2")
  spec.equal(bad.n1, nil)
  spec.equal(bad.n3.ok, false)
  spec.equal(bad.status, 3)
  spec.equal(bad.phase, "connect")
  spec.equal(bad.hosts:fold(), "n[2-3],ok")
  local hosts = {}
  for host in bad:each() do hosts[#hosts + 1] = host end
  spec.equal(table.concat(hosts, " "), "n2 n3 ok")
end)

spec.test("equal reasons are one line, the most frequent first; a host alone is told with its detail", function()
  local list = reasons.fold(ended_run(MIXED), { 2, 3, 4 })
  spec.equal(#list, 2)
  spec.equal(list[1].line, "unreachable (connect: refused): n[2-3]")
  spec.equal(list[2].line, "exit 4: ok")
  local set = result.of_run(ended_run(MIXED))
  spec.equal(set.why, list[1].line .. "; " .. list[2].line)
  spec.equal(reasons.fold(ended_run(MIXED), { 2 })[1].line,
    "unreachable (connect: refused; n2 port 22): n2")
end)

spec.test("a fold prints like --gather", function()
  local rule = ("-"):rep(15)
  local text = tostring(result.of_run(ended_run(MIXED)):fold())
  spec.equal(text, ("%s\nn[1-2] (2)\n%s\nx\n%s\nn3\n%s\ne\n"):format(rule, rule, rule, rule))
end)

return spec.done()
