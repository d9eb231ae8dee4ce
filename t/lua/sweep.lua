-- Sweeps: axes from text, and the points they make.
local spec = require "spec"
local sweep = require "perilune.sweep"

local OPTIONS = {
  bytes = { type = "size", default = "1M", min = 4 },
  n = { type = "int", default = 2, min = 1, max = 64 },
  ratio = { type = "number" },
  pause = { type = "duration" },
  algo = { type = "choice", choices = { "ring", "tree" } },
  pool = { type = "hostlist", unresolved = true },
}

local function texts(axis, message)
  assert(axis, message)
  return table.concat(axis.texts, " ")
end

-- ---- misuse ----

local REFUSED = {
  { "bytes", "is no sweep; write NAME=v1,v2" },
  { "=1", "is no sweep" },
  { "bites=1,2", "no option 'bites' to sweep (did you mean 'bytes'?)" },
  { "n=1,two", "'n' must be a whole number, not 'two'" },
  { "n=0,1", "'n' must be at least 1" },
  { "n=1..65:+1", "'n' must be at most 64" },
  { "n=1..4", "the range 1..4 needs a step: 1..4:x2 multiplies, 1..4:+1 adds" },
  { "n=1..4:y2", "the range 1..4:y2 needs a step: 1..4:x2 multiplies, 1..4:+1 adds" },
  { "n=8..1:+1", "the range 8..1 of 'n' runs backwards" },
  { "n=1..8:x1", "the step x1 of 'n' never reaches the end" },
  { "n=1..8:+0", "never reaches the end" },
  { "n=1..8:xx", "must be a number" },
  { "ratio=0..8:x2", "multiplies from 0 and never ends" },
  { "ratio=0..1:+0.0000001", "more than 100000 values" },
  { "algo=ring..tree:+1", "'algo' is a choice and has no ranges" },
  { "algo=ring,tre", "did you mean 'tree'?" },
}
for _, case in ipairs(REFUSED) do
  spec.test(("--sweep %s is refused"):format(case[1]), function()
    spec.refuses(case[2], sweep.parse_axis(case[1], OPTIONS))
  end)
end

-- ---- axes ----

local AXES = {
  { "n=1,2,8", "1 2 8" },
  { "n=1..8:x2", "1 2 4 8" },
  { "n=1..10:x2", "1 2 4 8" },
  { "n=1..10:+4", "1 5 9" },
  { "n=4..4:x2", "4" },
  { "n=1..4:x1.5", "1 2 3" },
  { "bytes=64K..1M:x4", "64K 256K 1M" },
  { "bytes=1M..2M:+512K", "1M 1536K 2M" },
  { "ratio=0..1:+0.25", "0 0.25 0.5 0.75 1" },
  { "ratio=0.1..1:+0.1", "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1" },
  { "pause=1s..4s:x2", "1s 2s 4s" },
  { "algo=ring,tree", "ring tree" },
  { "pool=a[1,3],b1", "a[1,3] b1" },
}
for _, case in ipairs(AXES) do
  spec.test(("--sweep %s has the values %s"):format(case[1], case[2]), function()
    spec.equal(texts(sweep.parse_axis(case[1], OPTIONS)), case[2])
  end)
end

spec.test("sizes are integers in Lua", function()
  local axis = sweep.parse_axis("bytes=1K..4K:x2", OPTIONS)
  spec.equal(math.type(axis.values[2]), "integer")
  spec.equal(axis.values, { 1024, 2048, 4096 })
end)

-- ---- points ----

local function names(points)
  local out = {}
  for i, point in ipairs(points) do out[i] = point.name end
  return table.concat(out, " ")
end

local N, B = sweep.axis("n", { 1, 2 }), sweep.axis("b", { 10, 20, 30 })
local C = sweep.axis("c", { 7, 8, 9 })

spec.test("without axes there is one point", function()
  spec.equal(sweep.points {}, { { index = 1, name = "all", values = {} } })
end)
spec.test("axes multiply, the last varying fastest", function()
  spec.equal(names(sweep.points { N, B }),
    "n=1,b=10 n=1,b=20 n=1,b=30 n=2,b=10 n=2,b=20 n=2,b=30")
end)
spec.test("zipped axes go side by side", function()
  spec.equal(names(sweep.points({ B, N, C }, { { "b", "c" } })),
    "b=10,c=7,n=1 b=10,c=7,n=2 b=20,c=8,n=1 b=20,c=8,n=2 b=30,c=9,n=1 b=30,c=9,n=2")
end)
spec.test("axes of different lengths cannot be zipped", function()
  spec.refuses("'n' has 2 values and 'b' has 3: they cannot be zipped",
    sweep.points({ N, B }, { { "n", "b" } }))
end)
spec.test("a zip of what is not swept is refused", function()
  spec.refuses("'x' is zipped but not swept", sweep.points({ N }, { { "n", "x" } }))
end)
spec.test("an axis given twice is refused", function()
  spec.refuses("'n' is swept twice", sweep.points { N, N })
end)
spec.test("too many points are refused before they are made", function()
  local big = {}
  for i = 1, 1001 do big[i] = i end
  spec.refuses("more than 1000000 points",
    sweep.points { sweep.axis("p", big), sweep.axis("q", big) })
end)
spec.test("--only finds a point by number and by name in any order", function()
  local points = sweep.points { N, B }
  spec.equal(sweep.find(points, "4").name, "n=2,b=10")
  spec.equal(sweep.find(points, "b=30,n=1").index, 3)
  spec.refuses("no point 'n=3,b=10' among 6", sweep.find(points, "n=3,b=10"))
end)

return spec.done()
