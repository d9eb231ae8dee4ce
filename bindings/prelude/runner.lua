-- runner.lua - where a recipe runs: its fleet and its record, as the engine and `t` use them.

local fanout = require "perilune.fanout"
local library = require "perilune.library"
local reasons = require "perilune.reasons"
local report = require "perilune.report"
local report_text = require "perilune.report_text"
local sched = require "perilune.core.sched"
local secret = require "perilune.secret"
local sys = require "perilune.core.sys"
local terminal = require "perilune.terminal"
local units = require "perilune.units"

local hosts = require "perilune.hosts" -- and what host sets can do

local runner = {}

---@class perilune.Runner
---@field recipe perilune.Recipe
---@field hosts userdata
---@field transport userdata
local Runner = {}
Runner.__index = Runner

local FOLDER, FILE = 448, 384 -- 0700, 0600
local CANCELED = 130 -- exit status of a run that was ended from outside
local GRACE_S = 30   -- for its end, when who asks does not say

-- Options as the journal and the report hold them: values that JSON has.
local function recordable(options)
  local out = {}
  for name, value in pairs(options) do
    local opaque = type(value) == "userdata" or secret.is(value)
    out[name] = opaque and tostring(value) or value
  end
  return out
end

local function functions_of(self)
  local session, shown, said = self.session, self.shown, {}
  self.record = function(ev, fields) session:append(ev, report.plain(fields)) end
  self.say = function(text) terminal.tell(secret.redact(text) .. "\n") end
  self.say_once = function(text)
    if not said[text] then self.say(text) end
    said[text] = true
  end
  self.now = sched.now
  self.recordable = recordable
  self.read_file = function(path) return library.read_beside(self.file, path) end
  self.progress = function(i, n, swept)
    if shown then self.say(("point %d of %d: %s"):format(i, n, swept.name)) end
  end
  self.ended = function(entry)
    if shown then self.say(report_text.point(entry)) end
  end
  self.secret = function(name)
    self.secrets = self.secrets or {}
    local found, message = self.secrets[name], nil
    if not found then
      found, message = secret.find(name, nil, { needed = true, rehearsal = sched.is_virtual() })
    end
    self.secrets[name] = found
    return found, message
  end
  self.baseline = function(t, g)
    return require("perilune.baseline").find(self, t, g)
  end
  self.start = function(spec) return assert(fanout.start(self.fleet, session, spec)) end
  self.next_job = function() return ("%s-job%d"):format(session:id(), session.calls + 1) end
  self.host_set = function(names) return require("perilune.core.hostset").new(names) end
  self.attach = function(t, name, bytes) return self:keep(t, name, bytes) end
  self.scratch = function(name) return self:scratch_folder(name) end
  self.recorded = function() return session:recorded() end
  self.here = function(cmd, opts) return self:run_here(cmd, opts) end
end

-- Names in their order, where the folded text would have another one.
local function host_order(set)
  local again = hosts.parse(set:fold())
  for i, name in set:each() do
    if not again or again[i] ~= name then
      local names = {}
      for _, host in set:each() do names[#names + 1] = host end
      return names
    end
  end
  return nil
end

local function point_numbers(plan)
  local numbers = {}
  for i, swept in ipairs(plan.points) do numbers[i] = swept.index end
  return numbers
end

--- What the record of a run begins with.
---@param plan perilune.Plan
---@param file perilune.RecipeFile
---@param fleet perilune.Fleet
function runner.head(plan, file, fleet)
  return { kind = "run", name = plan.name, recipe = plan.recipe.name,
    path = file.path and (sys.realpath(file.path) or file.path),
    options = recordable(plan.options), points = #plan.points, repeats = plan.repeats,
    warmup = plan.warmup, hosts = fleet.hosts:fold(), transport = fleet.transport_name,
    reach = fleet.reach, seed = plan.seed, words = plan.words,
    cwd = sys.cwd(), order = host_order(fleet.hosts), chosen = point_numbers(plan) }
end

--- The options of a point as its record has them.
---@param plan perilune.Plan
---@param swept perilune.SweepPoint
---@return table
function runner.recordable(plan, swept)
  return report.plain(recordable(require("perilune.engine").options_of(plan, swept)))
end

--- What the recipe may use from now on, the reading of its file included.
---@param memory integer bytes that its values may hold
---@param busy number seconds of computing without a wait
function runner.limit(memory, busy)
  sched.limits { memory = memory, busy = busy }
end

--- Where a plan runs: this fleet, recorded in this session.
---@param settings { plan: table, file: table, fleet: table, session: table }
---@return perilune.Runner
function runner.new(settings)
  local self = setmetatable(settings, Runner)
  self.recipe = self.plan.recipe
  self.hosts, self.transport = self.fleet.hosts, self.fleet.transport
  self.seed = self.plan.seed
  self.n_points, self.shown = #self.plan.points, #self.plan.points > 1
  functions_of(self)
  fanout.use(self.fleet, self.session)
  return self
end

-- ---- files ---------------------------------------------------------------------------------

-- Attachments of several points do not overwrite each other: each has its folder.
function Runner:keep(t, name, bytes)
  local dir = self.session:dir()
  if not dir then return name end
  local folder = self.n_points > 1 and ("attachments/%d"):format(t.index) or "attachments"
  assert(sys.mkdir(dir .. "/" .. folder, FOLDER, true))
  assert(sys.write_file(("%s/%s/%s"):format(dir, folder, name), secret.redact(bytes), FILE))
  return folder .. "/" .. name
end

--- A folder of this machine's cache, made.
function Runner.scratch_folder(_, name)
  local base = sys.getenv("XDG_CACHE_HOME")
  if not base or base:sub(1, 1) ~= "/" then base = sys.home() .. "/.cache" end
  local folder = base .. "/perilune/" .. name
  assert(sys.mkdir(folder, FOLDER, true))
  return folder
end

-- ---- this machine --------------------------------------------------------------------------

--- Runs a command line of the recipe's on this machine; the fields of a result.
---@param line string
---@param opts? { cwd: string?, timeout: number? }
function Runner:run_here(line, opts)
  opts = opts or {}
  self.local_transport = self.local_transport or require("perilune.core.transport")["local"]()
  local run = assert(require("perilune.recall").start(self.session, {
    transport = self.local_transport, hosts = require("perilune.core.hostset").new { "localhost" },
    line = line, cwd = opts.cwd, timeout = opts.timeout,
    secrets = secret.words() }))
  run:wait()
  return run:result(1)
end

-- ---- running it ----------------------------------------------------------------------------

-- "uname -a: 3 of 64 failed: exit 1: node[1-3]"
local function failure_text(run, shown)
  local summary = run:summary()
  local first = reasons.fold(run, reasons.failed(run))[1]
  return ("%s: %d of %d failed: %s"):format(shown, summary.tasks - summary.ok, summary.tasks,
    first.line)
end

-- Keeps an eye on what goes on: who is asked about at Ctrl-C, what failed for the report.
function Runner:watch()
  local active = setmetatable({}, { __mode = "k" })
  self.session.on_start = function(run, spec)
    active[run] = spec.line or spec.argv and table.concat(spec.argv, " ") or spec.kind
  end
  self.session.on_end = function(run)
    local summary = run:summary()
    if self.point and summary.ok < summary.tasks then
      self.point:failed(run, failure_text(run, active[run] or "a command"))
    end
    active[run] = nil
  end
  return active
end

-- Who is still being waited for, over all that goes on.
local function still_running(active)
  local names = {}
  for run in pairs(active) do
    local waiting = run:ended() and {} or run:waiting()
    for _, entry in ipairs(waiting) do names[#names + 1] = entry.host end
  end
  return require("perilune.core.hostset").new(names)
end

-- The first Ctrl-C ends the point; the report is still written. The second leaves at once.
function Runner:cancel_on_interrupt(active)
  sched.on_interrupt(function()
    local left = still_running(active)
    terminal.note("interrupted: ending %s; once more leaves at once%s", #left == 0 and "the recipe"
      or ("%s: %s"):format(units.count(#left, "host"), left:fold()), self.session:dir()
      and ("; 'perilune resume %s' goes on later"):format(self.session:id()) or "")
    self.session:append("interrupt", {})
    if self.task then self.task:cancel("interrupted") end
  end)
end

-- What is still there when the grace is over is left to the supervisors on the hosts, and `reap`.
function Runner:cut_off(grace)
  terminal.note("not ended after %s: left at once; 'perilune reap %s' ends what is left on hosts",
    units.format_duration(grace), self.session:id())
  self.session:finish(CANCELED, "canceled")
  require("perilune.core.background").quit(CANCELED)
end

-- Another shell may ask for what Ctrl-C does here.
function Runner:cancel_on_request(active)
  self.session:listen(function(request)
    if request.want ~= "cancel" or self.cancels then return end
    self.cancels = true
    local by, left = tostring(request.by), still_running(active)
    terminal.note("canceled by %s: ending %s", by, #left == 0 and "the recipe"
      or ("%s: %s"):format(units.count(#left, "host"), left:fold()))
    self.session:append("interrupt", { by = by })
    if self.task then self.task:cancel("canceled by " .. by) end
    if sched.is_virtual() then return end
    local grace = tonumber(request.grace) or GRACE_S
    sched.sleep(grace)
    self:cut_off(grace)
  end)
end

--- Runs the plan and writes the report.
---@return table report
---@return string text
---@return string json
function Runner:carry_out()
  local begun, wall = sched.now(), sched.wall()
  local active = self:watch()
  self:cancel_on_interrupt(active)
  self:cancel_on_request(active)
  local entries = require("perilune.engine").run(self.plan, self)
  local r = self:make_report(self.plan, entries, begun, wall)
  return r, self:write_report(r)
end

-- ---- what it came to -----------------------------------------------------------------------

--- The report's table; entries are the engine's.
function Runner:make_report(plan, entries, begun, wall)
  local status, verdict = report.overall(entries)
  for _, entry in ipairs(entries) do entry.options = recordable(entry.options or {}) end
  return { version = 1, run = self.session:id(), recipe = self.recipe.name,
    summary = self.recipe.summary, name = plan.name, verdict = verdict, status = status,
    began = wall, seconds = sched.now() - begun, hosts = tostring(self.hosts),
    host_count = #self.hosts, transport = self.transport:name(), dir = self.session:dir(),
    repeats = plan.repeats, warmup = plan.warmup, points = entries }
end

--- Writes report.txt and report.json into the run folder; the JSON text.
---@return string text
---@return string json
function Runner:write_report(r)
  local text, json = report_text.report(r), report.json(r)
  local dir = self.session:dir()
  if dir then
    for name, bytes in pairs { ["report.txt"] = text, ["report.json"] = json } do
      local ok, message = sys.write_file(dir .. "/" .. name, bytes, FILE)
      if not ok then terminal.note("%s/%s: %s", dir, name, message) end
    end
  end
  return text, json
end

--- What will run, in one line.
function runner.announcement(plan, fleet)
  local passes = plan.repeats > 1 and (", %d times each"):format(plan.repeats) or ""
  local warm = plan.warmup > 0 and (" after %s"):format(units.count(plan.warmup, "warm-up")) or ""
  return ("%s: %s%s%s on %s over %s"):format(plan.recipe.name, units.count(#plan.points, "point"),
    passes, warm, units.count(#fleet.hosts, "host"), fleet.transport:name())
end

return runner
