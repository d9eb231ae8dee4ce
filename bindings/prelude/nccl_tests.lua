-- nccl_tests.lua - the tables that nccl-tests print: which collective, over which GPUs, how long
-- for which size.
--
-- The collective stands in the header of newer versions; in older ones only the name of the file or
-- the ratio of the two bandwidths tells it. busbw is algbw times a factor of the collective and the
-- number of ranks (PERFORMANCE.md of nccl-tests): what contradicts it is no such table.

local nccl_tests = {}

--- Per collective: busbw / algbw for n ranks, which is also what a rank sends for each byte of the
--- size; the steps that a ring takes; how ranks talk, as job axes have it.
---@type table<string, { factor: (fun(n: integer): number), steps: (fun(n: integer): integer),
---  pattern: string }>
nccl_tests.collectives = {
  all_reduce = { factor = function(n) return 2 * (n - 1) / n end,
                 steps = function(n) return 2 * (n - 1) end, pattern = "ring" },
  all_gather = { factor = function(n) return (n - 1) / n end,
                 steps = function(n) return n - 1 end, pattern = "ring" },
  reduce_scatter = { factor = function(n) return (n - 1) / n end,
                     steps = function(n) return n - 1 end, pattern = "ring" },
  alltoall = { factor = function(n) return (n - 1) / n end,
               steps = function(n) return n - 1 end, pattern = "alltoall" },
  broadcast = { factor = function() return 1 end, steps = function(n) return n - 1 end,
                pattern = "ring" },
  reduce = { factor = function() return 1 end, steps = function(n) return n - 1 end,
             pattern = "ring" },
  sendrecv = { factor = function() return 1 end, steps = function() return 1 end,
               pattern = "p2p" },
}

local RATIO_SLACK = 0.05 -- bandwidths are printed with two decimals

--- The collective that the name of a program or file tells, "out/all_reduce_perf.txt"; or nil.
---@param name string
---@return string?
function nccl_tests.named(name)
  for collective in pairs(nccl_tests.collectives) do
    local before = name:match("^(.-)" .. collective .. "_perf")
    if before and not before:find("[%a_]$") then return collective end
  end
  return nil
end

local function read_rank(line)
  local rank, host, device = line:match(
    "^#%s+Rank%s+(%d+)%s+Group%s+%d+%s+Pid%s+%d+%s+on%s+(%S+)%s+device%s+(%d+)")
  if not rank then rank, host, device = line:match(
    "^#%s+Rank%s+(%d+)%s+Pid%s+%d+%s+on%s+(%S+)%s+device%s+(%d+)") end
  if not rank then return nil end
  return { rank = math.tointeger(tonumber(rank)), host = host,
           gpu = math.tointeger(tonumber(device)) }
end

-- size count type redop root time algbw busbw #wrong, and once more in place.
local function read_row(line)
  local words = {}
  for word in line:gmatch("%S+") do words[#words + 1] = word end
  local size, time = math.tointeger(tonumber(words[1])), tonumber(words[6])
  local algbw, busbw = tonumber(words[7]), tonumber(words[8])
  if not (size and tonumber(words[2]) and time and algbw and busbw) then return nil end
  return { bytes = size, seconds = time * 1e-6, algbw = algbw, busbw = busbw }
end

-- The median of busbw / algbw where both are large enough to tell.
local function ratio_of(rows)
  local ratios = {}
  for _, row in ipairs(rows) do
    if row.algbw >= 1 then ratios[#ratios + 1] = row.busbw / row.algbw end
  end
  table.sort(ratios)
  return ratios[#ratios // 2 + 1]
end

local function fits(collective, ratio, n)
  return math.abs(nccl_tests.collectives[collective].factor(n) / ratio - 1) < RATIO_SLACK
end

-- Sets t.collective, or t.problem.
local function settle(t, name)
  local n, ratio = #t.ranks, ratio_of(t.rows)
  t.collective = t.collective or nccl_tests.named(name)
  if n < 2 then
    t.problem = ("it names %d ranks: a measurement needs two or more"):format(n)
  elseif not t.collective and ratio and n > 2 and fits("all_reduce", ratio, n) then
    t.collective = "all_reduce"
  elseif not t.collective then
    t.problem = "nothing tells the collective: name the file after the test, all_reduce_perf.txt"
  elseif not nccl_tests.collectives[t.collective] then
    t.problem = ("%s_perf is none of the tests that can be used"):format(t.collective)
  elseif ratio and not fits(t.collective, ratio, n) then
    t.problem = ("busbw is %.3g times algbw, which is not %s of %d ranks"):format(ratio,
      t.collective, n)
  end
end

---@class perilune.NcclTable
---@field collective? string "all_reduce"
---@field ranks { rank: integer, host: string, gpu: integer }[] by rank
---@field rows { bytes: integer, seconds: number, algbw: number, busbw: number }[]
---@field problem? string why it is of no use

--- The tables in a text, each with its ranks. Lines of other programs between are passed over.
---@param text string
---@param name string of the file, which may tell the collective
---@return perilune.NcclTable[]
function nccl_tests.tables(text, name)
  local tables, t = {}, nil
  local function begin(collective)
    t = { collective = collective, ranks = {}, rows = {} }
    tables[#tables + 1] = t
  end
  for line in text:gmatch("[^\r\n]+") do
    local starting = line:match("^#.*test starting: ([%w_]+)_perf")
    local rank, row = read_rank(line), read_row(line)
    if starting or (rank and (not t or #t.rows > 0)) then begin(starting) end
    if rank then t.ranks[#t.ranks + 1] = rank end
    if row and t then t.rows[#t.rows + 1] = row end
  end
  local kept = {}
  for _, one in ipairs(tables) do
    table.sort(one.ranks, function(a, b) return a.rank < b.rank end)
    if #one.rows > 0 then
      settle(one, name)
      kept[#kept + 1] = one
    end
  end
  return kept
end

return nccl_tests
