-- launch.lua - t:launch: one process per rank of a map, all or none, with torchrun's variables.
--
-- via = "env" starts every rank as a task of its own on its host, with RANK LOCAL_RANK GROUP_RANK
-- WORLD_SIZE LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT set, and PERILUNE_JOB, a word that names this
-- start of this job. They run as a gang: the first that fails ends the others.
--
-- MASTER_ADDR is the address by which rank 0's host was reached. MASTER_PORT is taken at random
-- from below the range the kernel hands out; a program that finds it taken exits with the code
-- named by port_taken, and the job is started again with another.

local blame = require "perilune.blame"
local command = require "perilune.command"
local parse = require "perilune.parse"
local result = require "perilune.result"
local units = require "perilune.units"

local launch = {}

local KEYS = { "via", "cmd", "env", "cwd", "timeout", "idle_timeout", "merge", "master_addr",
               "master_port", "port_taken" }
local LATER = { "gpus", "stall", "on_stall", "on_failure", "container", "profile", "survive",
                "detach", "bind" }
local VIAS = { torchrun = true, mpi = true, srun = true }
local PORT_FIRST, PORT_LAST = 20000, 29999
local STARTS_MAX = 5 -- with another port each
local TAIL_LINES = 20

---@class perilune.LaunchOptions
---@field cmd string|table a line for the shell there, or exact words
---@field via "env"?
---@field env table<string, any>?
---@field cwd string?
---@field merge boolean? standard error into standard output
---@field timeout number|string|nil for all ranks
---@field idle_timeout number|string|nil without output
---@field master_addr string?
---@field master_port integer?
---@field port_taken integer? exit code of rank 0 that asks for another port

---@class perilune.RankResult
---@field rank integer
---@field host string
---@field gpu integer?
---@field why string?
---@field tail string last lines of its output

---@class perilune.LaunchResult: perilune.Result
---@field phase "start"|"run"|nil
---@field first perilune.RankResult? the first rank that failed, in time
---@field seconds number
---@field starts integer more than one when the port was taken

---@class perilune.Job
local Job = {}
Job.__name = "perilune.job"

local JOB_FIELDS = { "failed", "out", "run", "seconds", "argv", "line", "env", "timeout",
                     "idle_timeout", "closed", "master_addr", "master_port", "name" }

function Job.__index(_, key)
  if Job[key] ~= nil then return Job[key] end
  for _, name in ipairs(JOB_FIELDS) do
    if name == key then return nil end
  end
  blame.unknown_field("a job", key, Job, {})
end

-- ---- what is asked for ---------------------------------------------------------------------

local function read_time(name, value)
  if value == nil then return nil end
  local seconds, message = units.parse_duration(value)
  if not seconds then blame.raise("t:launch: %s: %s", name, message) end
  return seconds
end

local function check(opts)
  if type(opts) ~= "table" then blame.raise("t:launch needs a map and a table of options") end
  for _, key in ipairs(LATER) do
    if opts[key] ~= nil then blame.not_yet(("t:launch's '%s'"):format(key)) end
  end
  blame.check_keys("t:launch", opts, KEYS)
  local via = opts.via or "env"
  if VIAS[via] then blame.not_yet(("via = '%s'"):format(via)) end
  if via ~= "env" then blame.raise("t:launch: via is 'env', not '%s'", tostring(via)) end
end

-- ---- ranks ---------------------------------------------------------------------------------

-- For each rank its host, local rank and group rank; hosts are grouped in order of first rank.
local function place_ranks(map)
  local ranks, groups, n_groups = {}, {}, 0
  for rank = 0, map.size - 1 do
    local host = map:host(rank)
    local group = groups[host]
    if not group then
      group = { index = n_groups, size = 0 }
      groups[host], n_groups = group, n_groups + 1
    end
    ranks[rank + 1] = { rank = rank, host = host, gpu = map:gpu(rank), local_rank = group.size,
      group = group }
    group.size = group.size + 1
  end
  return ranks
end

local function rank_environment(one, job)
  local env = {}
  for name, value in pairs(job.env or {}) do env[name] = value end
  env.RANK = tostring(one.rank)
  env.LOCAL_RANK = tostring(one.local_rank)
  env.GROUP_RANK = tostring(one.group.index)
  env.WORLD_SIZE = tostring(#job.ranks)
  env.LOCAL_WORLD_SIZE = tostring(one.group.size)
  env.MASTER_ADDR = job.master_addr
  env.MASTER_PORT = tostring(job.master_port)
  env.PERILUNE_JOB = job.name
  return env
end

-- ---- the master ----------------------------------------------------------------------------

-- The address by which the host is reached: over SSH its server tells; on this machine, loopback.
local function find_master(t, host)
  if not t.run.transport:can("places") then return "127.0.0.1" end
  local asked = t.run.host_set({ host }):exec(
    'set -- $SSH_CONNECTION; echo "$3"', { timeout = 60 })
  if not asked.ok then return nil, asked end
  local address = asked[1].stdout:match("%S+")
  return address or host
end

local function pick_port(opts)
  return opts.master_port or require("perilune.lots").random(PORT_FIRST, PORT_LAST)
end

-- ---- how it ended --------------------------------------------------------------------------

local LaunchResult = setmetatable({}, { __index = result.class })
LaunchResult.__index = LaunchResult
LaunchResult.__name = "perilune.launch"

--- How one rank ended: host, outcome, code, signal, stdout, stderr, seconds, why.
---@param rank integer
function LaunchResult:rank(rank)
  if math.type(rank) ~= "integer" or rank < 0 or rank >= #self.ranks then
    blame.raise("rank %s: the job has ranks 0 to %d", tostring(rank), #self.ranks - 1)
  end
  return self.run:result(rank + 1)
end

function LaunchResult:__len()
  return #self.ranks
end

--- Rows from the output of all ranks, in the order of ranks, each with its `host` and `rank`.
---@param what string as for result sets
---@param names? table
function LaunchResult:parse(what, names)
  local entries, ranks = {}, {}
  for i = 1, #self.ranks do
    entries[i], ranks[i] = self.run:result(i), self.ranks[i].rank
  end
  return parse.entries(entries, what, names, ranks)
end

blame.guard_methods(LaunchResult, "result")

local function tail_of(one)
  local text = (one.stderr or "") ~= "" and one.stderr or one.stdout or ""
  local lines = {}
  for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return table.concat(lines, "\n", math.max(1, #lines - TAIL_LINES + 1))
end

local function describe_first(one, r)
  return { rank = one.rank, host = one.host, gpu = one.gpu, why = r.why, tail = tail_of(r),
    outcome = r.outcome, code = r.code, signal = r.signal }
end

local function why_failed(first)
  local why = ("rank %d on %s: %s"):format(first.rank, first.host, first.why or first.outcome)
  return first.tail ~= "" and why .. "\n" .. first.tail or why
end

local function make_result(job)
  local run = job.run
  local out = { run = run, ranks = job.ranks, starts = job.starts, ok = true, status = 0,
    seconds = job.seconds }
  local i = run:first_failed()
  if i then
    local r = run:result(i)
    out.ok, out.first = false, describe_first(job.ranks[i], r)
    out.phase = r.phase and r.phase ~= "stream" and "start" or "run"
    out.why = why_failed(out.first)
    out.status = require("perilune.core.run").outcome_status(r.outcome)
  elseif run:summary().ok < #job.ranks then
    out.ok, out.phase, out.why, out.status = false, "stop", "the job was canceled", 130
  end
  return setmetatable(out, LaunchResult)
end

-- ---- the job -------------------------------------------------------------------------------

local function start(job)
  job.starts = job.starts + 1
  job.master_port = pick_port(job.opts)
  job.name = ("%s.%d"):format(job.t.run.next_job(), job.starts)
  local tasks = {}
  for i, one in ipairs(job.ranks) do
    tasks[i] = { host = one.host, index = one.local_rank, env = rank_environment(one, job) }
  end
  job.t:record("launch", { job = job.name, ranks = #tasks, master = job.master_addr,
    port = job.master_port, cmd = job.argv and table.concat(job.argv, " ") or job.line })
  job.run = job.t.run.start { tasks = tasks, argv = job.argv, line = job.line, gang = true,
    cwd = job.opts.cwd, merge = job.opts.merge, timeout = job.timeout,
    idle_timeout = job.idle_timeout }
end

local function port_was_taken(job, out)
  return out.first ~= nil and job.opts.port_taken ~= nil and job.opts.master_port == nil
    and out.first.rank == 0 and out.first.code == job.opts.port_taken
end

--- Waits for the end of all ranks.
---@return perilune.LaunchResult
function Job:wait()
  if self.closed then blame.raise("job:wait: this job was closed, at the end of its block") end
  if self.failed then return self.failed end
  local now = require("perilune.core.sched").now
  local begun = now()
  while not self.out do
    require("perilune.fanout").wait(self.run)
    self.seconds = now() - begun
    local out = make_result(self)
    if port_was_taken(self, out) and self.starts < STARTS_MAX then
      start(self)
    else
      self.out = out
    end
  end
  return self.out
end

--- Ends every rank; wait() then says how each came to its end.
function Job:cancel()
  if self.run then self.run:cancel() end
end

-- Leaving its block ends the job and waits until nothing of it runs.
function Job:__close()
  self.closed = self.out == nil
  if self.run and not self.run:ended() then
    self.run:cancel()
    self.run:wait()
  end
end

blame.guard_methods(Job, "job")

-- A map that failed is a result; whoever did not look at it hears why.
local function check_map(map)
  if math.type(type(map) == "userdata" and map.size) == "integer" then return end
  if type(map) == "table" and map.ok == false then
    blame.raise("t:launch needs a map, and there is none: %s", map.why)
  end
  blame.raise("t:launch needs a map, not a %s", type(map))
end

--- Starts the ranks of a map. The job is closeable; wait() gives the result.
---@param t perilune.Point
---@param map perilune.Map
---@param opts perilune.LaunchOptions
---@return perilune.Job
function launch.launch(t, map, opts)
  check(opts)
  check_map(map)
  local argv, line = command.read("t:launch", opts.cmd)
  local job = setmetatable({ t = t, opts = opts, argv = argv, line = line, starts = 0,
    env = command.environment("t:launch", opts.env), ranks = place_ranks(map),
    timeout = read_time("timeout", opts.timeout),
    idle_timeout = read_time("idle_timeout", opts.idle_timeout) }, Job)
  local failure
  job.master_addr, failure = opts.master_addr, nil
  if not job.master_addr then
    job.master_addr, failure = find_master(t, job.ranks[1].host)
  end
  if failure then
    job.failed = result.failed { why = "rank 0's host: " .. tostring(failure.why), phase = "start",
      status = failure.status or 3 }
    return job
  end
  start(job)
  return job
end

return launch
