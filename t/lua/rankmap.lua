-- perilune.core.rankmap: maps as Lua sees them.
local rankmap = require "perilune.core.rankmap"
local spec = require "spec"
local topo = require "perilune.topo"

local machine = assert(topo.tree("4:2:2", "1:3:10"))

local function place(job, fields)
  local request = { topo = machine, job = job }
  for key, value in pairs(fields or {}) do request[key] = value end
  return rankmap.place(request)
end

spec.test("wrong use raises and says what would be right", function()
  spec.raises("did you mean 'dp'", place, "dq=4")
  spec.raises("did you mean 'torchrun'", place, "dp=4", { launcher = "torchrn" })
  spec.raises("one of best, keep-order, aligned", place, "dp=4", { strategy = "magic" })
  spec.raises("unknown key 'jub' (did you mean 'job'?)", place, "dp=4", { jub = 1 })
  spec.raises("ranks 0 to 3", function() return place("dp=4"):host(4) end)
  spec.raises("did you mean 'vector'", function() return place("dp=4"):format("vectr") end)
end)

spec.test("too few GPUs are no mistake of the caller", function()
  local map, message, code = place "dp=17"
  spec.equal(map, nil)
  spec.contains(message, "the nearest size that fits is dp=16")
  spec.equal(code, "noent")
end)

spec.test("a map tells where each rank is", function()
  local map = place "tp=4 dp=2"
  spec.equal(map.size, 8)
  spec.equal(#map, 8)
  spec.equal(map.ok, true)
  spec.equal(map:must(), map)
  spec.equal(map:host(5), "n1")
  spec.equal(map:gpu(5), 1)
  spec.equal(map:rank(5), { rank = 5, host = "n1", gpu = 1, local_rank = 1, node_rank = 1, pe = 5 })
  spec.equal(tostring(map:hosts()), "n[0-1]")
  local seen = {}
  for rank, where in map:each() do seen[#seen + 1] = rank + where.pe end
  spec.equal(seen, { 0, 2, 4, 6, 8, 10, 12, 14 })
end)

spec.test("moves are the ranks that another map has elsewhere", function()
  local hosts = require "perilune.core.hostset"
  local a = place("tp=4 dp=2", { hosts = hosts.parse "n0,n1" })
  local b = place("tp=4 dp=2", { hosts = hosts.parse "n0,n2" })
  local moves = a:moves(b)
  spec.equal(#moves, 4)
  spec.equal({ moves[1].rank, moves[1].from.host, moves[1].to.host }, { 4, "n1", "n2" })
  spec.equal(#a:moves(a), 0)
  spec.raises("one map has 8 ranks, the other 4", function() return a:moves(place "dp=4") end)
end)

spec.test("a picture is one of the formats", function()
  local text = place("dp=4"):format("svg")
  spec.contains(text, "<svg")
  spec.contains(text, "</svg>")
end)

spec.test("a map keeps its machine", function()
  local map = rankmap.place { topo = topo.tree("2:2", "1:2"), job = "dp=4" }
  collectgarbage()
  collectgarbage()
  spec.equal(map:format "vector", "0\n1\n2\n3\n")
  spec.equal(map:topo():counts(), "2 hosts, 4 GPUs")
end)

spec.test("costs compare the map with the order given and the bound", function()
  local cost = place("tp=4 dp=2"):cost()
  spec.equal(cost.step == cost.baseline and cost.lower_bound <= cost.step, true)
end)

return spec.done()
