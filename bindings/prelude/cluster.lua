-- cluster.lua - cluster files: one table of data about a fleet and its machine.
--
-- A cluster is named by a path (a word with '/' or ending in .lua) or by a name that is looked for
-- in the person's folder of clusters, the installed data folder, and inside the program. Parameters
-- follow a colon: gb300-nvl72:racks=8,su=4. The file is evaluated with an empty environment (data,
-- not code) and gets its parameters as one table: `local p = ...`. A parameter that it does not
-- read is refused.
--
-- What load() gives: name, source, hosts (a host set), groups, gpus_per_host, adapters_per_host,
-- user, transport, ssh_config, topology, unusable, spares, leases, sim, and `topo`, the machine for
-- the mapper, which is made when it is first asked for; `notes` then are sentences on what was
-- found in the files of topology.from. `facts` and `inventory` are what `topo probe` and `topo
-- import` leave in a file: who told what and when, and what stood where (provenance.lua,
-- inventory.lua). `missing` are GPUs that a host has not, `adapters` and
-- `switches` count all of them where a product of the sizes would be wrong.

local nearest = require "perilune.nearest"
local shelf = require "perilune.shelf"

local cluster = {}

local MAX_BYTES = 16 << 20

-- Key to the types it may have.
local KEYS = {
  name = "string", hosts = "string table", groups = "table", gpus_per_host = "integer",
  adapters_per_host = "integer", user = "string", transport = "string", ssh_config = "string",
  topology = "table", unusable = "string table", spares = "integer string table",
  leases = "string", sim = "table",
  missing = "string table", adapters = "integer", switches = "integer", calibrated = "table",
  rails = "string table",
  facts = "table", inventory = "table",
}

local KEY_NAMES = {}
for key in pairs(KEYS) do KEY_NAMES[#KEY_NAMES + 1] = key end
table.sort(KEY_NAMES)

-- Raises a message that load() catches and gives back.
local Refusal = {}

local function refuse(fmt, ...)
  error(setmetatable({ message = fmt:format(...) }, Refusal), 0)
end

local function sys() return require "perilune.core.sys" end

-- ---- finding -------------------------------------------------------------------------------

--- The names of the clusters that need no path.
---@return string[]
function cluster.names()
  return shelf.names("clusters")
end

local function read(path)
  local text, message = sys().read_file(path, MAX_BYTES)
  if not text then refuse("cluster file %s: %s", path, message) end
  return text, "@" .. path, "cluster file " .. path
end

-- The nearest name; failing that, the first that begins with the word.
local function hint_for(name, names)
  local hint = nearest.hint(name, names)
  for _, known in ipairs(names) do
    if hint ~= "" then break end
    if known:sub(1, #name) == name then hint = (" (did you mean '%s'?)"):format(known) end
  end
  return hint
end

local function missing(name)
  local names = cluster.names()
  local hint = hint_for(name, names)
  if hint == "" and sys().stat(name) then hint = (" (did you mean './%s'?)"):format(name) end
  refuse("there is no cluster '%s'%s; known are %s", name, hint, table.concat(names, ", "))
end

-- The text of a cluster file, its chunk name, and what to call it.
local function find(name)
  local path = shelf.is_path(name) and name or shelf.path("clusters", name)
  if path then return read(path) end
  local text, chunk = shelf.embedded("clusters", name)
  if not text then missing(name) end
  return text, chunk, "preset " .. name
end

-- ---- parameters ----------------------------------------------------------------------------

local function parameter_value(text)
  if text:find("^%-?%d+$") then return math.tointeger(tonumber(text)) or text end
  if text:find("^%-?%d+%.%d+$") then return tonumber(text) end
  if text == "true" or text == "false" then return text == "true" end
  return text
end

-- "NAME:k=v,..." -> name, { k = v }
local function split(word)
  local name, rest = word:match("^(.-):([%a_][%w_]*=.*)$")
  local parameters = {}
  if not name then
    if word:find(":", 1, true) and not word:find("/", 1, true) then
      refuse("cluster '%s': parameters are written NAME:key=value,key=value", word)
    end
    return word, parameters
  end
  for part in (rest .. ","):gmatch("(.-),") do
    local key, value = part:match("^([%a_][%w_]*)=(.+)$")
    if not key then refuse("cluster '%s': '%s' is no key=value", word, part) end
    if parameters[key] ~= nil then refuse("cluster '%s': %s is given twice", word, key) end
    parameters[key] = parameter_value(value)
  end
  return name, parameters
end

-- The file stopped: by an interrupt, or by a mistake, most often text for a number.
local function refuse_failed(word, err, parameters)
  if type(err) == "table" then error(err, 0) end
  for name, value in pairs(parameters) do
    if type(value) == "string" then
      refuse("cluster '%s': is %s=%s a number? %s", word, name, value, err)
    end
  end
  refuse("cluster '%s': %s", word, tostring(err))
end

-- Runs the chunk on the parameters; those it never looked at are refused.
local function evaluate(chunk, parameters, word)
  local looked_at = {}
  local view = setmetatable({}, { __index = function(_, key)
    looked_at[key] = true
    return parameters[key]
  end })
  local ok, data = pcall(chunk, view)
  if not ok then refuse_failed(word, data, parameters) end
  local known = {}
  for key in pairs(looked_at) do known[#known + 1] = tostring(key) end
  table.sort(known)
  for key in pairs(parameters) do
    if not looked_at[key] then
      refuse("cluster '%s': unknown parameter '%s'%s%s", word, key, nearest.hint(key, known),
        #known > 0 and "; it has " .. table.concat(known, ", ") or "; it has none")
    end
  end
  return data
end

-- ---- checking ------------------------------------------------------------------------------

local function type_of(value)
  return math.type(value) == "integer" and "integer" or type(value)
end

local function check_keys(data, word)
  for key, value in pairs(data) do
    if not KEYS[key] then
      refuse("cluster '%s': unknown key '%s'%s", word, tostring(key),
        nearest.hint(tostring(key), KEY_NAMES))
    end
    if not (" " .. KEYS[key] .. " "):find(" " .. type_of(value) .. " ", 1, true) then
      refuse("cluster '%s': %s must be %s, not %s", word, key, (KEYS[key]:gsub(" ", " or ")),
        type_of(value))
    end
  end
  if not data.facts and not data.inventory then return end
  local fault = require("perilune.machine_record").fault(data.facts, data.inventory)
  if fault then
    refuse("cluster '%s': %s; `perilune topo` writes it, leave it out where it cannot be mended",
      word, fault)
  end
end

-- A host set from text or a list of names.
local function host_set(value, what, word)
  local hostset = require "perilune.core.hostset"
  if type(value) == "table" then return hostset.new(value) end
  local set, message = hostset.parse(value, { no_files = true })
  if not set then refuse("cluster '%s': %s: %s", word, what, message) end
  return set
end

local function unusable_text(value)
  return type(value) == "table" and table.concat(value, ",") or value
end

-- "r001t02:1/0/2/3", or { ["r001t02"] = { 1, 0, 2, 3 } }: hosts whose GPUs are on other rails than
-- their indexes tell.
local function rails_text(value)
  if type(value) ~= "table" then return value end
  local parts = {}
  for key, rails in pairs(value) do
    local host = type(key) == "string" and key .. ":" or ""
    parts[#parts + 1] = host .. (type(rails) == "table" and table.concat(rails, "/") or rails)
  end
  table.sort(parts)
  return table.concat(parts, ",")
end

-- Levels for hosts of which nothing but the sizes is known.
local function flat_levels(c)
  return { { name = "host", count = c.gpus_per_host, distance = 1 },
           { name = "network", count = #c.hosts, distance = 10 } }
end

-- The files of topology.from, relative to the folder of the cluster file.
local function from_files(c)
  local from = c.topology.from
  local paths = {}
  for _, path in ipairs(type(from) == "table" and from or { from }) do
    if type(path) ~= "string" then refuse("cluster '%s': topology.from is a file", c.name) end
    paths[#paths + 1] = path:sub(1, 1) == "/" and path or c.folder .. path
  end
  return paths
end

-- Hosts of the files that are not of this cluster take no rank; all of this cluster must be there.
local function narrow(c, topo)
  local lost = c.hosts - topo:hosts()
  if #lost > 0 then
    refuse("cluster '%s': topology.from says nothing of %s", c.name, tostring(lost))
  end
  local others = topo:hosts() - c.hosts
  if #others > 0 then
    topo:mark_unusable(tostring(others))
    c.notes[#c.notes + 1] = ("%s: in topology.from, but no hosts of cluster '%s'"):format(
      tostring(others), c.name)
  end
end

local function build_imported(c)
  for key in pairs(c.topology) do
    if key ~= "from" and key ~= "format" then
      refuse("cluster '%s': topology has from, so %s has no place there", c.name, tostring(key))
    end
  end
  local topo, notes = require("perilune.survey").load(from_files(c), {
    format = c.topology.format, gpus_per_host = c.gpus_per_host })
  if not topo then refuse("cluster '%s': %s", c.name, notes) end
  rawset(c, "notes", notes)
  narrow(c, topo)
  if c.unusable then topo:mark_unusable(unusable_text(c.unusable)) end
  if c.rails then topo:set_rails(rails_text(c.rails)) end
  return topo
end

local CALIBRATED = { run = "string", time = "string" }

-- What the bandwidths were fitted to, as `topo calibrate` wrote it; nil for nominal ones.
local function calibrated_text(c)
  local from = c.calibrated
  if not from then return nil end
  for key, kind in pairs(CALIBRATED) do
    if type(from[key]) ~= kind then
      refuse("cluster '%s': calibrated has no %s: it is what `perilune topo calibrate` writes",
        c.name, key)
    end
  end
  return ("run %s, measured %s"):format(from.run, from.time)
end

-- A probed machine says who told of it, and when.
local function source_text(c)
  if not c.topology then return c.source .. ", which has no topology: one network" end
  local from = c.facts and require("perilune.provenance").text(c.facts) or ""
  return from == "" and c.source or ("%s: %s"):format(c.source, from)
end

local function build_topo(c)
  if c.topology and c.topology.from then return build_imported(c) end
  if not c.gpus_per_host then return nil end
  local ok, topo, message = pcall(require("perilune.core.topo").new, {
    name = c.name, hosts = c.hosts, gpus_per_host = c.gpus_per_host,
    source = source_text(c),
    adapters_per_host = c.adapters_per_host, levels = c.topology or flat_levels(c),
    unusable = unusable_text(c.unusable), missing = unusable_text(c.missing),
    rails = rails_text(c.rails),
    adapters = c.adapters, switches = c.switches,
    calibrated = calibrated_text(c), unknown = c.topology == nil, told = c.facts ~= nil,
  })
  if not ok then refuse("cluster '%s': %s", c.name, tostring(topo)) end
  if not topo then refuse("cluster '%s': %s", c.name, message) end
  if c.facts then rawset(c, "notes", { require("perilune.provenance").warning(c.facts) }) end
  return topo
end

local Cluster = {}

function Cluster.__index(c, key)
  if key ~= "topo" then return nil end
  local ok, topo = pcall(build_topo, c)
  if not ok then
    require("perilune.errors").fail(2, "%s",
      getmetatable(topo) == Refusal and topo.message or tostring(topo))
  end
  rawset(c, "topo", topo)
  return topo
end

local function load_refusing(word)
  local name, parameters = split(word)
  local text, chunk_name, source = find(name)
  local chunk, syntax = load(text, chunk_name, "t", {})
  if not chunk then refuse("cluster '%s': %s", word, syntax) end
  local data = evaluate(chunk, parameters, word)
  if type(data) ~= "table" then refuse("cluster '%s': the file returns no table", word) end
  check_keys(data, word)
  if not data.hosts then refuse("cluster '%s': it has no hosts", word) end
  local mistake = data.sim and require("perilune.responders").mistake(data.sim)
  if mistake then refuse("cluster '%s': %s", word, mistake) end
  data.name = data.name or word
  data.source = source .. word:sub(#name + 1)
  data.folder = chunk_name:match("^@(.*/)") or ""
  data.hosts = host_set(data.hosts, "hosts", word)
  for group, members in pairs(data.groups or {}) do
    if type(members) == "table" then data.groups[group] = host_set(members, group, word) end
  end
  return setmetatable(data, Cluster)
end

--- Reads a cluster file or preset. Nil and a message when it is not there or not right.
---@param word string path or name, with parameters: "gb300-nvl72:racks=8"
---@return table? cluster
---@return string? message
function cluster.load(word)
  local ok, result = pcall(load_refusing, word)
  if ok then return result end
  if getmetatable(result) == Refusal then return nil, result.message end
  error(result, 0)
end

return cluster
