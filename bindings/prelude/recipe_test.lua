-- recipe_test.lua - tests of recipes: files that return cases, each a rehearsal and what is
-- expected of it (expected.lua).
--
--   return {
--     recipe = "./allreduce.lua", hosts = "n[1-4]",     -- what all cases share
--     { name = "a slow host is told", options = { n = 4 },
--       sim = { { match = "^all_reduce", reply = function(host) return { ... } end } },
--       faults = "rough", seed = 7,
--       expect = { verdict = "fail", calls = { "^all_reduce" } } },
--   }
--
-- Nothing is recorded, and nothing but the simulated fleet is touched.

local errors = require "perilune.errors"
local expected = require "perilune.expected"
local nearest = require "perilune.nearest"

local recipe_test = {}

---@class perilune.Case
---@field name string
---@field recipe string path (beside the test, or as it is) or name
---@field options table<string, any>?
---@field hosts string? host set
---@field cluster string? file or preset
---@field sim perilune.Responder[]?
---@field sim_from string?
---@field faults string|table|nil
---@field seed integer?
---@field repeats integer?
---@field expect table?
---@field where string "FILE: NAME"

local SHARED = { recipe = "string", options = "table", hosts = "string", cluster = "string",
  sim = "table", sim_from = "string", faults = "string table", seed = "integer",
  repeats = "integer" }
local OWN = { name = "string", expect = "table" }

-- ---- reading a file --------------------------------------------------------------------------

local function names_of(...)
  local names = {}
  for _, list in ipairs { ... } do
    for name in pairs(list) do names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function type_of(value)
  return math.type(value) == "integer" and "integer" or type(value)
end

-- Keys of a case, or of what all share, and the types of their values.
local function check_fields(where, given, known, names)
  for key, value in pairs(given) do
    local kinds = known[key]
    if not kinds then
      errors.fail(2, "%s: a test has no '%s'%s", where, tostring(key), nearest.hint(key, names))
    end
    if not (" " .. kinds .. " "):find(" " .. type_of(value) .. " ", 1, true) then
      errors.fail(2, "%s: %s must be a %s, not a %s", where, key, (kinds:gsub(" ", " or a ")),
        type_of(value))
    end
  end
end

local function check_case(case)
  local mistake = case.sim and require("perilune.responders").mistake(case.sim)
    or type(case.faults) == "table" and require("perilune.faults").mistake(case.faults)
    or expected.mistake(case.expect or {})
  if mistake then errors.fail(2, "%s: %s", case.where, mistake) end
  if not case.recipe then errors.fail(2, "%s: it names no recipe", case.where) end
end

-- A path as it is seen from beside the test.
local function beside(dir, word)
  if not word or not require("perilune.shelf").is_path(word) or word:sub(1, 1) == "/" then
    return word
  end
  local path = dir .. "/" .. word
  return require("perilune.core.sys").stat(path) and path or word
end

local function make_case(file, dir, shared, own, number)
  local where = ("%s: case %d"):format(file, number)
  if type(own) ~= "table" then errors.fail(2, "%s: a case is a table", where) end
  local known, case = {}, {}
  for _, fields in ipairs { SHARED, OWN } do
    for key, kinds in pairs(fields) do known[key] = kinds end
  end
  check_fields(where, own, known, names_of(SHARED, OWN))
  for key in pairs(SHARED) do case[key] = shared[key] end
  for key, value in pairs(own) do case[key] = value end
  case.name = case.name or "case " .. number
  case.where = ("%s: %s"):format(file, case.name)
  case.recipe, case.cluster = beside(dir, case.recipe), beside(dir, case.cluster)
  if type(case.faults) == "string" then case.faults = beside(dir, case.faults) end
  check_case(case)
  return case
end

-- Runs the file: what it returns.
local function evaluate(path)
  local text, message = require("perilune.core.sys").read_file(path)
  if not text then errors.usage("%s: %s", path, message) end
  local dir = path:match("^(.*)/[^/]*$") or "."
  local ok, value = xpcall(function()
    return (require("perilune.sandbox").load(text, "@" .. path, dir)())
  end, function(e)
    return type(e) == "table" and e.kind and e or { message = tostring(e),
      trace = require("perilune.core.sched").traceback(e) }
  end)
  if ok then return value, dir end
  if value.kind then error(value, 0) end
  errors.fail(2, "%s", ((value.message .. "\n" .. value.trace):gsub("%s+$", "")))
end

--- The cases of a test file. Ends the verb where it makes no sense.
---@param path string
---@return perilune.Case[]
function recipe_test.read(path)
  local written, dir = evaluate(path)
  if type(written) ~= "table" or type(written[1]) ~= "table" then
    errors.fail(2, "%s returns no cases: it should end with return { recipe = ..., { case }, ... }",
      path)
  end
  local shared, cases = {}, {}
  for key, value in pairs(written) do
    if math.type(key) ~= "integer" then shared[key] = value end
  end
  check_fields(path, shared, SHARED, names_of(SHARED))
  for i, own in ipairs(written) do cases[i] = make_case(path, dir, shared, own, i) end
  return cases
end

-- ---- running a case ----------------------------------------------------------------------------

-- Keeps what the hosts were told: neighbours with the same command are one call.
local function listener(calls)
  return function(host, line)
    local last = calls[#calls]
    if not last or last.line ~= line then
      last = { line = line, hosts = {}, times = 0 }
      calls[#calls + 1] = last
    end
    last.hosts[host], last.times = true, last.times + 1
  end
end

local function open_fleet(case, recipe, got)
  local fleet = require "perilune.fleet"
  local o = errors.checked(require("perilune.options").validate(fleet.options,
    { hosts = case.hosts, cluster = case.cluster, transport = "sim" }))
  local given = { transport = true, hosts = case.hosts and true, cluster = case.cluster and true }
  return fleet.open(o, given, { warm = true, rehearsal = { sim = case.sim, from = case.sim_from,
    recipe = recipe, faults = case.faults, seed = case.seed, heard = listener(got.calls),
    on_mistake = function(text) recipe.sim_error = recipe.sim_error or text end } })
end

-- The outcomes of every fan-out that was waited for.
local function count_outcomes(run, outcomes)
  local watch = run.watch
  function run:watch()
    local active = watch(self)
    local on_end = self.session.on_end
    self.session.on_end = function(ended)
      for name, count in pairs(ended:summary()) do
        outcomes[name] = (outcomes[name] or 0) + count
      end
      on_end(ended)
    end
    return active
  end
end

local function make_plan(case, recipe)
  local values = errors.checked(require("perilune.options").validate(recipe.options,
    case.options or {}))
  return { recipe = recipe, options = values, repeats = case.repeats or 1, warmup = 0,
    points = require("perilune.sweep").points {}, name = recipe.name, seed = case.seed or 1 }
end

-- The recipe is read anew: nothing of one case reaches the next.
local function rehearse(case, got)
  local library, runner = require "perilune.library", require "perilune.runner"
  local file = library.find(case.recipe)
  local recipe = library.load(file)
  local plan = make_plan(case, recipe)
  math.randomseed(plan.seed)
  local on <close> = open_fleet(case, recipe, got)
  local record <close> = require("perilune.session").unrecorded()
  local run = runner.new { plan = plan, file = file, fleet = on, session = record }
  run.say = function(text) got.said[#got.said + 1] = text end
  count_outcomes(run, got.outcomes)
  local r = run:carry_out()
  got.verdict, got.status, got.points, got.seconds = r.verdict, r.status, r.points, r.seconds
end

---@class perilune.CaseResult
---@field ok boolean
---@field tests table[] as for tap.add_subtest
---@field got table what happened: verdict, status, points, seconds, said

--- Rehearses a case and compares. An interrupt is raised.
---@param case perilune.Case
---@return perilune.CaseResult
function recipe_test.run(case)
  local got = { calls = {}, outcomes = {}, said = {}, points = {} }
  local ok, err = pcall(rehearse, case, got)
  local kind = not ok and errors.kind(err)
  if not ok and kind ~= "usage" and kind ~= "fail" then error(err, 0) end
  if not ok then
    local test = { ok = false, name = "the rehearsal begins",
      fields = { { "message", err.message } } }
    return { ok = false, got = got, tests = { test } }
  end
  local tests, all = expected.compare(case.expect or {}, got), true
  for _, test in ipairs(tests) do all = all and test.ok end
  return { ok = all, tests = tests, got = got }
end

return recipe_test
