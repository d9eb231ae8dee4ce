-- Configuration files: what wins, and what an administrator's limits hold.
local config = require "perilune.config"
local spec = require "spec"
local sys = require "perilune.core.sys"

local SPEC = {
  { "fanout", type = "int", min = 1, default = 64 },
  { "connect-timeout", type = "duration", default = "10s" },
  { "user", type = "string" },
}

local dir = assert(sys.mkdtemp "/tmp/perilune-config.")

local function write(name, text)
  local path = dir .. "/" .. name
  assert(sys.write_file(path, text, 384))
  return path
end

local function load_files(user, system)
  return config.load(SPEC, { user = user and write("user.lua", user),
    system = system and write("system.lua", system) })
end

spec.test("what is wrong in a file is told with its name", function()
  spec.raises("user.lua: unknown option 'fanuot' (did you mean 'fanout'?)", load_files,
    "return { fanuot = 3 }")
  spec.raises("user.lua: 'fanout' must be at least 1", load_files, "return { fanout = 0 }")
  spec.raises("user.lua must return a table", load_files, "return 3")
  spec.raises("user.lua:1:", load_files, "return {")
  spec.raises("limits: unknown option 'fanot'", load_files, "return { limits = { fanot = 1 } }")
end)

spec.test("a file is data: it sees no functions", function()
  spec.raises("user.lua", load_files, "return { user = os.getenv 'HOME' }")
end)

spec.test("files that are not there set nothing", function()
  local values, limits = config.load(SPEC, { user = dir .. "/none", system = dir .. "/none" })
  spec.equal(values, {})
  spec.equal(limits, {})
end)

spec.test("the person's file wins, values are of their type", function()
  local values = load_files("return { user = 'me', connect_timeout = '2s' }",
    "return { user = 'admin', fanout = 8 }")
  spec.equal(values, { user = "me", connect_timeout = 2, fanout = 8 })
end)

spec.test("of limits the smaller wins, whoever set it", function()
  local _, limits = load_files("return { limits = { fanout = 500 } }",
    "return { limits = { fanout = 100 } }")
  spec.equal(limits.fanout.value, 100)
  spec.contains(limits.fanout.file, "system.lua")
  _, limits = load_files("return { limits = { fanout = 5 } }", "return { limits = { fanout = 100 } }")
  spec.equal(limits.fanout.value, 5)
end)

for _, name in ipairs { "user.lua", "system.lua" } do sys.unlink(dir .. "/" .. name) end
sys.rmdir(dir)

return spec.done()
