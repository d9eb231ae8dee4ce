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

spec.test("what is forced stays forced; a person may force more", function()
  local _, limits = load_files("return { limits = { audit = false, host_key = 'accept-new' } }",
    "return { limits = { audit = true, host_key = 'strict' } }")
  spec.equal(limits.audit.value, true)
  spec.equal(limits.host_key.value, "strict")
  _, limits = load_files("return { limits = { supervisor = true, sessions = 9 } }",
    "return { limits = { sessions = 10 } }")
  spec.equal(limits.supervisor.value, true)
  spec.equal(limits.sessions.value, 9)
end)

spec.test("values keep the limits, however they came about", function()
  local function held(values, limits)
    local in_force = {}
    for name, value in pairs(limits) do in_force[name] = { value = value, file = "system.lua" } end
    require("perilune.limits").hold(values, in_force, {})
    return values
  end
  spec.equal(held({ fanout = 64 }, { fanout = 8 }), { fanout = 8 })
  spec.equal(held({ fanout = 4 }, { fanout = 8 }), { fanout = 4 })
  spec.equal(held({}, { connect_rate = 5, max_auth_fail = 1, sessions = 7 }),
    { connect_rate = 5, max_auth_fail = 1, sessions = 7 })
  spec.equal(held({ host_key = "accept-new" }, { host_key = "strict" }), { host_key = "strict" })
  spec.equal(held({ no_supervisor = true, audit = false }, { supervisor = true, audit = true }),
    { audit = true })
  spec.equal(held({ no_supervisor = true }, { audit = true }), { audit = true })
  spec.equal(held({ no_supervisor = true, host_key = "accept-new" }, {}),
    { no_supervisor = true, host_key = "accept-new" })
end)

for _, name in ipairs { "user.lua", "system.lua" } do sys.unlink(dir .. "/" .. name) end
sys.rmdir(dir)

return spec.done()
