-- perilune test: recipe tests, each case a rehearsal on a simulated fleet; TAP on standard output.

local errors = require "perilune.errors"
local recipe_test = require "perilune.recipe_test"
local rehearsal = require "perilune.rehearsal"
local tap = require "perilune.tap"
local terminal = require "perilune.terminal"

-- What is given on the command line holds for every case.
local function override(case, o)
  case.seed = o.seed or case.seed
  case.faults = o.faults or case.faults
  case.sim_from = o.sim_from or case.sim_from
end

local function read_all(paths, o)
  local cases = {}
  for _, path in ipairs(paths) do
    for _, case in ipairs(recipe_test.read(path)) do
      override(case, o)
      cases[#cases + 1] = case
    end
  end
  return cases
end

-- Why its points failed, for a case that did not go as expected.
local function first_why(points)
  for _, point in ipairs(points) do
    if point.why then return point.why end
  end
  return nil
end

local function print_case(number, case, result)
  local out, got = {}, result.got
  tap.add_subtest(out, case.where, result.tests)
  out[#out + 1] = tap.test_line(number, { ok = result.ok, name = case.where })
  if not result.ok then
    tap.add_diagnostics(out, "", { { "verdict", got.verdict }, { "exit_status", got.status },
      { "message", first_why(got.points) }, { "seconds", got.seconds },
      { "said", #got.said > 0 and table.concat(got.said, "\n") or nil } })
  end
  terminal.print(table.concat(require("perilune.report").plain(out), "\n") .. "\n")
end

local function run_tests(o, paths)
  if #paths == 0 then errors.usage("no test file given") end
  local cases = read_all(paths, o)
  require("perilune.sandbox").print_to(2)
  terminal.print(("TAP version 14\n1..%d\n"):format(#cases))
  local n_failed = 0
  for i, case in ipairs(cases) do
    local result = recipe_test.run(case)
    print_case(i, case, result)
    if not result.ok then n_failed = n_failed + 1 end
    local status = require("perilune.fanout").interrupted_status()
    if status then return status end
  end
  if n_failed == 0 then return 0 end
  terminal.note("%d of %s failed", n_failed, require("perilune.units").count(#cases, "case"))
  return 1
end

return {
  name = "test",
  summary = "tests of recipes on a simulated fleet, as TAP",
  usage = { "test [--seed N] [--faults PROFILE] FILE..." },
  about = "A FILE of Lua returns cases: { recipe =, hosts =, { name =, options =, expect = "
    .. "{ ... } }, ... }. Keys beside the cases hold for all of them: recipe (a path, looked for "
    .. "beside the test, or a name), options, hosts, cluster, sim (answers, as in a recipe, that "
    .. "come first), sim_from, faults (a profile's name, file or table), seed, repeats. A case is "
    .. "a rehearsal on virtual time that touches and records nothing; it is a subtest of the TAP "
    .. "14 on standard output. What is given on the command line holds for every case.",
  options = rehearsal.options,
  notes = {
    "expect has: verdict (pass, when neither it nor status is given), status (exit status),",
    "why (a pattern found in why a point failed), calls (patterns of commands in their order,",
    "or { match =, hosts =, times = }), never (patterns), outcomes ({ ok = 4, lost = 0 }, of",
    "all commands), metrics ({ NAME = 3 } or { NAME = { min =, max =, count =, stat =",
    "\"median\" } }), notes (patterns). A number may be { min =, max = }.",
    "Exit status: 0 all cases came as expected, 1 some did not, 2 a file makes no sense.",
  },
  examples = {
    "perilune test recipes/hello.test.lua",
    "perilune test --seed 7 --faults rough mine.test.lua",
  },
  run = run_tests,
}
