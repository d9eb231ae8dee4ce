-- topo - the machine: print it. Importing, probing and drawing come later.

local errors = require "perilune.errors"
local terminal = require "perilune.terminal"

local LATER = { import = true, probe = true, draw = true }

local function load(o, name)
  local topo = require "perilune.topo"
  if not o.tree then return errors.checked(topo.load(name)) end
  if not o.distance then errors.usage("--tree needs --distance, a number for each level") end
  return errors.checked(topo.tree(o.tree, o.distance))
end

local function show(o, name)
  local machine = load(o, name)
  if o.unusable then
    local ok, message = pcall(machine.mark_unusable, machine, o.unusable)
    if not ok then errors.usage("%s", tostring(message)) end
  end
  terminal.print(machine:describe())
  return 0
end

local function run(o, args)
  local action = args[1]
  if LATER[action] then errors.usage("topo %s is not in this version", action) end
  if action ~= "show" then
    local hint = action and require("perilune.nearest").hint(action, { "show" }) or ""
    errors.usage("topo show FILE|NAME%s", hint)
  end
  if #args ~= (o.tree and 1 or 2) then
    errors.usage(o.tree and "topo show takes a name or --tree"
      or "topo show needs one FILE or NAME")
  end
  return show(o, args[2])
end

return {
  name = "topo",
  summary = "the machine: hosts, GPUs, and the levels of links between them",
  usage = { "topo show FILE|NAME", "topo show --tree 4:18:7:20 --distance 1:3:10:30" },
  about = "Levels are listed from the GPU outwards; bandwidths are per GPU and each way. The "
    .. "first line counts what is known.",
  options = {
    { "tree", type = "string", metavar = "N:N:...",
      help = "a machine from numbers: units per level" },
    { "distance", type = "string", metavar = "X:X:...", help = "what a byte costs at each level" },
    { "unusable", type = "string", metavar = "HOST:GPU,...", help = "GPUs to mark as broken" },
  },
  notes = {
    "presets: gb300-nvl72:racks=144,su=8  gb200-nvl72:racks=8,su=8",
    "         dgx-b300:nodes=64,su=64  dgx-h100:nodes=32,su=32",
    "         loopback:hosts=64,slots=4",
  },
  examples = { "perilune topo show gb300-nvl72:racks=144,su=8" },
  run = run,
}
