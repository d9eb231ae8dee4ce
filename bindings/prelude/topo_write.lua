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

local function level_line(topo, i, level, figures, regular)
  local parts = { ("name = %q"):format(level.name) }
  local function add(key, value)
    if value and value ~= 0 then parts[#parts + 1] = ("%s = %s"):format(key, number(value)) end
  end
  local listed = not regular and level.uneven
  if not listed then add("count", level.count) end
  if level.link ~= "" then parts[#parts + 1] = ("link = %q"):format(level.link) end
  add("bandwidth_gbyte_s", level.bandwidth_gbyte_s)
  add("latency_us", level.latency_us)
  if level.oversubscription ~= 1 then add("oversubscription", level.oversubscription) end
  if not figures.by_bandwidth then add("distance", level.distance) end
  add("rails", level.rails)
  local line = "    { " .. table.concat(parts, ", ")
  if not listed then return line .. " },\n" end
  local units = topo:units(i)
  for u, unit in ipairs(units) do units[u] = ("      %q,\n"):format(unit) end
  return line .. ", units = {\n" .. table.concat(units) .. "    } },\n"
end

local function cluster(topo)
  local figures, levels = topo:figures(), topo:levels()
  local regular = is_regular(levels, #topo:hosts())
  local out = { "-- A cluster file of perilune, made by: perilune topo import\n" }
  local function add(fmt, ...) out[#out + 1] = fmt:format(...) end
  local function count(key, value)
    if value and value > 0 then add("  %s = %d,\n", key, value) end
  end
  local function gpus(key)
    local text = topo:marked(key)
    if text ~= "" then add("  %s = %q,\n", key, text) end
  end
  if topo:source() then add("-- from %s\n", (topo:source():gsub("[%c]", "?"))) end
  add("return {\n  name = %q,\n  hosts = %s,\n", topo:name(), host_text(topo:hosts()))
  count("gpus_per_host", topo:gpus_per_host())
  count("adapters_per_host", figures.adapters_per_host)
  count("adapters", figures.adapters)
  count("switches", figures.switches)
  gpus("missing")
  gpus("unusable")
  out[#out + 1] = "  topology = {\n"
  for i, level in ipairs(levels) do
    out[#out + 1] = level_line(topo, i, level, figures, regular)
  end
  out[#out + 1] = "  },\n}\n"
  return table.concat(out)
end

-- ---- switches and the hosts or switches below them ------------------------------------------

-- A list of { name, hosts = text } and { name, switches = text }, leaves first.
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
      local children, held = {}, 0
      while below and held < #set do
        children[#children + 1] = below[at].name
        held, at = held + below[at].n, at + 1
      end
      if below then
        entry.switches = tostring(require("perilune.core.hostset").new(children))
      end
    end
    below = these
  end
  return list
end

local function slurm_conf(topo)
  local out = { "# made by: perilune topo import --to slurm-topology-conf\n" }
  for _, entry in ipairs(switches(topo)) do
    out[#out + 1] = ("SwitchName=%s %s=%s\n"):format(entry.name,
      entry.hosts and "Nodes" or "Switches", entry.hosts or entry.switches)
  end
  return table.concat(out)
end

local function slurm_yaml(topo)
  local out = { "---\n- topology: imported\n  cluster_default: true\n  tree:\n    switches:\n" }
  for _, entry in ipairs(switches(topo)) do
    out[#out + 1] = ("      - switch: %s\n        %s: %s\n"):format(entry.name,
      entry.hosts and "nodes" or "children", entry.hosts or entry.switches)
  end
  return table.concat(out)
end

local WRITERS = {
  ["cluster"] = cluster,
  ["slurm-topology-conf"] = slurm_conf,
  ["slurm-topology-yaml"] = slurm_yaml,
}

--- The formats that can be written.
write.formats = { "cluster", "slurm-topology-conf", "slurm-topology-yaml", "topograph-yaml" }

--- The machine as text. Nil where the format is not in this version.
---@param topo userdata
---@param format string
---@return string?
function write.text(topo, format)
  local writer = WRITERS[format]
  return writer and writer(topo)
end

return write
