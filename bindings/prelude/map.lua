-- map.lua - rank maps for Lua: which GPU each rank of a job runs on.
--
--   local map = pl.map.place { topo = pl.topo.load "dgx-h100:nodes=4", job = { tp = 8, dp = 4 } }
--   print(map:explain())

local core = require "perilune.core.rankmap"

local map = {}

--- The names of the formats that map:format() writes.
---@return string[]
map.formats = core.formats

--- { tp = 4, dp = 8 } as the text of --job, in a fixed order; text as it is. A list under `axis`
--- is several axes of one's own, one under layers_per_stage the stages in order.
---@param job table|string
---@return string
function map.job_text(job)
  if type(job) ~= "table" then return job end
  local words = {}
  for name, value in pairs(job) do
    if name == "axis" and type(value) == "table" then
      for _, axis in ipairs(value) do words[#words + 1] = "axis=" .. axis end
    else
      if type(value) == "table" then value = table.concat(value, ",") end
      words[#words + 1] = ("%s=%s"):format(name, value)
    end
  end
  table.sort(words)
  return table.concat(words, " ")
end

--- True when the text is a job; nil and what is wrong with it.
---@param text string
---@return true? ok
---@return string? message
map.check_job = core.check_job

---@class perilune.MapRequest
---@field topo userdata the machine
---@field job table|string sizes and model: { tp = 4, dp = 8, order = "tp-cp-ep-dp-pp" }
---@field groups? string process groups as the job dumped them, JSON or text (see map --help)
---@field groups_name? string where they come from, for messages
---@field hosts? userdata use these, in this order
---@field launcher? "torchrun"|"megatron"|"deepspeed"|"slurm"|"mpi"|"env" (torchrun)
---@field strategy? "best"|"keep-order"|"aligned"|"packed"|"spread" (best)
---@field objective? "time"|"load"|"volume" (time)
---@field assumed? string[] what the caller took for granted, "subject: what", for the explanation
---@field price? boolean explain what the launcher's rule costs: the job is placed a second time
---@field spares? string hosts to keep free: "4", or in each rack: "1/rack"
---@field effort? "fast"|"normal"|"best" (normal)
---@field seed? integer the same seed gives the same map (1)
---@field islands? string use only these islands of the machine: "infiniband"
---@field cross? string axes whose groups may cross between islands ("pp,dp")
---@field keep_blocks? integer so many consecutive ranks stay on consecutive GPUs

local function request_of(request)
  local copy = {}
  for key, value in pairs(request) do copy[key] = value end
  copy.job = map.job_text(request.job)
  return copy
end

--- Places a job. Nil and a message when there are too few usable GPUs; a wrong request raises.
---@param request perilune.MapRequest
---@return userdata? map
---@return string? message
function map.place(request)
  return core.place(request_of(request))
end

--- Places several jobs on one machine at the same time, each on GPUs of its own: `request` is that
--- of the first, `more` are the others, sizes and model each. Nil and a message, which names the
--- job, when there are too few usable GPUs; a wrong request raises.
---@param request perilune.MapRequest
---@param more (table|string)[]
---@return userdata[]? maps in the order of the jobs
---@return string? message
function map.place_jobs(request, more)
  local copy = request_of(request)
  copy.more_jobs = {}
  for i, job in ipairs(more) do copy.more_jobs[i] = map.job_text(job) end
  return core.place_jobs(copy)
end

--- A map made elsewhere, with what it costs: request.text in any format that is read (vector,
--- json, csv, rankfile), request.text_name for messages. Raises when it is none.
---@param request perilune.MapRequest
---@return userdata? map
---@return string? message
function map.evaluate(request)
  return core.evaluate(request_of(request))
end

--- The map in request.text, with the ranks elsewhere whose GPU is unusable now; its notes list the
--- moves. Nil and a message when there are too few spares, or more than request.max_moves would
--move.
---@param request perilune.MapRequest
---@return userdata? map
---@return string? message
function map.repair(request)
  return core.repair(request_of(request))
end

--- The GPUs in the text of another job's map are its own from now on, and where the map is JSON,
--- which says its job, it has its share of the uplinks. Raises for a map that is none.
---@param machine userdata the topology
---@param text string
---@param name string where it comes from, for messages
---@return integer ranks
---@return string? job nil where it is not known
function map.occupy(machine, text, name)
  local ok, said = pcall(require("perilune.core.json").decode, text)
  local job = ok and type(said) == "table" and type(said.job) == "string" and said.job or nil
  if job and job:find("^groups=") then job = nil end
  return machine:occupy(text, name, job), job
end

---@class perilune.GraphMapRequest
---@field topo userdata the machine
---@field comm string file of a graph: METIS, Matrix Market, or src,dst,bytes CSV
---@field hosts? userdata use these, in this order
---@field effort? "fast"|"normal"|"best" (normal)
---@field seed? integer the same seed gives the same map (1)
---@field evaluate? string file of a map to be scored instead, one PE a line

--- Places the ranks of a communication graph so that the sum of volume x distance is least. Waits;
--- the rest of the program goes on. Nil and a message when a file cannot be read or is wrong, with
--- its line, or there are too few usable GPUs; a wrong request raises.
---@param request perilune.GraphMapRequest
---@return userdata? map
---@return string? message
function map.place_graph(request)
  return require("perilune.core.graphmap").place(request)
end

return map
