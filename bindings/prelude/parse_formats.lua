-- parse_formats.lua - what well-known programs print, as rows: one reader per format.
--
-- A format is { read = function(text) -> rows, extras, key =, both = }: extras are further fields
-- of the table of rows, `key` the column that :at looks in, `both` says that standard error is read
-- too. Lines that are none of the format's are passed over.

local csv = require "perilune.csv"
local json = require "perilune.core.json"

local formats = {}

local function words_of(line)
  local words = {}
  for word in line:gmatch("%S+") do words[#words + 1] = word end
  return words
end

-- "N/A" and the like are nil.
local function number(text)
  return text and tonumber(text) or nil
end

-- ---- nccl-tests ----------------------------------------------------------------------------

-- #  Rank  0 Group  0 Pid 10061 on host device  0 [0000:19:00] NVIDIA H100 80GB HBM3
local NCCL_RANK = "^#%s*Rank%s+(%d+).-Pid%s+(%d+)%s+on%s+(%S+)%s+device%s+(%d+)%s+%[([^%]]*)%]"
  .. "%s*(.*)$"

local function nccl_rank(line)
  local rank, pid, host, device, bus, name = line:match(NCCL_RANK)
  if not rank then return nil end
  return { rank = tonumber(rank), pid = tonumber(pid), host = host, device = tonumber(device),
    bus = bus, name = name }
end

-- The last eight columns are time, algbw, busbw, #wrong, out of place and in place; before them
-- stand size and count, then type, operation and root, as far as the test has them.
local function nccl_row(line)
  local words = words_of(line)
  local n = #words
  if n < 11 or not words[1]:find("^%d+$") or not words[2]:find("^%d+$") then return nil end
  if not tonumber(words[n - 7]) or not tonumber(words[n - 1]) then return nil end
  local function half(from)
    return { time = number(words[from]), algbw = number(words[from + 1]),
      busbw = number(words[from + 2]), wrong = number(words[from + 3]) }
  end
  local row = half(n - 7)
  row.in_place = half(n - 3)
  row.size, row.count, row.type = tonumber(words[1]), tonumber(words[2]), words[3]
  row.redop = n > 11 and words[4] or nil
  row.root = n > 12 and number(words[5]) or nil
  return row
end

formats["nccl-tests"] = {
  key = "size",
  read = function(text)
    local rows, ranks, extras = {}, {}, {}
    for line in text:gmatch("[^\r\n]+") do
      ranks[#ranks + 1] = nccl_rank(line)
      rows[#rows + 1] = nccl_row(line)
      extras.avg_busbw = number(line:match("^#%s*Avg bus bandwidth%s*:%s*(%S+)"))
        or extras.avg_busbw
      extras.out_of_bounds = number(line:match("^#%s*Out of bounds values%s*:%s*(%d+)"))
        or extras.out_of_bounds
    end
    extras.ranks = ranks
    extras.units = { size = "bytes", time = "us", algbw = "GB/s", busbw = "GB/s" }
    return rows, extras
  end,
}

-- ---- MLPerf's log --------------------------------------------------------------------------

-- :::MLLOG {"namespace": "", "time_ms": 1, "event_type": "POINT_IN_TIME", "key": "run_start", ...}
formats.mllog = {
  key = "key", both = true,
  read = function(text)
    local rows = {}
    for object in text:gmatch(":::MLLOG%s*({[^\r\n]*})") do
      local ok, row = pcall(json.decode, object)
      if ok and type(row) == "table" then rows[#rows + 1] = row end
    end
    return rows
  end,
}

-- ---- torchrun ------------------------------------------------------------------------------

local FAILURE_FIELDS = { "time", "host", "error_file", "traceback" }

-- A block of "name : value" lines under "[n]:".
local function torchrun_failure(fields, root)
  local rank, local_rank = (fields.rank or ""):match("^(%d+)%s*%(local_rank:%s*(%d+)")
  if not rank then return nil end
  local code, pid = (fields.exitcode or ""):match("^(%-?%d+)%s*%(pid:%s*(%d+)")
  local row = { rank = tonumber(rank), local_rank = tonumber(local_rank), code = number(code),
    pid = number(pid), root = root }
  for _, name in ipairs(FAILURE_FIELDS) do
    if fields[name] ~= "<N/A>" then row[name] = fields[name] end
  end
  row.signal = (row.traceback or ""):match("Signal %d+ %((SIG%w+)%)")
  return row
end

-- A line of torchrun's agent, for where the report at its end is missing.
local function agent_failure(line)
  local code, local_rank, pid =
    line:match("failed %(exitcode: (%-?%d+)%) local_rank: (%d+) %(pid: (%d+)%)")
  if not code then return nil end
  return { local_rank = tonumber(local_rank), code = tonumber(code), pid = tonumber(pid),
    root = false }
end

local function torchrun_rows(text)
  local rows, fields, root = {}, nil, false
  local function finish()
    rows[#rows + 1] = fields and torchrun_failure(fields, root) or nil
    fields = nil
  end
  for line in text:gmatch("[^\r\n]+") do
    local name, value = line:match("^%s+([%w_]+)%s*:%s(.*)$")
    if fields and name then
      fields[name] = value
    elseif not line:find("^%s%s") then -- a traceback goes on over lines that are indented
      finish()
    end
    if line:find("^%s*%[%d+%]:%s*$") then fields = {} end
    if line:find("^Root Cause") then root = true end
    if line:find("^Failures:") then root = false end
  end
  finish()
  return rows
end

formats.torchrun = {
  key = "rank", both = true,
  read = function(text)
    local rows = torchrun_rows(text)
    if #rows > 0 then return rows end
    for line in text:gmatch("[^\r\n]+") do rows[#rows + 1] = agent_failure(line) end
    return rows
  end,
}

-- ---- perftest: ib_write_bw and its relatives -----------------------------------------------

local function column_name(title)
  return (title:gsub("^%W+", ""):gsub("%W+$", ""):gsub("%W+", "_"):lower())
end

-- " #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]": a column ends
-- with its unit, or where two blanks are.
local function perftest_columns(line)
  if not line:find("^%s*#bytes%s+#iterations") then return nil end
  local names, units = {}, {}
  local spaced = line:gsub("^%s*#bytes%s+#iterations%s*", "bytes\titerations\t")
  for title in spaced:gsub("%]", "]\t"):gsub("%s%s+", "\t"):gmatch("[^\t]+") do
    if title:find("%S") then
      local plain, unit = title:match("^(.-)%[(.-)%]$")
      names[#names + 1] = column_name(plain or title)
      units[names[#names]] = unit
    end
  end
  return names, units
end

formats.ib_write_bw = {
  key = "bytes",
  read = function(text)
    local rows, names, units = {}, nil, {}
    for line in text:gmatch("[^\r\n]+") do
      local found, its_units = perftest_columns(line)
      if found then
        names, units = found, its_units
      elseif names and line:find("^%s*%d+%s+%d+%s") then
        local row = {}
        for i, word in ipairs(words_of(line)) do row[names[i] or i] = tonumber(word) or word end
        rows[#rows + 1] = row
      end
    end
    return rows, { units = units }
  end,
}

-- ---- JSON, CSV -----------------------------------------------------------------------------

-- The objects of one document, which is one or an array of them.
local function add_objects(rows, text)
  local ok, value = pcall(json.decode, text)
  if not ok or type(value) ~= "table" then return false end
  for _, row in ipairs(value[1] ~= nil and value or { value }) do
    if type(row) == "table" then rows[#rows + 1] = row end
  end
  return true
end

-- The whole text as one document, or each line that is one.
formats.json = {
  read = function(text)
    local rows = {}
    if add_objects(rows, text) then return rows end
    for line in text:gmatch("[^\r\n]+") do
      if line:find("^%s*[{%[]") then add_objects(rows, line) end
    end
    return rows
  end,
}

-- A column "memory.used [MiB]" is memory.used, and "81559 MiB" in it 81559, as nvidia-smi writes.
local function take_unit(rows, column, name, unit)
  for _, row in ipairs(rows) do
    local value = row[column]
    if type(value) == "string" and value:sub(-#unit) == unit then
      value = tonumber(value:sub(1, -#unit - 1)) or value
    end
    row[column], row[name] = nil, value
  end
end

formats.csv = {
  read = function(text)
    local rows, names = csv.decode(text)
    if not rows then return {} end
    local units, key = {}, nil
    for _, column in ipairs(names or {}) do
      local name, unit = column:match("^(.-)%s*%[(.-)%]$")
      if name then
        take_unit(rows, column, name, unit)
        units[name] = unit
      end
      key = key or name or column
    end
    return rows, { units = units, key = key }
  end,
}

return formats
