-- map - rank maps: which GPU each rank of a job runs on.

local errors = require "perilune.errors"
local hosts = require "perilune.hosts"
local maps = require "perilune.map"
local terminal = require "perilune.terminal"

local FORMATS = { "vector", "json", "csv", "rankfile", "seq", "mpich", "slurm", "torchrun",
                  "deepspeed", "svg" }

-- Calls what raises for wrong use; here that is what the person typed.
local function checked(f, ...)
  local ok, value, message = pcall(f, ...)
  if not ok then errors.usage("%s", tostring(value)) end
  if value == nil then errors.fail(2, "%s", message) end
  return value, message
end

-- ---- the machine ---------------------------------------------------------------------------

local function tree(o)
  if o.topo then errors.usage("--topo and --tree both name the machine: give one") end
  if not o.distance then errors.usage("--tree needs --distance, a number for each level") end
  return errors.checked(require("perilune.topo").tree(o.tree, o.distance)), nil
end

-- Notes but the one on their age, which the machine's source says already.
local function without_age(notes, record)
  local age = record and record.facts and require("perilune.provenance").warning(record.facts)
  local others = {}
  for _, note in ipairs(notes) do
    if note ~= age then others[#others + 1] = note end
  end
  return others
end

-- The machine, the cluster that it belongs to where there is one, and notes for an explanation.
local function machine(o)
  if o.tree then return tree(o) end
  if not o.topo then errors.usage("which machine? Name it with --topo FILE|NAME") end
  local topo, notes, cluster, record = require("perilune.topo").load(o.topo,
    { format = o.topo_format, gpus_per_host = o.gpus_per_host })
  if not topo then errors.usage("%s", notes) end
  for _, note in ipairs(notes) do terminal.note("%s", note) end
  return topo, cluster, without_age(notes, record)
end

local MAX_NOTES = 5 -- of what was found in the files of a machine, in an explanation

-- What the explanation has to say of the machine beyond what the machine itself knows.
local function assumed(o, notes)
  local lines = {}
  for i = 1, math.min(#(notes or {}), MAX_NOTES) do lines[i] = "topology: " .. notes[i] end
  if notes and #notes > MAX_NOTES then
    lines[#lines + 1] = ("topology: %d more such notes"):format(#notes - MAX_NOTES)
  end
  if o.gpus_per_host then
    lines[#lines + 1] = ("GPUs: guessed, %d on hosts of which no file tells (--gpus-per-host)")
      :format(o.gpus_per_host)
  end
  return lines
end

local function parse(text, flag, cluster)
  local resolver = cluster and require("perilune.fleet").resolver(cluster)
  local set, message = hosts.parse(text, resolver)
  if not set then errors.usage("%s: %s", flag, message) end
  return set
end

-- The hosts that may be used; nil for all of them.
local function choose_hosts(o, topo, cluster)
  local set = o.hosts and parse(o.hosts, "--hosts", cluster)
  if o.exclude then set = (set or topo:hosts()) - parse(o.exclude, "--exclude", cluster) end
  if set and #set == 0 then errors.usage("no hosts are left") end
  return set
end

-- ---- the job -------------------------------------------------------------------------------

-- --model and --axis are words of each --job, which overrides what the model says.
local function job_text(o, job)
  local words = {}
  if o.model then words[#words + 1] = "model=" .. o.model end
  for _, axis in ipairs(o.axis or {}) do words[#words + 1] = "axis=" .. axis end
  words[#words + 1] = job
  return table.concat(words, " ")
end

local function read_groups(o)
  if not o.groups then return nil end
  local text, message = require("perilune.files").read(o.groups)
  if not text then errors.fail(2, "--groups: %s", message) end
  return text
end

-- ---- what is printed -----------------------------------------------------------------------

local function write(o, text)
  if not o.output or o.output == "-" then return terminal.print(text) end
  local ok, message = require("perilune.files").write(o.output, text)
  if not ok then errors.fail(2, "%s: %s", o.output, message) end
end

-- ---- several jobs: one after another, or a file each ------------------------------------------

-- What a job is called above its map, where the format has comments.
local function heading(o, i)
  return ("# job %d of %d: %s\n"):format(i, #o.job, job_text(o, o.job[i]))
end

local function joined(o, texts)
  if o.format == "json" then
    for i, text in ipairs(texts) do texts[i] = text:gsub("\n$", "") end
    return "[" .. table.concat(texts, ",\n") .. "]\n"
  end
  for i, text in ipairs(texts) do texts[i] = heading(o, i) .. text end
  return table.concat(texts)
end

local function write_all(o, texts)
  if not (o.output or ""):find("%%j") then return write(o, joined(o, texts)) end
  for i, text in ipairs(texts) do
    local path = o.output:gsub("%%j", i)
    write({ output = path }, text)
  end
end

local function print_maps(o, given, jobs)
  local explained, texts = {}, {}
  for i, map in ipairs(jobs) do
    explained[i] = heading(o, i) .. map:explain()
    for _, note in ipairs(o.explain and {} or map:notes()) do
      terminal.note("job %d: %s", i, note)
    end
  end
  if o.explain and not given.format and not given.output then
    return terminal.print(table.concat(explained, "\n"))
  elseif o.explain then
    io.stderr:write(table.concat(explained, "\n"))
  end
  for i, map in ipairs(jobs) do texts[i] = checked(map.format, map, o.format) end
  write_all(o, texts)
end

local ONE_JOB = { "comm", "groups", "previous", "evaluate", "spares" }

local function check_jobs(o, given)
  for _, name in ipairs(ONE_JOB) do
    if given[name] then errors.usage("--%s is for one --job, there are %d", name, #o.job) end
  end
  if o.format == "svg" and not (o.output or ""):find("%%j") then
    errors.usage("a picture is of one job: give -o NAME-%%j.svg")
  end
end

local function place_jobs(o, given, request)
  local more = {}
  for i = 2, #o.job do more[i - 1] = job_text(o, o.job[i]) end
  print_maps(o, given, checked(maps.place_jobs, request, more))
  return 0
end

-- The explanation is the output when nothing else was asked for, and a comment on it otherwise.
local function print_map(o, given, map)
  if not o.explain then
    for _, note in ipairs(map:notes()) do terminal.note("%s", note) end
  elseif not given.format and not given.output then
    return terminal.print(map:explain())
  else
    io.stderr:write(map:explain())
  end
  write(o, checked(map.format, map, o.format))
end

local GRAPHLESS = { "strategy", "objective", "spares", "previous", "failed", "islands", "cross",
                    "keep_blocks" }

-- Who says who talks to whom, a description of the job or its graph; options of the other kind.
local function check_kind(o, given)
  local job = o.job or o.model or o.axis or o.groups
  if o.comm and job then errors.usage("--job and --comm both say who talks to whom: give one") end
  if not (job or o.comm) then
    errors.usage("which job? Say --job \"tp=4 pp=8 dp=80\", --model NAME, --groups FILE, "
      .. "or --comm GRAPH")
  end
  for _, name in ipairs(o.comm and GRAPHLESS or {}) do
    if given[name] then errors.usage("--%s goes with --job", (name:gsub("_", "-"))) end
  end
end

local function place_graph(o, topo, cluster)
  return checked(maps.place_graph, {
    topo = topo, comm = o.comm, hosts = choose_hosts(o, topo, cluster), effort = o.effort,
    seed = o.seed, evaluate = o.evaluate,
  })
end

local function read(path)
  local text, message = require("perilune.files").read(path)
  if not text then errors.usage("%s: %s", path, message) end
  return text, path
end

-- What to do with the request: place, repair or evaluate.
local function action(o, request)
  if o.previous and o.evaluate then
    errors.usage("--previous repairs a map, --evaluate scores one: give one of them")
  end
  for _, name in ipairs { "failed", "max_moves", "keep_hosts" } do
    if o[name] and not o.previous then
      errors.usage("--%s needs --previous MAP", (name:gsub("_", "-")))
    end
  end
  if o.evaluate then
    request.text, request.text_name = read(o.evaluate)
    return maps.evaluate
  elseif o.previous then
    if not o.failed then errors.usage("--previous needs --failed HOSTS or HOST:GPU,...") end
    request.text, request.text_name = read(o.previous)
    request.max_moves, request.keep_hosts = o.max_moves, o.keep_hosts
    return maps.repair
  end
  return maps.place
end

-- The GPUs of another job's map are its own; a map in JSON says what the job sends too.
local function occupy(topo, path)
  local text = read(path)
  local ranks, job = checked(maps.occupy, topo, text, path)
  terminal.note("%d GPUs are those of the job in %s%s", ranks, path, job and ""
    or ": what it sends is not known, as only a map in JSON tells the job")
end

local function run(o, args, given)
  if #args > 0 then errors.usage("'%s': map takes options only", args[1]) end
  check_kind(o, given)
  local several = #(o.job or {}) > 1
  if several then check_jobs(o, given) end
  local topo, cluster, notes = machine(o)
  if o.unusable then checked(topo.mark_unusable, topo, o.unusable) end
  for _, path in ipairs(o.occupied or {}) do occupy(topo, path) end
  terminal.set_verb("map")
  if o.comm then
    local map = place_graph(o, topo, cluster)
    o.explain = o.explain or o.evaluate ~= nil
    print_map(o, given, map)
    return 0
  end
  local request = {
    topo = topo, job = job_text(o, (o.job or {})[1]),
    groups = read_groups(o), groups_name = o.groups,
    hosts = choose_hosts(o, topo, cluster), launcher = o["for"],
    strategy = o.strategy, objective = o.objective, spares = o.spares, effort = o.effort,
    seed = o.seed,
    islands = o.islands, cross = o.cross, keep_blocks = o.keep_blocks,
    assumed = assumed(o, notes), price = o.explain,
  }
  if several then return place_jobs(o, given, request) end
  local make = action(o, request)
  if o.failed then checked(topo.mark_unusable, topo, o.failed) end
  local map = checked(make, request)
  if o.evaluate then o.explain = true end
  print_map(o, given, map)
  return 0
end

return {
  name = "map",
  summary = "rank map: which GPU each rank of a job runs on",
  usage = { "map --topo FILE|NAME --job \"tp=4 pp=8 dp=80 ...\" [OPTIONS]",
            "map --tree 4:18:7:20 --distance 1:3:10:30 --comm GRAPH [OPTIONS]" },
  about = "Ranks are numbered as Megatron does: the first word of the order varies fastest. The "
    .. "map keeps the order of the hosts unless another placement gains 2 % or more of the "
    .. "modelled network time of a step.",
  options = {
    { "topo", type = "string", metavar = "FILE|NAME",
      help = "the machine: a cluster file or preset" },
    { "topo-format", type = "string", metavar = "NAME",
      help = "read --topo as this format (perilune topo --formats)" },
    { "gpus-per-host", type = "int", min = 1, max = 1024, metavar = "N",
      help = "GPUs of hosts where the files of --topo do not tell" },
    { "tree", type = "string", metavar = "N:N:...",
      help = "a machine from numbers: units per level" },
    { "distance", type = "string", metavar = "X:X:...", help = "what a byte costs at each level" },
    { "hosts", short = "w", type = "hostlist", unresolved = true,
      help = "use these hosts, in this order" },
    { "exclude", short = "x", type = "hostlist", unresolved = true, help = "hosts to leave out" },
    { "unusable", type = "string", metavar = "HOST:GPU,...", help = "GPUs to leave out" },
    { "occupied", type = "list", metavar = "MAP",
      help = "a map of another job, which has its GPUs and shares the uplinks; may be repeated" },
    { "job", type = "list", whole = true, metavar = "SIZES",
      help = "tp cp ep etp pp vpp dp, order, and figures of the model; given several times, jobs "
        .. "that run at the same time, each on GPUs of its own" },
    { "model", type = "string", metavar = "NAME",
      help = "a published model with its own sizes and order; --job overrides what it says" },
    { "axis", type = "list", whole = true, metavar = "NAME=SIZE:PATTERN:BYTES",
      help = "an axis of one's own: ring, alltoall or p2p, and the bytes a rank sends on it in "
        .. "a step; --job's order may name it" },
    { "groups", type = "path", metavar = "FILE",
      help = "process groups dumped from the job, in place of those that sizes make" },
    { "comm", type = "path", metavar = "GRAPH",
      help = "instead of --job: METIS, Matrix Market, or src,dst,bytes CSV" },
    { "effort", type = "choice", default = "normal", choices = { "fast", "normal", "best" },
      metavar = "HOW", help = "fast, normal, or best: how long a better map is looked for" },
    { "seed", type = "int", default = 1, metavar = "N", help = "same seed, same map" },
    { "for", type = "choice", default = "torchrun", metavar = "LAUNCHER",
      choices = { "torchrun", "megatron", "deepspeed", "slurm", "mpi", "env" },
      help = "what will start the ranks: torchrun, megatron, deepspeed (a host's ranks contiguous "
        .. "and equal in number), slurm, mpi, env (free)" },
    { "strategy", type = "choice", default = "best", metavar = "NAME",
      choices = { "best", "keep-order", "aligned", "packed", "spread" },
      help = "best of all, keep-order, aligned (blocks that must not split), packed (groups that "
        .. "do not fit are cut evenly), spread (blocks begin in racks of their own)" },
    { "objective", type = "choice", default = "time", choices = { "time", "load", "volume" },
      metavar = "WHAT", help = "time of a step, then the worst uplink, then volume x distance; or "
        .. "load or volume first" },
    { "format", type = "choice", default = "vector", choices = FORMATS, metavar = "NAME",
      help = "vector, json, csv, rankfile, seq, mpich, slurm, torchrun, deepspeed, svg" },
    { "spares", type = "string", metavar = "N|N/rack",
      help = "hosts to keep free: the last N, or the last N of each rack" },
    { "previous", type = "path", metavar = "MAP",
      help = "repair this map: ranks on --failed GPUs move, in their rack where it has a spare" },
    { "failed", type = "string", metavar = "HOST:GPU,...", help = "what failed, for --previous" },
    { "max-moves", type = "int", min = 1, metavar = "N", help = "ranks that may move" },
    { "keep-hosts", type = "bool", help = "ranks whose host works stay on it" },
    { "evaluate", type = "path", metavar = "MAP",
      help = "score a map made elsewhere, in any --format but svg; all that is wrong with it is "
        .. "told with its line" },
    { "output", short = "o", type = "path",
      help = "write the map there; %j in it is the number of the job" },
    { "explain", type = "bool",
      help = "say what was assumed, what is gained over the order given and what limits it" },
    { "islands", type = "string", metavar = "NAME,...",
      help = "use only these islands of the machine (InfiniBand, Ethernet)" },
    { "cross", type = "string", metavar = "AXIS,...",
      help = "axes whose groups may cross between islands (pp,dp)" },
    { "keep-blocks", type = "int", min = 1, metavar = "N",
      help = "every N consecutive ranks stay in order on GPUs that follow each other, on one host "
        .. "where they fit" },
  },
  notes = {
    "--job also knows hidden, kv, seq, layers, microbatches, microbatch, params,",
    "expert_params, topk, moe_layers, vocab, dispatch_bytes; what is not given is assumed, and",
    "--explain says so. Further words: world=N (dp is what is left), fsdp=N hsdp=M (M replicas of",
    "N ranks that share parameters, over dp and cp), layers_per_stage=7,8x14,7, tied=yes (the",
    "end stages share the embedding), dispatch=hierarchical route_nodes=4 (a token goes once to",
    "each of at most 4 NVLink domains), and model= and axis= as the options.",
    "",
    "Several --job take parts of the machine that the mapper chooses, racks of their own where",
    "they fit. First counts the job that is slowed down most against what it would take alone, by",
    "what the others send on the uplinks they share. Maps are printed one after another, in JSON",
    "as an array; -o NAME-%j.json writes a file each.",
    "",
    "Models: llama3-405b, deepseek-v3, mlperf-405b-5120, mlperf-405b-512, dsv3-256.",
    "",
    "--explain begins with what was taken for granted: sources of the machine, algorithms, what",
    "overlaps, and for each phase the bytes sent, given by the job, modelled by a published",
    "formula, or assumed where figures of the model were not given. Times are ratios unless the",
    "machine is calibrated (perilune topo calibrate): only then milliseconds. In JSON, \"unit\" is",
    "s or uncalibrated, and \"no_gain_expected\" says that the order given is kept.",
    "",
    "A rankfile leaves ranks unbound (slot=S*), as a slot is a core to Open MPI, and their GPU to",
    "the local rank. One that is read may say a GPU, slot=2.",
    "",
    "--groups reads JSON, { \"tp\": [[0, 1], [2, 3]], \"dp\": [[0, 2], [1, 3]] }, or text, one",
    "group a line: 'tp: 0 1'; ranges 0-3 and # comments are allowed. Names: tp cp dp dp-cp pp ep",
    "etp edp fsdp hsdp embd and Megatron's (dp_cp, tensor_model_parallel_group, ...); another name",
    "needs its volume, 'moe@2G:alltoall: 0 1 2 3'. Each rank is in one group of a family unless",
    "the name ends in ':partial'. Sizes come from the file where --job gives none.",
  },
  examples = {
    "perilune map --topo gb300-nvl72:racks=64 --job 'tp=8 pp=8 dp=63 ep=24' --explain",
    "perilune map --topo dgx-h100:nodes=4 --job 'tp=8 dp=4' --for mpi --format rankfile",
    "perilune map --topo gb200-nvl72:racks=80 --model mlperf-405b-5120 --explain",
    "perilune map --topo gb200-nvl72:racks=8 --job 'tp=4 dp=72' --job 'tp=8 dp=18' -o job-%j.json "
      .. "--format json",
    "perilune map --topo cluster.lua --groups groups.json --job 'hidden=8192 layers=64'",
  },
  run = run,
}
