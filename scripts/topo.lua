-- topo - the machine: print it, convert what other programs say of it, ask its hosts.

local errors = require "perilune.errors"
local files = require "perilune.files"
local fleet = require "perilune.fleet"
local options = require "perilune.options"
local terminal = require "perilune.terminal"

local ACTIONS = { "show", "import", "probe", "draw", "calibrate" }
local TO = { "cluster", "slurm-topology-conf", "slurm-topology-yaml", "topograph-yaml" }

local function from_tree(o)
  if not o.distance then errors.usage("--tree needs --distance, a number for each level") end
  return errors.checked(require("perilune.topo").tree(o.tree, o.distance))
end

-- Several files are one machine; a cluster or preset stands alone.
local function from_files(o, names)
  local topo = require "perilune.topo"
  local machine, notes, _, record = topo.load(table.concat(names, ","),
    { format = o.format, gpus_per_host = o.gpus_per_host })
  if not machine and #names > 1 then
    for _, name in ipairs(names) do
      if not require("perilune.survey").files(name) then
        errors.usage("there is no file '%s': several words are files to merge", name)
      end
    end
  end
  if not machine then errors.usage("%s", notes) end
  for _, note in ipairs(notes) do terminal.note("%s", note) end
  return machine, record
end

local function marked(o, machine, record)
  if o.unusable then
    local ok, message = pcall(machine.mark_unusable, machine, o.unusable)
    if not ok then errors.usage("%s", tostring(message)) end
  end
  return machine, record
end

local function machine_of(o, names)
  if o.tree then return marked(o, from_tree(o)) end
  return marked(o, from_files(o, names))
end

local function show(o, names)
  local machine = machine_of(o, names)
  terminal.print(machine:describe())
  return 0
end

local function write(o, machine, text)
  if not o.output or o.output == "-" then
    terminal.print(text)
    return 0
  end
  local ok, message = files.write(o.output, text)
  if not ok then errors.fail(2, "%s: %s", o.output, message) end
  terminal.note("%s: %s", o.output, machine:counts())
  return 0
end

local function import(o, names)
  local machine, record = machine_of(o, names)
  local text = require("perilune.topo_write").text(machine, o.to, record)
  return write(o, machine, text)
end

local function draw(o, names)
  local machine = machine_of(o, names)
  return write(o, machine, machine:draw())
end

-- ---- calibrate -----------------------------------------------------------------------------

-- The machine that a run measured: the one named, else the run's own cluster.
local function measured_machine(o, found)
  local name = o.topo or found.cluster
  if not name and not o.tree then
    errors.usage("which machine was measured by %s? Name it with --topo FILE|NAME", found.run)
  end
  return machine_of(o, { name })
end

local function calibrate(o, names)
  local found = require("perilune.measured").load(names[1] or "last")
  local machine, record = measured_machine(o, found)
  if #found == 0 and #found.problems == 0 then
    errors.fail(2, "run %s has measured no collective: calibrate needs what nccl-tests printed, "
      .. "attached by a recipe or in a file, or points of ring-allreduce", found.run)
  end
  local calibration, message = require("perilune.calibrate").fit(machine, found)
  if not calibration then errors.fail(2, "%s", message) end
  for _, note in ipairs(calibration.notes) do terminal.note("%s", note) end
  local text = require("perilune.calibrate").text(machine, calibration)
  io.stderr:write(text)
  return write(o, machine,
    require("perilune.topo_write").calibrated(machine, calibration, text, record))
end

-- ---- probe ---------------------------------------------------------------------------------

-- The file of an earlier probe: --previous, else the one that is about to be replaced.
local function previous(o)
  local path = o.previous or o.output
  if not path or path == "-" then return nil end
  if not files.kind(path) then
    if o.previous then errors.usage("--previous %s: there is no such file", path) end
    return nil
  end
  local word = path:find("/", 1, true) and path or "./" .. path
  local before, message = require("perilune.cluster").load(word)
  if not before then
    errors.usage("%s is there and is no machine file, it is not replaced: %s", path, message)
  end
  if not before.inventory then
    terminal.note("%s does not say what stood where: what has changed cannot be told", path)
  end
  return before
end

-- What has changed is told; the file that told it before is kept beside the new one.
local function tell_changes(o, before, record)
  if not before or not before.inventory then return end
  local changes = require("perilune.inventory").changes(before.inventory, record.inventory)
  for _, line in ipairs(changes) do terminal.note("changed: %s", line) end
  if #changes == 0 then terminal.note("nothing has changed") end
  if #changes == 0 or not o.output or o.output == "-" or o.to ~= "cluster" then return end
  if not files.kind(o.output) then return end
  local ok, message = files.rename(o.output, o.output .. "~")
  if not ok then errors.fail(2, "%s: %s", o.output, message) end
  terminal.note("%s is kept as %s~", o.output, o.output)
end

local function skipped(o)
  local probe, skip = require "perilune.probe", {}
  for _, name in ipairs(o.skip or {}) do
    for word in name:gmatch "[^,]+" do skip[word] = true end
  end
  local known = {}
  for _, name in ipairs(probe.commands) do known[name] = true end
  for name in pairs(skip) do
    if not known[name] then
      errors.usage("--skip %s: the commands are %s%s", name, table.concat(probe.commands, ", "),
        require("perilune.nearest").hint(name, probe.commands))
    end
  end
  return skip
end

local function probe(o, names, given)
  if names[1] then errors.usage("topo probe asks hosts, named with -w; '%s'?", names[1]) end
  local skip, before = skipped(o), previous(o)
  local on <close> = fleet.open(o, given, { warm = true })
  local record <close> = require("perilune.session").begin { kind = "topo", name = "topo probe",
    hosts = on.hosts:fold(), transport = on.transport_name, reach = on.reach }
  local topo = require "perilune.topo"
  local machine, notes, facts, status = require("perilune.probe").visit(on, record, {
    skip = skip, fabric_from = o.fabric_from, gpus_per_host = o.gpus_per_host })
  if not machine then
    terminal.note("%s", notes)
    return record:finish(require("perilune.fanout").worse_status(status, 1))
  end
  for _, note in ipairs(notes) do terminal.note("%s", note) end
  local kept = topo.record(facts)
  tell_changes(o, before, kept)
  write(o, machine, require("perilune.topo_write").text(machine, o.to, kept))
  return record:finish(status)
end

-- ---- the verb ------------------------------------------------------------------------------

local function list_formats()
  for _, format in ipairs(require("perilune.survey").formats()) do
    terminal.print(("%-22s %s\n"):format(format.name, format.about))
  end
  return 0
end

local PROBE_ONLY = { previous = true, skip = true, fabric_from = true }
for _, entry in ipairs(fleet.options) do PROBE_ONLY[entry[1]:gsub("-", "_")] = true end

local function check_options(action, given)
  for name in pairs(given) do
    if PROBE_ONLY[name] then
      errors.usage("--%s is for topo probe, topo %s asks no host", name:gsub("_", "-"), action)
    end
  end
end

local function run(o, args, given)
  local action = table.remove(args, 1)
  if o.formats then return list_formats() end
  if action == "probe" then return probe(o, args, given) end
  if action == "calibrate" then
    if #args > 1 then errors.usage("topo calibrate takes one RUN or file") end
    check_options(action, given)
    return calibrate(o, args)
  end
  local act = ({ show = show, import = import, draw = draw })[action]
  if not act then
    local hint = action and require("perilune.nearest").hint(action, ACTIONS) or ""
    errors.usage("topo show|import|draw FILE...|NAME, topo probe, topo calibrate RUN%s", hint)
  end
  check_options(action, given)
  if (#args > 0) == (o.tree ~= nil) then
    errors.usage(o.tree and "topo %s takes files, a name or --tree"
      or "topo %s needs one FILE or NAME, or several FILEs that are one machine", action)
  end
  return act(o, args)
end

return {
  name = "topo",
  summary = "the machine: hosts, GPUs, and the levels of links between them",
  usage = { "topo show FILE...|NAME", "topo show --tree 4:18:7:20 --distance 1:3:10:30",
            "topo import FILE...|NAME [--to FORMAT] [-o FILE]",
            "topo probe [FLEET] [-o FILE] [--previous FILE]",
            "topo draw FILE...|NAME [-o FILE.svg]",
            "topo calibrate [RUN|FILE] [--topo MACHINE] [-o FILE]", "topo --formats" },
  about = "Levels are listed from the GPU outwards; bandwidths are per GPU and each way. The "
    .. "first line counts what is known. A FILE is a cluster file or what another program wrote "
    .. "of the machine, recognised by its content; several files are one machine, each adds what "
    .. "it knows. What contradicts or is broken is told on standard error.\n"
    .. "A file that describes one host without naming it is of the host it is called by, "
    .. "r001t01.xml, or of HOST in HOST=FILE; smi/%h.xml is each file of that form, with its host "
    .. "where %h stands, and a folder, written with a slash, what `exec --outdir` put there.\n"
    .. "topo probe asks the hosts themselves: `nvidia-smi -q -x`, `lldpcli -f json0 show "
    .. "neighbors` and `lstopo --of xml` on each, `ibnetdiscover` and `scontrol show topology` on "
    .. "the first that has it. What is not there, or fails, is told and left out. The file that it "
    .. "writes says who told what and when, and what stood where: the next probe tells what "
    .. "changed since, and keeps the file before as FILE~.",
  options = options.join(fleet.options, {
    { "tree", type = "string", metavar = "N:N:...",
      help = "a machine from numbers: units per level" },
    { "distance", type = "string", metavar = "X:X:...", help = "what a byte costs at each level" },
    { "unusable", type = "string", metavar = "HOST:GPU,...", help = "GPUs to mark as broken" },
    { "format", type = "string", metavar = "NAME",
      help = "read the files as this format; `topo --formats` lists them" },
    { "gpus-per-host", type = "int", min = 1, max = 1024, metavar = "N",
      help = "GPUs of hosts of which no file tells it" },
    { "to", type = "choice", default = "cluster", choices = TO, metavar = "FORMAT",
      help = "import writes a cluster file (cluster), slurm-topology-conf, slurm-topology-yaml or "
        .. "topograph-yaml" },
    { "output", short = "o", type = "path", help = "write the file there" },
    { "topo", type = "string", metavar = "FILE|NAME",
      help = "of calibrate: the machine that was measured; the run's cluster where it had one" },
    { "previous", type = "path",
      help = "probe: tell what changed since this file was written, before -o FILE" },
    { "skip", type = "list", metavar = "NAME,...",
      help = "probe: leave out some of ibnetdiscover, scontrol, nvidia-smi, lldpcli, lstopo" },
    { "fabric-from", type = "string", metavar = "HOST",
      help = "probe: run ibnetdiscover there, of the fleet or not" },
    { "formats", type = "bool", help = "list the formats that can be read" },
  }),
  notes = {
    "calibrate fits bandwidth and latency of each level to collectives that a recorded run has",
    "timed, and writes a cluster file with them; maps on it tell milliseconds. It reads what",
    "nccl-tests printed (all_reduce, all_gather, reduce_scatter, alltoall, sendrecv, broadcast,",
    "reduce), attached to the run or in a FILE, and points of ring-allreduce. Latency is that of a",
    "step of a ring. Each level needs a measurement that it holds up: within a host all GPUs of",
    "one, beyond it one GPU of each of some hosts; and sizes of which the largest are held up by",
    "bandwidth. What cannot be told is refused, with what to measure.",
    "",
    "presets: gb300-nvl72:racks=144,su=8  gb200-nvl72:racks=8,su=8",
    "         dgx-b300:nodes=64,su=64  dgx-h100:nodes=32,su=32",
    "         loopback:hosts=64,slots=4",
    "named:   ai-factory  ai-factory-spectrum  ai-factory-mixed  llama3-24k:pods=8",
  },
  examples = {
    "perilune topo show gb300-nvl72:racks=144,su=8",
    "perilune topo draw gb300-nvl72:racks=144,su=8 --unusable r003t02:1 -o machine.svg",
    "perilune topo show ibnetdiscover.txt smi/*.xml",
    "perilune topo calibrate last --topo ai-factory -o calibrated.lua",
    "perilune topo show smi/%h.xml r001t01=tray.xml",
    "perilune topo probe -w r[001-144]t[01-18] --sudo -o machine.lua",
    "perilune topo import /etc/slurm/topology.conf --gpus-per-host 4 -o machine.lua",
  },
  run = run,
}
