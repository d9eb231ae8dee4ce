-- topo_write.lua - a machine as a file: our own cluster file, or what schedulers read.

local write = {}

-- Whether every unit holds as many units inside as the fullest.
local function is_regular(levels, hosts)
  for i, level in ipairs(levels) do
    local inside = i > 1 and levels[i - 1].units or hosts
    if level.uneven and level.units * level.count ~= inside then return false end
  end
  return true
end

-- Host names as text: folded where that keeps their order, else one by one.
local function host_text(hosts)
  local folded = tostring(hosts)
  local back = require("perilune.core.hostset").parse(folded, { no_files = true })
  if back and back:join(",") == hosts:join(",") then return ("%q"):format(folded) end
  local names = {}
  for i, name in ipairs(hosts:names()) do names[i] = ("%q"):format(name) end
  return "{ " .. table.concat(names, ", ") .. " }"
end

local function number(value)
  if math.tointeger(value) then return ("%d"):format(value) end
  local short = ("%.14g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

-- ---- our own -------------------------------------------------------------------------------

-- The run and time of "run ID, measured TIME", as cluster.lua puts it.
local function calibrated_line(text)
  local run, time = (text or ""):match("^run (.-), measured (.*)$")
  if not run then return nil end
  return ("  calibrated = { run = %q, time = %q },\n"):format(run, time)
end

-- What is fitted is no better than four digits.
local function short(value) return tonumber(("%.4g"):format(value)) end

local function island_text(names)
  local quoted = {}
  for i, name in ipairs(names) do quoted[i] = ("%q"):format(name) end
  return "islands = { " .. table.concat(quoted, ", ") .. " }"
end

-- `fitted`: bandwidth and latency that were measured, in place of the level's own.
local function level_line(topo, i, level, figures, regular, fitted)
  local parts = { ("name = %q"):format(level.name) }
  local function add(key, value)
    if value and value ~= 0 then parts[#parts + 1] = ("%s = %s"):format(key, number(value)) end
  end
  local listed = not regular and level.uneven
  if not listed then add("count", level.count) end
  if level.link ~= "" then parts[#parts + 1] = ("link = %q"):format(level.link) end
  add("bandwidth_gbyte_s", fitted and short(fitted.bandwidth_gbyte_s) or level.bandwidth_gbyte_s)
  add("latency_us", fitted and short(fitted.latency_us) or level.latency_us)
  if level.oversubscription ~= 1 then add("oversubscription", level.oversubscription) end
  if not figures.by_bandwidth and not fitted then add("distance", level.distance) end
  add("rails", level.rails)
  if level.islands then parts[#parts + 1] = island_text(level.islands) end
  local line = "    { " .. table.concat(parts, ", ")
  if not listed then return line .. " },\n" end
  local units = topo:units(i)
  for u, unit in ipairs(units) do units[u] = ("      %q,\n"):format(unit) end
  return line .. ", units = {\n" .. table.concat(units) .. "    } },\n"
end

-- A value of a table of data, keys in the order of `order` where it has one.
local function data_text(value, order)
  if type(value) == "string" then return ("%q"):format(value):gsub("\\\n", "\\n") end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for i, item in ipairs(value) do parts[i] = data_text(item) end
  for _, key in ipairs(order or {}) do
    if value[key] ~= nil then
      parts[#parts + 1] = ("%s = %s"):format(key, (data_text(value[key])))
    end
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- Where it comes from, with times but not how long ago they are.
local function source_text(topo, record)
  local told = record.facts and require("perilune.provenance").text(record.facts, 0) or ""
  return told ~= "" and told or topo:source()
end

local FACT_KEYS = { "fact", "by", "format", "hosts", "from", "to" }
local INVENTORY_KEYS = { "host", "chassis", "slot", "domain", "leaf", "gpus", "uuids" }

-- A list of entries, one a line; nothing where there are none.
local function list_text(name, entries, keys)
  if not entries or not entries[1] then return "" end
  local lines = {}
  for i, entry in ipairs(entries) do lines[i] = ("    %s,\n"):format(data_text(entry, keys)) end
  return ("  %s = {\n%s  },\n"):format(name, table.concat(lines))
end

local function cluster(topo, record, calibration)
  local figures, levels = topo:figures(), topo:levels()
  local regular = is_regular(levels, #topo:hosts())
  local out = { ("-- A cluster file of perilune, made by: perilune topo%s\n"):format(
    calibration and " calibrate" or "") }
  local function add(fmt, ...) out[#out + 1] = fmt:format(...) end
  local function count(key, value)
    if value and value > 0 then add("  %s = %d,\n", key, value) end
  end
  local function gpus(key)
    local text = topo:marked(key)
    if text ~= "" then add("  %s = %q,\n", key, text) end
  end
  local from = source_text(topo, record)
  if from then add("-- from %s\n", (from:gsub("[%c]", "?"))) end
  for line in (calibration and calibration.text or ""):gmatch("[^\n]+") do
    add("-- %s\n", (line:gsub("%c", "?")))
  end
  add("return {\n  name = %q,\n  hosts = %s,\n", topo:name(), host_text(topo:hosts()))
  count("gpus_per_host", topo:gpus_per_host())
  count("adapters_per_host", figures.adapters_per_host)
  count("adapters", figures.adapters)
  count("switches", figures.switches)
  gpus("missing")
  gpus("unusable")
  out[#out + 1] = calibrated_line(calibration and calibration.source or topo:calibrated())
  if topo:rails() ~= "" then add("  rails = %q,\n", topo:rails()) end
  out[#out + 1] = "  topology = {\n"
  for i, level in ipairs(levels) do
    out[#out + 1] = level_line(topo, i, level, figures, regular,
      calibration and calibration.levels[i])
  end
  out[#out + 1] = "  },\n"
  out[#out + 1] = list_text("facts", record.facts, FACT_KEYS)
  out[#out + 1] = list_text("inventory", record.inventory, INVENTORY_KEYS)
  out[#out + 1] = "}\n"
  return table.concat(out)
end

-- ---- switches and the hosts or switches below them ------------------------------------------

-- A list of { name, hosts = text } and { name, switches = text, below = { entries } }, leaves
-- first; `parent` is the entry above.
local function switches(topo)
  local list, levels, figures = {}, topo:levels(), topo:figures()
  local below -- of the level inside: { name, first host }
  for i = figures.host_level + 1, #levels do
    local these, at = {}, 1
    for u, hosts in ipairs(topo:units(i)) do
      local name = ("%s%d"):format(levels[i].name, u)
      local set = require("perilune.core.hostset").parse(hosts, { no_files = true })
      local entry = { name = name, hosts = not below and hosts or nil, n = #set }
      these[u], list[#list + 1] = entry, entry
      local names, held = {}, 0
      entry.below = below and {}
      while below and held < #set do
        local child = below[at]
        child.parent, entry.below[#names + 1], names[#names + 1] = entry, child, child.name
        held, at = held + child.n, at + 1
      end
      if below then entry.switches = tostring(require("perilune.core.hostset").new(names)) end
    end
    below = these
  end
  return list
end

-- A line of this form for each switch: its name, the word for what is below it, and that.
local function switch_lines(topo, form, hosts_word, switches_word)
  local out = {}
  for i, entry in ipairs(switches(topo)) do
    out[i] = form:format(entry.name, entry.hosts and hosts_word or switches_word,
      entry.hosts or entry.switches)
  end
  return table.concat(out)
end

local function slurm_conf(topo)
  return "# made by: perilune topo import --to slurm-topology-conf\n"
    .. switch_lines(topo, "SwitchName=%s %s=%s\n", "Nodes", "Switches")
end

local function slurm_yaml(topo)
  return "---\n- topology: imported\n  cluster_default: true\n  tree:\n    switches:\n"
    .. switch_lines(topo, "      - switch: %s\n        %s: %s\n", "nodes", "children")
end

-- ---- topograph ------------------------------------------------------------------------------

-- "a[1-2],b" as YAML's entries, one for each part outside brackets.
local function node_entries(text)
  local out, from, depth = {}, 1, 0
  for i = 1, #text + 1 do
    local c = text:sub(i, i)
    depth = depth + (c == "[" and 1 or c == "]" and -1 or 0)
    if i > #text or (c == "," and depth == 0) then
      out[#out + 1] = ("  - %s\n"):format(text:sub(from, i - 1))
      from = i + 1
    end
  end
  return table.concat(out)
end

-- What is told as a block: hosts, the switch above them, and their NVLink domain if they are one.
local function block_entry(entry, nvlink)
  local switch = nvlink and entry.parent or entry -- a single domain has nothing above it
  local text = ("- switch: %s\n  nodes:\n%s"):format(switch.name, node_entries(entry.hosts))
  if not nvlink then return text end
  return ("%s  annotations:\n    accelerator.topograph.run/domain: %s\n"):format(text, entry.name)
end

local function topograph(topo)
  local inner = topo:levels()[topo:figures().host_level + 1]
  local nvlink = inner and inner.link == "nvlink"
  local above, blocks = {}, {}
  for _, entry in ipairs(switches(topo)) do
    local below = {}
    for i, child in ipairs(entry.below or {}) do
      if not (nvlink and child.hosts) then below[i] = ("    - %s\n"):format(child.name) end
    end
    if #below > 0 then
      above[#above + 1] = ("  %s:\n    switches:\n%s"):format(entry.name, table.concat(below))
    end
    if entry.hosts then blocks[#blocks + 1] = block_entry(entry, nvlink) end
  end
  return ("switches:%s\n%sblocks:\n%s"):format(#above == 0 and " {}" or "", table.concat(above),
    table.concat(blocks))
end

local WRITERS = {
  ["cluster"] = cluster,
  ["slurm-topology-conf"] = slurm_conf,
  ["slurm-topology-yaml"] = slurm_yaml,
  ["topograph-yaml"] = topograph,
}

--- The formats that can be written.
write.formats = { "cluster", "slurm-topology-conf", "slurm-topology-yaml", "topograph-yaml" }

--- The machine as text.
---@param topo userdata
---@param format string one of write.formats
---@param record? perilune.TopoRecord for our own: who told what, and what stood where
---@return string
function write.text(topo, format, record)
  return WRITERS[format](topo, record or {})
end

--- The machine as a cluster file with the figures of calibrate.fit(), `text` as a comment.
---@param topo userdata
---@param calibration table
---@param text string how good the fit is
---@param record? perilune.TopoRecord
---@return string
function write.calibrated(topo, calibration, text, record)
  return cluster(topo, record or {}, { levels = calibration.levels, text = text,
    source = ("run %s, measured %s"):format(calibration.run, calibration.time) })
end

return write
