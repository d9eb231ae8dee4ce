-- Cluster files and presets: what is refused, what they give, and the machines of the presets.
local cluster = require "perilune.cluster"
local spec = require "spec"
local sys = require "perilune.core.sys"

local dir = assert(sys.mkdtemp "/tmp/perilune-cluster.")
local file = dir .. "/fleet.lua"

local function load_text(text, parameters)
  assert(sys.write_file(file, text, 384))
  return cluster.load(file .. (parameters or ""))
end

spec.test("a file that is no table of data is refused with its name", function()
  spec.refuses("fleet.lua:1:", load_text "return {")
  spec.refuses("returns no table", load_text "return 3")
  spec.refuses("it has no hosts", load_text "return {}")
  spec.refuses("attempt to call a nil value (global 'print')", load_text "print(1) return {}")
  spec.refuses("unknown key 'hsots' (did you mean 'hosts'?)", load_text "return { hsots = 'n1' }")
  spec.refuses("gpus_per_host must be integer, not string",
    load_text "return { hosts = 'n1', gpus_per_host = '4' }")
  spec.refuses("column", load_text "return { hosts = 'n[1-' }")
  spec.refuses("No such file", cluster.load(dir .. "/none.lua"))
  spec.refuses("is racks=x a number?", cluster.load "gb300-nvl72:racks=x")
end)

spec.test("a name that is nowhere suggests one that is", function()
  spec.refuses("did you mean 'gb300-nvl72'?", cluster.load "gb300-nvl7")
  spec.refuses("did you mean 'gb300-nvl72'?", cluster.load "gb300")
  spec.refuses("dgx-b300, dgx-h100, gb200-nvl72", cluster.load "zzzzzzzzzzz")
end)

spec.test("parameters that the file does not read are refused", function()
  spec.refuses("unknown parameter 'rack' (did you mean 'racks'?); it has racks, su",
    cluster.load "gb300-nvl72:rack=3")
  spec.refuses("it has none", load_text("return { hosts = 'n1' }", ":x=1"))
  spec.refuses("racks is given twice", cluster.load "gb300-nvl72:racks=1,racks=2")
  spec.refuses("'su' is no key=value", cluster.load "gb300-nvl72:racks=1,su")
  spec.refuses("NAME:key=value", cluster.load "gb300-nvl72:racks")
end)

spec.test("parameters arrive as numbers, truths and words", function()
  local c = load_text("local p = ...; return { hosts = ('n[1-%d]'):format(p.n), " ..
    "user = p.user, gpus_per_host = p.big and 8 or 4 }", ":n=3,user=bob,big=true")
  spec.equal(tostring(c.hosts), "n[1-3]")
  spec.equal(c.user, "bob")
  spec.equal(c.gpus_per_host, 8)
end)

spec.test("hosts and groups may be text or lists", function()
  local c = load_text "return { hosts = { 'b', 'a' }, groups = { x = { 'a' }, y = 'b' } }"
  spec.equal(c.hosts[1], "b")
  spec.equal(tostring(c.groups.x), "a")
  spec.equal(c.groups.y, "b")
end)

spec.test("a cluster without GPUs has no machine, one without topology a flat one", function()
  spec.equal(load_text("return { hosts = 'n[1-4]' }").topo, nil)
  local topo = load_text("return { hosts = 'n[1-4]', gpus_per_host = 2 }").topo
  spec.equal(topo:counts(), "4 hosts, 8 GPUs")
  spec.contains(topo:source(), "no topology")
end)

spec.test("unusable GPUs of the file are marked", function()
  local topo = load_text("return { hosts = 'n[1-4]', gpus_per_host = 2, " ..
    "unusable = { 'n1:0', 'n[3-4]' } }").topo
  spec.equal(topo:usable(), 3)
end)

spec.test("a topology that does not fit the hosts names the cluster", function()
  local c = load_text("return { hosts = 'n[1-4]', gpus_per_host = 2, topology = " ..
    "{ { name = 'host', count = 2, distance = 1 } } }")
  spec.raises("fleet.lua': topology: the levels hold 2 GPUs", function() return c.topo end)
  c = load_text("return { hosts = 'n1', gpus_per_host = 2, topology = " ..
    "{ { name = 'host', count = 2, distanse = 1 } } }")
  spec.raises("did you mean 'distance'", function() return c.topo end)
end)

spec.test("the presets are the machines they are named after", function()
  local cases = {
    { "gb300-nvl72:racks=144,su=8",
      "2592 hosts, 10368 GPUs, 144 NVLink domains, 216 switches, 10368 adapters" },
    { "gb300-nvl72:racks=1", "18 hosts, 72 GPUs, 1 NVLink domain, 8 switches, 72 adapters" },
    { "gb300-nvl72:racks=1400",
      "25200 hosts, 100800 GPUs, 1400 NVLink domains, 2100 switches, 100800 adapters" },
    { "gb200-nvl72:racks=8", "144 hosts, 576 GPUs, 8 NVLink domains, 576 adapters" },
    { "dgx-b300:nodes=64", "64 hosts, 512 GPUs, 64 NVLink domains, 512 adapters" },
    { "dgx-h100:nodes=64", "64 hosts, 512 GPUs, 64 NVLink domains, 24 switches, 512 adapters" },
    { "loopback:hosts=250", "250 hosts, 1000 GPUs" },
  }
  for _, case in ipairs(cases) do
    spec.equal(assert(cluster.load(case[1])).topo:counts(), case[2])
  end
end)

spec.test("the hosts of gb300-nvl72 are trays in racks", function()
  local c = cluster.load "gb300-nvl72:racks=144,su=8"
  spec.equal(tostring(c.hosts), "r[001-144]t[01-18]")
  spec.equal(c.topo:pe("r002t01", 3), 75)
  spec.equal({ c.topo:place(75) }, { "r002t01", 3 })
  spec.equal({ c.topo:common_level(0, 71) }, { "rack", 2 })
  spec.equal({ c.topo:common_level(0, 575) }, { "su", 3 })
  spec.equal({ c.topo:common_level(0, 576) }, { "fabric", 4 })
end)

return spec.done()
