-- machine_record.lua - whether the `facts` and `inventory` of a machine file are what `perilune
-- topo` writes there: people edit these files.

local machine_record = {}

-- Keys of an entry and the types of their values; "?" after one that may be left out.
local FACTS = { fact = "string", by = "string", format = "string", hosts = "string",
  from = "integer", to = "integer" }
local INVENTORY = { host = "string", chassis = "string?", slot = "integer?", domain = "string?",
  leaf = "string?", gpus = "integer?", uuids = "list?" }

local function type_of(value)
  if math.type(value) == "integer" then return "integer" end
  if type(value) ~= "table" then return type(value) end
  for _, item in ipairs(value) do
    if type(item) ~= "string" then return "table" end
  end
  return "list"
end

-- What is wrong with the value of one key; nil: nothing.
local function fault_of_value(key, value, wanted)
  local kind, optional = wanted:match "^(%a+)(%??)$"
  local is = type_of(value)
  if is == kind or (is == "nil" and optional == "?") then return nil end
  if is == "nil" then return ("it has no %s"):format(key) end
  return ("%s must be %s, not %s"):format(key, kind == "list" and "a list of strings" or kind,
    is == "list" and "table" or is)
end

local function fault_of(entry, keys)
  if type(entry) ~= "table" then return ("a %s, not a table"):format(type(entry)) end
  local names = {}
  for name in pairs(keys) do names[#names + 1] = name end
  table.sort(names)
  for key in pairs(entry) do
    if not keys[key] then
      return ("unknown key '%s'%s"):format(tostring(key),
        require("perilune.nearest").hint(tostring(key), names))
    end
  end
  for _, name in ipairs(names) do
    local fault = fault_of_value(name, entry[name], keys[name])
    if fault then return fault end
  end
  return nil
end

-- Whether a set of hosts can be read; nil: it can.
local function fault_of_hosts(text)
  local set, message = require("perilune.core.hostset").parse(text, { no_files = true })
  return not set and text ~= "" and ("hosts: %s"):format(message) or nil
end

local function fault_in(name, entries, keys)
  for key in pairs(entries or {}) do
    if math.type(key) ~= "integer" or key < 1 or key > #entries then
      return ("%s is a list, it has a key '%s'"):format(name, tostring(key))
    end
  end
  for i, entry in ipairs(entries or {}) do
    local fault = fault_of(entry, keys) or entry.hosts and fault_of_hosts(entry.hosts)
    if fault then return ("%s[%d]: %s"):format(name, i, fault) end
  end
  return nil
end

--- What is wrong with them, in words; nil where they are as `perilune topo` writes them.
---@param facts? table
---@param inventory? table
---@return string?
function machine_record.fault(facts, inventory)
  return fault_in("facts", facts, FACTS) or fault_in("inventory", inventory, INVENTORY)
end

return machine_record
