-- mapping.lua - t:map: a rank map over hosts of the run.
--
-- The machine is the one given by `topo`, else that of the run's cluster file, else hosts with
-- `gpus_per_host` GPUs each on one network.
-- Wrong sizes of a job raise; too few usable GPUs is the world's fault: a failed result.

local blame = require "perilune.blame"
local result = require "perilune.result"

local mapping = {}

local OPTIONS = { "topo", "gpus_per_host", "launcher", "strategy" }

local function job_text(job)
  if type(job) ~= "string" and type(job) ~= "table" then
    blame.raise("t:map needs a job: { tp = 4, dp = 8 } or \"tp=4 dp=8\"")
  end
  return require("perilune.map").job_text(job)
end

-- A machine of which nothing is known but its sizes: GPUs (or slots) in hosts on one network.
local function flat_machine(hosts, gpus)
  if math.type(gpus) ~= "integer" or gpus < 1 then
    blame.raise("t:map: gpus_per_host is a whole number from 1, not %s", tostring(gpus))
  end
  return require("perilune.core.topo").new { name = "flat", source = "the hosts of the run",
    hosts = hosts, gpus_per_host = gpus, unknown = true,
    levels = { { name = "host", count = gpus, distance = 1 },
               { name = "network", count = #hosts, distance = 10 } } }
end

-- A point that is finished counts as such only while the files of its maps are what they were.
local function note_input(t, path)
  local sys = require "perilune.core.sys"
  local stat = type(path) == "string" and sys.stat(path)
  if not stat or stat.type == "dir" then return end
  t.inputs[sys.realpath(path) or path] = sys.sha256_file(path)
end

local function machine(t, hosts, opts)
  if type(opts.topo) == "string" then
    note_input(t, opts.topo)
    return require("perilune.topo").load(opts.topo)
  end
  if opts.topo then return opts.topo end
  local cluster = t.run.fleet.cluster
  if cluster and cluster.topo then
    note_input(t, t.run.fleet.reach.cluster)
    return cluster.topo
  end
  if not opts.gpus_per_host then
    blame.raise("t:map: how many GPUs has a host? Name a cluster with -C, or give gpus_per_host")
  end
  return blame.call(flat_machine, hosts, opts.gpus_per_host)
end

--- Places the ranks of a job on the GPUs of hosts. The map prints, explains, and writes every
--- launcher's format.
---@param t perilune.Point
---@param hosts userdata host set
---@param job table|string sizes and model: { tp = 4, dp = 8, order = "tp-cp-ep-dp-pp" }
---@param opts? { topo: any, gpus_per_host: integer?, launcher: string?, strategy: string? }
---@return userdata|perilune.Result map
function mapping.map(t, hosts, job, opts)
  opts = opts or {}
  blame.check_keys("t:map", opts, OPTIONS)
  if type(hosts) ~= "userdata" then
    blame.raise("t:map needs a host set, not a %s", type(hosts))
  end
  local text = job_text(job)
  local topo, message = machine(t, hosts, opts)
  if not topo then return result.failed { why = message, phase = "map", status = 2 } end
  local map
  map, message = blame.call(require("perilune.map").place, { topo = topo, job = text,
    hosts = hosts, launcher = opts.launcher or "env", strategy = opts.strategy })
  if not map then return result.failed { why = message, phase = "map", status = 1 } end
  t:record("map", { job = text, ranks = map.size, hosts = tostring(hosts) })
  return map
end

return mapping
