-- perilune run: a recipe on a fleet. Options before RECIPE are ours, after it the recipe's.

local background = require "perilune.background"
local errors = require "perilune.errors"
local fleet = require "perilune.fleet"
local library = require "perilune.library"
local options = require "perilune.options"
local rehearsals = require "perilune.rehearsal"
local runner = require "perilune.runner"
local session = require "perilune.session"
local sweep = require "perilune.sweep"
local terminal = require "perilune.terminal"

local POINTS_ASKED = 64 -- more need --yes or --max-points
local LISTED = 20       -- points that --dry-run and the announcement name

local OWN = {
  { "sweep", type = "list", whole = true, metavar = "NAME=VALUES", group = "POINTS",
    help = "a point for each value: v1,v2 or lo..hi:xK or lo..hi:+K; several multiply" },
  { "zip", type = "list", whole = true, metavar = "A,B", group = "POINTS",
    help = "let these sweeps go side by side" },
  { "repeat", type = "int", default = 1, min = 1, group = "POINTS",
    help = "run each point so often; its metrics have as many samples" },
  { "warmup", type = "int", default = 0, min = 0, group = "POINTS",
    help = "run each point so often before, without counting" },
  { "only", type = "string", metavar = "POINT", group = "POINTS",
    help = "one point, by its number or name" },
  { "failed", type = "bool", group = "POINTS",
    help = "those that did not pass in the last run of this name" },
  { "shard", type = "string", metavar = "I/N", group = "POINTS",
    help = "the I-th of N parts of the points, for N invocations that share the work" },
  { "shuffle", type = "bool", group = "POINTS",
    help = "in random order, by --seed, so that a drift of the machine favours none" },
  { "interleave", type = "bool", later = true },
  { "yes", short = "y", type = "bool", group = "POINTS", help = "run more than 64 points" },
  { "max-points", type = "int", min = 1, group = "POINTS", help = "run up to so many points" },
  { "max-memory", type = "size", default = "512M", min = "16M", group = "LIMITS",
    help = "of the recipe's Lua values; more is an error of the recipe" },
  { "max-busy", type = "duration", default = "60s", min = "100ms", group = "LIMITS",
    help = "CPU time the recipe may compute without waiting for anything" },
  { "dry-run", type = "bool", group = "REPORT", help = "say what would run, and end" },
  { "tap", type = "path", metavar = "FILE|-", group = "REPORT",
    help = "the report as TAP 14, a subtest per point" },
  { "junit", type = "path", metavar = "FILE|-", group = "REPORT",
    help = "the report as JUnit XML, a test case per point" },
  { "json", type = "path", metavar = "FILE|-", group = "REPORT",
    help = "the report as JSON into a file, or (-) on standard output" },
  { "detach", type = "bool", group = "REPORT",
    help = "go on in the background; prints the id of the run" },
  { "run-dir", type = "path", metavar = "DIR", group = "REPORT",
    help = "keep the run in this folder" },
  { "name", type = "string", group = "REPORT", help = "what the run is called; the recipe's name" },
  { "html", type = "string", later = true },
}

-- ---- what was asked for --------------------------------------------------------------------

-- The options of the recipe from its words; prints its help when asked.
local function read_recipe_options(recipe, words)
  local values, rest = options.parse(recipe.options, words)
  if not values then errors.usage("%s: %s", recipe.name, rest) end
  if not values.help and rest[1] then
    errors.usage("%s takes no argument '%s'; options of perilune stand before the recipe",
      recipe.name, rest[1])
  end
  return values
end

-- Secrets of the recipe's options, before anything runs: a person may have to be asked.
local function find_secrets(recipe, values, rehearsal)
  for _, option in ipairs(options.list(recipe.options)) do
    if option.type == "secret" then
      local key = option[1]:gsub("-", "_")
      local found, message = require("perilune.secret").find(option[1], values[key],
        { needed = option.required, rehearsal = rehearsal })
      if message then errors.usage("%s: %s", recipe.name, message) end
      values[key] = found
    end
  end
end

local function print_recipe_help(word, recipe)
  terminal.print(("%s%s\n\nusage: perilune run [OPTIONS] %s [--OPTION VALUE]...\n%s"):format(
    recipe.name, recipe.summary and " - " .. recipe.summary or "", word,
    require("perilune.help").options(recipe.options, terminal.color(1))), true)
  return 0
end

local function make_points(recipe, o)
  local axes, zips = {}, {}
  for i, text in ipairs(o.sweep or {}) do
    axes[i] = errors.checked(sweep.parse_axis(text, recipe.options))
  end
  for i, text in ipairs(o.zip or {}) do
    zips[i] = {}
    for name in text:gmatch("[^,]+") do table.insert(zips[i], name) end
  end
  local points = errors.checked(sweep.points(axes, zips))
  if o.seed then math.randomseed(o.seed) end
  return require("perilune.selection").choose(points, o, o.name or recipe.name)
end

local function check_number(points, o)
  local most = o.max_points or (o.yes and math.huge or POINTS_ASKED)
  if #points <= most then return end
  if o.max_points then
    errors.usage("%d points are more than --max-points %d", #points, o.max_points)
  end
  errors.usage("%d points: more than %d need --yes or --max-points", #points, POINTS_ASKED)
end

local function list_points(points)
  if #points == 1 and points[1].name == "all" then return end
  for i = 1, math.min(#points, LISTED) do
    terminal.tell(("%5d  %s\n"):format(points[i].index, points[i].name))
  end
  if #points > LISTED then io.stderr:write(("       and %d more\n"):format(#points - LISTED)) end
end

-- ---- running -------------------------------------------------------------------------------

-- What the report is asked for as, and who writes it.
local FORMS = {
  tap = function(r) return require("perilune.report_tap").report(r) end,
  junit = function(r) return require("perilune.report_junit").report(r) end,
  json = function(r) return require("perilune.report").json(r) end,
}
local FORM_NAMES = { "tap", "junit", "json" }

-- Before anything runs: each has a place, and standard output only one taker, to whom `print` of
-- the recipe leaves it.
local function check_places(o)
  local taker
  for _, name in ipairs(FORM_NAMES) do
    if o[name] == "-" and taker then
      errors.usage("--%s - and --%s - cannot both have standard output", taker, name)
    elseif o[name] == "-" then
      taker = name
    elseif o[name] then
      errors.checked(require("perilune.files").writable(o[name]))
    end
  end
  if taker then require("perilune.sandbox").print_to(2) end
end

local function put_reports(o, r)
  for _, name in ipairs(FORM_NAMES) do
    if o[name] == "-" then
      terminal.print(FORMS[name](r))
    elseif o[name] then
      local ok, message = require("perilune.files").write(o[name], FORMS[name](r))
      if not ok then errors.fail(2, "%s: %s", o[name], message) end
    end
  end
end

-- What may fail, or ask a person, before anything runs.
local function get_ready(plan, o, rehearsal)
  check_places(o)
  find_secrets(plan.recipe, plan.options, rehearsal)
end

-- Of a run that goes on: what is finished, is.
local function finished_points(plan, record)
  if not record.past or record.replaying then return nil end
  return require("perilune.resuming").sort_points(record, plan, function(swept)
    return runner.recordable(plan, swept)
  end)
end

local function carry_out(plan, file, on, o, record)
  local run = runner.new { plan = plan, file = file, fleet = on, session = record,
    finished = finished_points(plan, record) }
  local report, text = run:carry_out()
  terminal.tell(text)
  put_reports(o, report)
  return record:finish(report.status, report.verdict)
end

-- What was asked for, and where it runs; nil and the recipe when its help was asked for.
-- `settings` are those of fleet.open.
local function prepare(o, words, given, all_words, settings)
  runner.limit(o.max_memory, o.max_busy)
  local file = library.find(words[1])
  local recipe = library.load(file)
  local values = read_recipe_options(recipe, table.move(words, 2, #words, 1, {}))
  if values.help then return nil, recipe end
  rehearsals.prepare(o, given)
  local plan = { recipe = recipe, options = values, points = make_points(recipe, o),
    repeats = o["repeat"], warmup = o.warmup, name = o.name or recipe.name, words = all_words,
    seed = o.seed or require("perilune.lots").seed() }
  if o.seed then math.randomseed(o.seed) end
  settings = settings or {}
  settings.warm, settings.rehearsal = true, { recipe = recipe, from = o.sim_from,
    faults = o.faults, seed = o.seed,
    on_mistake = function(text) recipe.sim_error = recipe.sim_error or text end }
  return plan, file, fleet.open(o, given, settings)
end

-- Nobody reads the standard output of what goes on in the background.
local function check_detach(o)
  for _, name in ipairs(FORM_NAMES) do
    if o[name] == "-" then
      errors.usage("--%s - and --detach exclude each other: name a file", name)
    end
  end
end

local function run_recipe(o, words, given, all_words)
  if not words[1] then
    errors.usage("no recipe given; there are %s", table.concat(library.names(), ", "))
  end
  if o.detach then
    check_detach(o)
    if not background.is_second() then return background.start("run", all_words) end
  end
  local plan, file, opened = prepare(o, words, given, all_words)
  if not plan then return print_recipe_help(words[1], file) end
  local on <close> = opened
  terminal.set_verb("run")
  terminal.note("%s", runner.announcement(plan, on))
  list_points(plan.points)
  if o.dry_run then return 0 end
  if #plan.points == 0 then return 0 end
  check_number(plan.points, o)
  get_ready(plan, o, o.transport == "sim")
  local record <close> = session.begin(runner.head(plan, file, on), o.run_dir)
  if o.detach then background.leave(record) end
  return carry_out(plan, file, on, o, record)
end

return {
  name = "run",
  summary = "run a recipe: sweeps, repeats, metrics, gates, a report",
  usage = { "run [FLEET] [REPORT] RECIPE [--OPTION VALUE]...",
            "run RECIPE --help" },
  about = "RECIPE is a file, or the name of one that is installed. Options before it are "
    .. "perilune's, options after it the recipe's. What is said while it runs and the report go "
    .. "to standard error and into the run folder; print goes to standard output, unless a report "
    .. "(--tap -, --junit -, --json -) does.",
  options = options.join(fleet.options, OWN, rehearsals.options),
  stop_at_word = true,
  notes = {
    "--detach: what is wrong with the command line, the recipe or its options is said",
    "first, and a secret asked for; then a process of its own, without terminal, goes on,",
    "and the id of the run comes on standard output. `perilune status`, `logs`, `attach`",
    "and `cancel` look at it, follow it and end it, from any machine that reaches the run",
    "folder; what it says is in its file `log`. It stays when terminal, ssh session and",
    "laptop go away. Keys of a forwarded agent go with them: hosts that are to be logged in",
    "to later need a key file, or an agent of that machine. Where systemd-logind has",
    "KillUserProcesses=yes it ends all that a login has started: there say once",
    "`loginctl enable-linger`, and start with `systemd-run --user --scope perilune run",
    "--detach ...`. A job of a batch system ends with its allocation all the same.",
    "",
    "Exit status by the verdicts of the points, the worst wins: 2 the recipe is",
    "wrong, 130/143 interrupted, 3 unreachable, refused or lost, 124 timed out,",
    "1 a command or an expectation failed, 99 a gate was breached, 0 all passed.",
    "",
    "With --sim the first of these answers a command: the record of --sim-from, the recipe,",
    "the cluster file; both have sim = { seconds = TIME, { match = PATTERN, reply = R }, ... }",
    "where R is a table or function(host, rank, cmd) that gives one: stdout, stderr, code,",
    "signal, seconds (a TIME), hang, drop, refuse (unreachable, auth, hostkey), phase. What",
    "nobody answers succeeds without output, after 50 ms or sim.seconds. A TIME is 2, \"200ms\",",
    "{ \"normal\", mean =, sd = }, or so uniform (min, max), lognormal (median, sigma) or",
    "exponential (mean), with min and max as bounds. The record of a run answers by text and",
    "host, else by text.",
    "",
    "The file of a fault PROFILE returns a table of: hang, crash, cut = { per_hour =, hosts =,",
    "back = TIME }, rates of a host, whose commands never end, or which is gone until back is",
    "over; slow = { share =, hosts =, factor = }; rack = { per_hour =, level =, size =, back = }",
    "for whole units of a level of the cluster, or size hosts in a row; and events = { { at =",
    "TIME, fault = \"rack\", hosts =, back = }, ... }, on hosts chosen by lot where none is named.",
  },
  examples = {
    "perilune run -w node[1-4] hello",
    "perilune run --transport local -w node[1-4] ring-allreduce --hosts 4",
    "perilune run --sim -w node[1-1000] --sweep bytes=64K..1M:x4 ring-allreduce",
    "perilune run --sim -w node[1-16] --tap - --junit junit.xml ring-allreduce",
    "perilune run --sim -C gb300-nvl72:racks=8 --faults rough --seed 7 ring-allreduce",
    "perilune run --sim -w node[1-16] --sweep slots=1,2,4 --shard 1/2 --shuffle ring-allreduce",
  },
  run = run_recipe,
  prepare = prepare, -- for `resume` and `replay`
  get_ready = get_ready,
  carry_out = carry_out,
}
