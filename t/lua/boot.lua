-- What is inside the program, and how it is found.
local tap = require "tap"
local boot = require "perilune.core.boot"

tap.raises("perilune has no field 'recpe' %(did you mean 'recipe'%?%)", "an unknown field suggests",
  function() return require("perilune").recpe end)
tap.raises("no C module 'nothing'", "a C module that is not there", require, "perilune.core.nothing")
tap.raises("no module 'nothing.lua'", "a module that is not there", require, "perilune.nothing")
tap.raises("no module 'verb/nothing.lua'", "a verb that is not there", require,
  "perilune.verb.nothing")
tap.is({ boot.has("modules", "cli.lua"), boot.has("modules", "verb/exec.lua"),
  boot.has("modules", "exec.lua") }, { true, true, false }, "whether there is one can be asked")

tap.raises("modules are for require", "modules are no resources", boot.resource, "modules", "cli.lua")
tap.is(boot.resource("recipes", "nothing.lua"), nil, "a resource that is not there")
tap.like(boot.resource("prelude", "reap.sh"), "^#", "resources are texts")
local names = boot.resources "modules"
local sorted = table.move(names, 1, #names, 1, {})
table.sort(sorted)
tap.ok(#names > 3, "there are several")
tap.is(names, sorted, "in order")

local srcdir = os.getenv "PERILUNE_SRCDIR"
local places = { prelude = "/bindings/prelude/", recipes = "/recipes/", clusters = "/recipes/clusters/" }
if srcdir then
  local same = true
  for kind, place in pairs(places) do
    for _, name in ipairs(boot.resources(kind)) do
      local file <close> = assert(io.open(srcdir .. place .. name))
      same = same and file:read "a" == boot.resource(kind, name)
    end
  end
  tap.ok(same, "they are the source files, byte by byte")
else
  tap.skip("PERILUNE_SRCDIR is not set", "they are the source files, byte by byte")
end

-- the line of the module at which a text stands, and what the debug library says of it
local function line_of(name, text)
  local number = 0
  for line in io.lines(srcdir .. "/bindings/prelude/" .. name) do
    number = number + 1
    if line:find(text, 1, true) then return number end
  end
end
local main = debug.getinfo(require("perilune.cli").main, "SL")
tap.is({ main.source, main.short_src }, { "=perilune/cli.lua", "perilune/cli.lua" },
  "a function of a module knows its file")
if srcdir then
  tap.is(main.linedefined, line_of("cli.lua", "function cli.main("), "and its line")
else
  tap.skip("PERILUNE_SRCDIR is not set", "and its line")
end

tap.is(boot.nearest("hots", { "exec", "hosts", "run" }), "hosts", "nearest finds")
tap.is(boot.nearest("zzzzzz", { "exec", "hosts", "run" }), nil, "or does not")
tap.ok(require "perilune" == require "perilune", "modules are loaded once")
tap.is(package.cpath, "", "no shared objects")

return tap.done()
