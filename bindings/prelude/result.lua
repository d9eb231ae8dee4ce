-- result.lua - one rule for failure: what depends on the world answers with a result, ok or not,
-- and never raises; must() returns a good one and ends the point (or the verb) on a bad one.

local result = {}

---@class perilune.Result
---@field ok boolean
---@field why string? one sentence, when not ok
---@field phase string? where it failed
---@field status integer? the exit status it stands for
local Result = {}
Result.__index = Result
Result.__name = "perilune.result"
result.class = Result

local Failure = { __tostring = function(e) return e.message end }

--- The result itself when ok; otherwise raises an error of kind "must".
function Result:must()
  if self.ok then return self end
  error(setmetatable({ kind = "must", message = self.why or "failed", status = self.status or 1,
    where = require("perilune.blame").position(), result = self }, Failure), 0)
end

--- A good result with these fields.
---@return perilune.Result
function result.passed(fields)
  fields = fields or {}
  fields.ok = true
  return setmetatable(fields, Result)
end

--- A failed one: why, phase, status, ...
---@return perilune.Result
function result.failed(fields)
  fields.ok = false
  fields.status = fields.status or 1
  return setmetatable(fields, Result)
end

-- ---- result sets ---------------------------------------------------------------------------

--- What a command on many hosts came to. `#set`, `set[1]`, `set["node7"]`, ok, why, phase, status.
--- Each entry has the fields of `exec --json`, and ok.
---@class perilune.ResultSet: perilune.Result
local ResultSet = {}
ResultSet.__name = "perilune.resultset"

local ENTRY_FIELDS = { stdout = true, stderr = true, code = true, signal = true, outcome = true,
                       seconds = true, host = true, bytes = true }
local SHORT = 3 -- words up to this long are near to anything

-- Fields that are computed when first asked for.
local lazy = {}

local function index_at(set, i)
  if set.indexes then return set.indexes[i] end
  return i >= 1 and i <= set.run:count() and i or nil
end

local function entry_at(set, i)
  local index = index_at(set, i)
  if not index then return nil end
  local entry = set.run:result(index)
  if entry.ok == nil then entry.ok = entry.outcome == "ok" end
  return entry
end

local function entry_of(set, host)
  local index = set.run:find(host)
  if not index then return nil end
  if not set.indexes then return entry_at(set, index) end
  for i, member in ipairs(set.indexes) do
    if member == index then return entry_at(set, i) end
  end
end

function ResultSet:__len()
  return self.indexes and #self.indexes or self.run:count()
end

-- A host that the set does not have is nil; what was meant to be a field is a slip.
local function unknown_field(key)
  local blame = require "perilune.blame"
  if ENTRY_FIELDS[key] then
    blame.raise("a result set has no '%s': the result of each host has, r[1].%s", key, key)
  end
  local fields = {}
  for name in pairs(lazy) do fields[#fields + 1] = name end
  if #key > SHORT then blame.misspelt_field("a result set", key, ResultSet, fields) end
end

function ResultSet.__index(set, key)
  if math.type(key) == "integer" then return entry_at(set, key) end
  local method = ResultSet[key]
  if method ~= nil then return method end
  if lazy[key] then
    local value = lazy[key](set)
    rawset(set, key, value)
    return value
  end
  if type(key) ~= "string" then return nil end
  if key == "indexes" then return nil end
  return entry_of(set, key) or unknown_field(key)
end

local function bad_indexes(set)
  local bad = {}
  for i = 1, #set do
    local index = index_at(set, i)
    if set.run:outcome(index) ~= "ok" then bad[#bad + 1] = index end
  end
  return bad
end

function lazy.ok(set)
  if not set.indexes then
    local summary = set.run:summary()
    return summary.ok == summary.tasks
  end
  return #bad_indexes(set) == 0
end

function lazy.why(set)
  if set.ok then return nil end
  local parts = {}
  for i, reason in ipairs(require("perilune.reasons").fold(set.run, bad_indexes(set))) do
    parts[i] = reason.line
  end
  return table.concat(parts, "; ")
end

-- The phase in which the first of the failed ones failed.
function lazy.phase(set)
  local bad = bad_indexes(set)
  return bad[1] and set.run:result(bad[1]).phase
end

function lazy.status(set)
  if not set.indexes then return set.run:status() end
  local core, worst = require "perilune.core.run", 0
  for _, index in ipairs(bad_indexes(set)) do
    worst = core.exit_status_worse(worst, core.outcome_status(set.run:outcome(index)))
  end
  return worst
end

function lazy.hosts(set)
  local names = {}
  for i = 1, #set do names[i] = entry_at(set, i).host end
  return require("perilune.core.hostset").new(names)
end

ResultSet.must = Result.must

--- The entry of a host, also of one that is called like a field.
function ResultSet:get(host)
  return entry_of(self, host)
end

--- for host, entry in set:each() do ... end, in the order of the hosts.
function ResultSet:each()
  local i = 0
  return function()
    i = i + 1
    local entry = entry_at(self, i)
    if entry then return entry.host, entry end
  end
end

--- Those with any outcome but ok, as a result set.
---@return perilune.ResultSet
function ResultSet:failures()
  return setmetatable({ run = self.run, indexes = bad_indexes(self) }, ResultSet)
end

local Fold = {}
Fold.__index = Fold

--- As `exec --gather` prints it.
function Fold:__tostring()
  return require("perilune.gather").text(self)
end

--- Equal outputs together, largest group first: an array of { hosts, stdout, stderr, outcome, ... }
--- that prints like `exec --gather`.
---@param by? "output"|"outcome"
function ResultSet:fold(by)
  local groups = self.run:fold { by = by or "output" }
  if not self.indexes then return setmetatable(groups, Fold) end
  local members, kept = {}, {}
  for _, index in ipairs(self.indexes) do members[index] = true end
  for _, group in ipairs(groups) do
    local names, indexes = {}, {}
    for _, index in ipairs(group.indexes) do
      if members[index] then
        names[#names + 1], indexes[#indexes + 1] = self.run:result(index).host, index
      end
    end
    if #names > 0 then
      group.hosts, group.indexes = require("perilune.core.hostset").new(names), indexes
      kept[#kept + 1] = group
    end
  end
  return setmetatable(kept, Fold)
end

--- Those for which test(entry) is true, or whose fields are those of the table `test`.
---@param test table<string, any>|fun(entry: table): boolean
---@return perilune.ResultSet
function ResultSet:filter(test)
  if type(test) ~= "function" and type(test) ~= "table" then
    require("perilune.blame").raise("result:filter needs a function or a table of fields, not a %s",
      type(test))
  end
  local kept = {}
  for i = 1, #self do
    local entry, fits = entry_at(self, i), true
    if type(test) == "function" then
      fits = test(entry)
    else
      for field, value in pairs(test) do fits = fits and entry[field] == value end
    end
    if fits then kept[#kept + 1] = index_at(self, i) end
  end
  return setmetatable({ run = self.run, indexes = kept }, ResultSet)
end

--- Rows from the output of all entries, each with its `host`.
---@param what string "key=value", "json", "csv", "nccl-tests", "mllog", "torchrun", "ib_write_bw",
---  or a Lua pattern
---@param names? table of the captures, or { key = NAME }
---@return perilune.Result
function ResultSet:parse(what, names)
  local entries = {}
  for i = 1, #self do entries[i] = entry_at(self, i) end
  return require("perilune.parse").entries(entries, what, names)
end

function ResultSet:__tostring()
  return self.ok and require("perilune.units").count(#self, "host") .. " ok" or self.why
end

require("perilune.blame").guard_methods(Result, "result")
require("perilune.blame").guard_methods(ResultSet, "result")

--- The result set of a run that has ended.
---@return perilune.ResultSet
function result.of_run(run)
  return setmetatable({ run = run }, ResultSet)
end

return result
