-- expected.lua - what a case of a recipe test expects, against what came: a list of tests for TAP.
--
--   verdict = "pass", status = 0        of the whole run; pass when neither is given
--   why = PATTERN                       found in why some point failed
--   calls = { PATTERN | { match =, hosts =, times = }, ... }   commands, in this order: on how many
--                                       hosts, how many commands in all
--   never = { PATTERN, ... }            commands that no host may get
--   outcomes = { ok = 4, lost = 0 }     of all commands
--   metrics = { NAME = 3 | { min =, max =, count =, stat = "median" } }
--   notes = { PATTERN, ... }            what t:note said
--
-- A number may be given as { min =, max = } everywhere.

local nearest = require "perilune.nearest"

local expected = {}

local KEYS = { "verdict", "status", "why", "calls", "never", "outcomes", "metrics", "notes" }
local VERDICTS = { "pass", "fail", "error", "canceled" }
local OUTCOMES = { "ok", "exit", "signal", "timeout", "idle", "unreachable", "auth", "hostkey",
                   "lost", "canceled" }
local STATS = { "median", "min", "max", "mean", "count" }
local CALL_KEYS, RANGE_KEYS = { "match", "hosts", "times" }, { "min", "max" }
local METRIC_KEYS = { "min", "max", "count", "stat", "at" }

-- ---- what is wrong with an expectation -------------------------------------------------------

local function contains(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

local function unknown_key(what, given, known)
  for key in pairs(given) do
    if not contains(known, key) then
      return ("%s has no '%s'%s"):format(what, tostring(key), nearest.hint(key, known))
    end
  end
  return nil
end

local function pattern_mistake(pattern)
  if type(pattern) ~= "string" then return "a pattern is a string, not a " .. type(pattern) end
  local ok, message = pcall(string.find, "", pattern)
  return not ok and message or nil
end

local function patterns_mistake(list)
  if type(list) ~= "table" then return "it is a list of patterns" end
  for _, pattern in ipairs(list) do
    local mistake = pattern_mistake(pattern)
    if mistake then return mistake end
  end
  return nil
end

local function number_mistake(value)
  if value == nil or type(value) == "number" then return nil end
  if type(value) ~= "table" then return "a number, or { min =, max = }, is expected" end
  return unknown_key("a range", value, RANGE_KEYS)
end

local function call_mistake(call)
  if type(call) == "string" then return pattern_mistake(call) end
  if type(call) ~= "table" then return "a call is a pattern or { match = }" end
  return unknown_key("a call", call, CALL_KEYS) or pattern_mistake(call.match)
    or number_mistake(call.hosts) or number_mistake(call.times)
end

local CHECKS = {
  verdict = function(v)
    return not contains(VERDICTS, v) and ("there is no verdict '%s'%s"):format(tostring(v),
      nearest.hint(v, VERDICTS)) or nil
  end,
  status = function(v) return math.type(v) ~= "integer" and "it is a whole number" or nil end,
  why = pattern_mistake,
  calls = function(list)
    if type(list) ~= "table" then return "it is a list" end
    for _, call in ipairs(list) do
      local mistake = call_mistake(call)
      if mistake then return mistake end
    end
  end,
  never = patterns_mistake,
  notes = patterns_mistake,
  outcomes = function(counts)
    if type(counts) ~= "table" then return "it is a table" end
    for name, count in pairs(counts) do
      local mistake = unknown_key("what becomes of a command", { [name] = 1 }, OUTCOMES)
        or number_mistake(count)
      if mistake then return mistake end
    end
  end,
  metrics = function(metrics)
    if type(metrics) ~= "table" then return "it is a table" end
    for name, metric in pairs(metrics) do
      if type(metric) == "table" then
        local mistake = unknown_key("an expected metric", metric, METRIC_KEYS)
        if mistake then return mistake end
        if metric.stat and not contains(STATS, metric.stat) then
          return ("%s: there is no stat '%s'"):format(name, tostring(metric.stat))
        end
      elseif type(metric) ~= "number" then
        return ("%s: a number, or { min =, max = }, is expected"):format(tostring(name))
      end
    end
  end,
}

--- What is wrong with what a case expects, as a sentence; nil when nothing is.
---@param expect any
---@return string?
function expected.mistake(expect)
  if type(expect) ~= "table" then return "expect is a table" end
  local mistake = unknown_key("expect", expect, KEYS)
  if mistake then return mistake end
  for _, key in ipairs(KEYS) do
    mistake = expect[key] ~= nil and CHECKS[key](expect[key])
    if mistake then return ("expect.%s: %s"):format(key, mistake) end
  end
  return nil
end

-- ---- what came -------------------------------------------------------------------------------

-- Equal up to rounding.
local function near(a, b)
  return math.abs(a - b) <= 1e-9 * math.max(math.abs(a), math.abs(b))
end

-- Whether a number is the expected one, and what was expected in words.
local function compare(value, wanted)
  if type(wanted) ~= "table" then return value ~= nil and near(value, wanted), tostring(wanted) end
  local ok = value ~= nil and (not wanted.min or value >= wanted.min)
    and (not wanted.max or value <= wanted.max)
  local words = {}
  if wanted.min then words[#words + 1] = "at least " .. wanted.min end
  if wanted.max then words[#words + 1] = "at most " .. wanted.max end
  return ok, table.concat(words, ", ")
end

-- A test line; what was found is told where it is not what was expected.
local function add(tests, ok, name, wanted, found)
  tests[#tests + 1] = { ok = ok, name = name,
    fields = not ok and { { "expected", wanted }, { "found", found == nil and "nothing" or found } }
      or nil }
end

local function add_number(tests, name, value, wanted)
  local ok, words = compare(value, wanted)
  add(tests, ok, ("%s: %s"):format(name, words), words, value)
end

local function check_verdict(tests, expect, got)
  local wanted = expect.verdict or expect.status == nil and "pass" or nil
  if wanted then
    add(tests, got.verdict == wanted, "verdict " .. wanted, wanted, got.verdict)
  end
  if expect.status then
    add(tests, got.status == expect.status, "exit status " .. expect.status, expect.status,
      got.status)
  end
end

local function found_in(list, pattern)
  for _, text in ipairs(list) do
    if text:find(pattern) then return true end
  end
  return false
end

local function check_texts(tests, what, patterns, texts)
  for _, pattern in ipairs(patterns) do
    add(tests, found_in(texts, pattern), ("%s '%s'"):format(what, pattern), pattern,
      #texts > 0 and table.concat(texts, "\n") or nil)
  end
end

-- Hosts and commands of all calls that match.
local function count_calls(calls, pattern)
  local hosts, n_hosts, times = {}, 0, 0
  for _, call in ipairs(calls) do
    if call.line:find(pattern) then
      times = times + call.times
      for host in pairs(call.hosts) do
        n_hosts = n_hosts + (hosts[host] and 0 or 1)
        hosts[host] = true
      end
    end
  end
  return n_hosts, times
end

local function find_call(calls, pattern, first)
  for i = first, #calls do
    if calls[i].line:find(pattern) then return i end
  end
  return nil
end

local function lines_of(calls)
  local lines = {}
  for i, call in ipairs(calls) do lines[i] = call.line end
  return #lines > 0 and table.concat(lines, "\n", 1, math.min(#lines, 20)) or nil
end

local function check_calls(tests, list, calls)
  local next_one = 1
  for _, call in ipairs(list) do
    if type(call) == "string" then call = { match = call } end
    local at = find_call(calls, call.match, next_one)
    add(tests, at ~= nil, ("calls '%s'"):format(call.match), call.match, lines_of(calls))
    next_one = at or next_one
    local hosts, times = count_calls(calls, call.match)
    if call.hosts then
      add_number(tests, ("hosts of '%s'"):format(call.match), hosts, call.hosts)
    end
    if call.times then
      add_number(tests, ("times of '%s'"):format(call.match), times, call.times)
    end
  end
end

local function check_never(tests, list, calls)
  for _, pattern in ipairs(list) do
    local at = find_call(calls, pattern, 1)
    add(tests, at == nil, ("never calls '%s'"):format(pattern), "no such call",
      at and calls[at].line)
  end
end

-- The figure of a metric over all points that have it: the first.
local function figure(points, name, stat, place)
  for _, point in ipairs(points) do
    for _, metric in ipairs(point.metrics) do
      if metric.name == name and (place == nil or metric.at == place) then return metric[stat] end
    end
  end
  return nil
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function check_metrics(tests, metrics, points)
  for _, name in ipairs(sorted_keys(metrics)) do
    local wanted = metrics[name]
    if type(wanted) == "number" then
      add_number(tests, "metric " .. name, figure(points, name, "median"), wanted)
    else
      local stat = wanted.stat or "median"
      add_number(tests, ("metric %s (%s)"):format(name, stat),
        figure(points, name, stat, wanted.at), { min = wanted.min, max = wanted.max })
      if wanted.count then
        add_number(tests, ("samples of %s"):format(name), figure(points, name, "count", wanted.at),
          wanted.count)
      end
    end
  end
end

local function texts_of(points, field)
  local texts = {}
  for _, point in ipairs(points) do
    local value = point[field]
    for _, text in ipairs(type(value) == "table" and value or { value }) do
      texts[#texts + 1] = text
    end
  end
  return texts
end

---@class perilune.Heard what a case did
---@field verdict string
---@field status integer
---@field points table[] of the report
---@field calls { line: string, hosts: table<string, boolean>, times: integer }[] in order
---@field outcomes table<string, integer>

--- The tests of a case.
---@param expect table a checked one
---@param got perilune.Heard
---@return table[] tests { ok =, name =, fields = }
function expected.compare(expect, got)
  local tests = {}
  check_verdict(tests, expect, got)
  if expect.why then check_texts(tests, "fails by", { expect.why }, texts_of(got.points, "why")) end
  check_calls(tests, expect.calls or {}, got.calls)
  check_never(tests, expect.never or {}, got.calls)
  for _, name in ipairs(sorted_keys(expect.outcomes or {})) do
    add_number(tests, "outcome " .. name, got.outcomes[name] or 0, expect.outcomes[name])
  end
  check_metrics(tests, expect.metrics or {}, got.points)
  check_texts(tests, "notes", expect.notes or {}, texts_of(got.points, "notes"))
  return tests
end

return expected
