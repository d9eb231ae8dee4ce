-- What is inside the program, and how it is found.
local tap = require "tap"
local boot = require "perilune.core.boot"

tap.raises("perilune has no field 'recpe' %(did you mean 'recipe'%?%)", "an unknown field suggests",
  function() return require("perilune").recpe end)
tap.raises("no C module 'nothing'", "a C module that is not there", require, "perilune.core.nothing")
tap.raises("no file 'nothing.lua' among the prelude", "a module that is not there", require,
  "perilune.nothing")
tap.raises("no file 'nothing.lua' among the verbs", "a verb that is not there", require,
  "perilune.verb.nothing")
tap.is(boot.resource("prelude", "nothing.lua"), nil, "a resource that is not there")

tap.like(boot.resource("prelude", "init.lua"), "the module `perilune`", "resources are texts")
local names = boot.resources "prelude"
local sorted = table.move(names, 1, #names, 1, {})
table.sort(sorted)
tap.ok(#names > 3, "there are several")
tap.is(names, sorted, "in order")

local srcdir = os.getenv "PERILUNE_SRCDIR"
if srcdir then
  local same = true
  for _, name in ipairs(names) do
    local file <close> = assert(io.open(srcdir .. "/bindings/prelude/" .. name))
    same = same and file:read "a" == boot.resource("prelude", name)
  end
  tap.ok(same, "they are the source files, byte by byte")
else
  tap.skip("PERILUNE_SRCDIR is not set", "they are the source files, byte by byte")
end

tap.is(boot.nearest("hots", { "exec", "hosts", "run" }), "hosts", "nearest finds")
tap.is(boot.nearest("zzzzzz", { "exec", "hosts", "run" }), nil, "or does not")
tap.ok(require "perilune" == require "perilune", "modules are loaded once")
tap.is(package.cpath, "", "no shared objects")

return tap.done()
