-- progress.lua - who a run is waiting for, in words
local spec = require "spec"
local progress = require "perilune.progress"

local function waiting(entries)
  for i, entry in ipairs(entries) do
    entry.i, entry.host, entry.phase, entry.seconds = i, entry[1], entry[2], entry[3]
  end
  return progress.waiting_text { waiting = function() return entries end }
end

spec.test("who is waited for, in which phase, since when, the longest first", function()
  spec.equal(waiting {}, "waiting")
  spec.equal(waiting { { "n1", "", 3.2 } }, "waiting on n1 (starting, 3 s)")
  spec.equal(waiting { { "n1", "stream", 0.4 } }, "waiting on n1 (running)")
  spec.equal(waiting { { "n20", "stream", 94.3 }, { "n17", "kex", 12.1 }, { "n21", "stream", 90 } },
    "waiting on n[20-21] (running, idle 94 s), n17 (kex, 12 s)")
end)

spec.test("one that is stuck is not lost among many that only began", function()
  local entries = { { "slow", "connect", 29 } }
  for i = 1, 200 do entries[#entries + 1] = { "n" .. i, "connect", 0.1 + i / 1000 } end
  spec.equal(waiting(entries), "waiting on slow (connect, 29 s), n[1-200] (connect, 0 s)")
end)

spec.test("it stays a line, whoever is waited for", function()
  local entries = {}
  for i = 1, 60 do entries[i] = { ("host-%d-%d"):format(i * 7, i * i), "stream", 50 } end
  spec.equal(waiting(entries), "waiting on host-7-1 and 59 more (running, idle 50 s)")
  spec.equal(waiting { { "a", "connect", 100 }, { "b", "kex", 50 }, { "c", "auth", 20 },
    { "d", "open", 10 }, { "e", "open", 10 } }, "waiting on a (connect, 100 s), b (kex, 50 s), "
    .. "c (auth, 20 s), 2 more")
end)

spec.test("of copies: bytes, rate of late, time left; hosts to come are like those begun", function()
  local done, total, copies = 0, 0, 0
  local run = {
    copied = function() return done, total, copies end,
    summary = function() return { tasks = 8 } end,
  }
  local flow = progress.flow()
  spec.equal(flow:text(run, 0), nil)
  total, copies = 2 << 20, 2
  spec.equal(flow:text(run, 10), "0 of 8M")
  done = 1 << 20
  spec.equal(flow:text(run, 10.5), "1M of 8M, 2M/s, 4 s left")
  for i = 11, 40 do flow:text(run, i) end
  spec.equal(flow:text(run, 41), "1M of 8M, 0/s")
  done, total, copies = 8 << 20, 8 << 20, 8
  spec.equal(flow:text(run, 42), "8M of 8M, 1.4M/s")
end)

return spec.done()
