-- The environment of a recipe.
local tap = require "tap"
local sandbox = require "perilune.sandbox"
local sys = require "perilune.core.sys"

local function run(text, dir)
  return sandbox.load(text, "=recipe", dir)()
end

tap.raises("^recipe:1:.*expected", "a syntax error is raised with its line", run, "return = 3")
tap.raises("^recipe:2: undefined variable 'prnt' %(did you mean 'print'%?%)",
  "an undefined variable is an error with a suggestion", run, "\nprnt('x')")
tap.raises("^recipe:1: assignment to undeclared variable 'x': write local x",
  "a function cannot make globals", run, "local function f() x = 1 end f()")
tap.is(run "x = 1 local function f() x = x + 1 end f() return x", 2, "the body of a file can")
for _, name in ipairs { "os.execute", "os.exit", "io.popen", "io.read", "dofile" } do
  tap.raises("^recipe:1: " .. name .. " is not there", name .. " is refused", run, name .. "('x')")
end
tap.raises("^recipe:1: bad argument #1 to 'pairs' %(table expected, got nil%)",
  "pairs of nil names the line", run, "for _ in pairs(nil) do end")

-- fixed order

tap.is(run [[
  local t, keys = { z = 1, [3] = 1, a = 1, [1] = 1, [2.5] = 1, [true] = 1, [-7] = 1 }, {}
  for k in pairs(t) do keys[#keys + 1] = tostring(k) end
  return table.concat(keys, " ")
]], "-7 1 2.5 3 a z true", "pairs visits numbers, then strings, then the rest")
tap.is(run [[
  local t, n = { a = 1, b = 2, c = 3 }, 0
  for k in pairs(t) do n = n + 1 t.b = nil t.c = nil end
  return n
]], 1, "what is removed on the way is left out")
tap.is(run [[
  local t = setmetatable({}, { __pairs = function() return function(_, k) return not k and 9 or nil end end })
  for k in pairs(t) do return k end
]], 9, "__pairs is honoured")

-- isolation

run "string.rep = nil math.pi = 3 undefined_here = 1"
tap.ok(string.rep and math.pi > 3 and rawget(_G, "undefined_here") == nil,
  "what a recipe does to the library stays with it")
tap.is(run "return _G == _ENV and load('return 2')()", 2, "load is in the same environment")
tap.is(run "return load('return y', 'n', 't', { y = 5 })()", 5, "or in the one it is given")

-- require

do
  local dir = sys.mkdtemp "/tmp/perilune-sandbox."
  sys.write_file(dir .. "/part.lua", "count = (rawget(_G, 'count') or 0) + 1 return { n = count }")
  sys.write_file(dir .. "/waits.lua", "require('perilune.core.sched').sleep(0)")
  tap.is(run("local a, b = require 'part', require 'part' return a == b and a.n", dir), 1,
    "require finds what lies beside the recipe, once")
  tap.raises("sleep cannot wait inside require", "no wait inside require", run, "require 'waits'", dir)
  tap.raises("module 'nowhere' not found: .*nowhere.lua", "a missing module says where it was sought",
    run, "require 'nowhere'", dir)
  tap.ok(run("return require 'perilune'", dir) == require "perilune", "ours are shared")
  sys.unlink(dir .. "/part.lua")
  sys.unlink(dir .. "/waits.lua")
  sys.rmdir(dir)
end

-- the same every time

do
  sandbox.seed(42)
  local a = run "return { math.random(1000), math.random(1000) }"
  sandbox.seed(42)
  tap.is(run "return { math.random(1000), math.random(1000) }", a, "the same seed, the same numbers")
end

return tap.done()
