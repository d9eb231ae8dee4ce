-- point.lua - `t`, what a recipe's run function gets: one point of the run. It records what is
-- measured, checked and said; where commands go is the business of the fleet.
--
-- What depends only on the recipe raises with its line; what depends on the world is a result.

local blame = require "perilune.blame"
local gate = require "perilune.gate"
local metric = require "perilune.metric"

---@class perilune.Point
---@field hosts perilune.HostSet the fleet of the command line
---@field options table<string, any> the options of this point
---@field recipe string its name
---@field index integer number of the point, from 1
---@field point string its name, "bytes=1M,n=4"
---@field pass integer which repeat this is, from 1; 0 and below are warm-ups
local Point = {}
Point.__name = "perilune.point"

local point = { class = Point }

-- Fields that may be nil: reading them is no slip.
local OPTIONAL = { place = true, warming = true, in_step = true, is_over = true }

local FIELDS = { "hosts", "options", "recipe", "index", "point", "pass" }

function Point.__index(_, key)
  local method = Point[key]
  if method ~= nil or OPTIONAL[key] then return method end
  blame.unknown_field("t", key, Point, FIELDS)
end

--- Raised by t:expect; the engine ends the point with it.
point.Expectation = { __tostring = function(e) return e.message end }

-- Reading an option that the recipe does not have is a slip; one without a value is nil.
local function checked_options(recipe, values)
  local known = {}
  for name in pairs(recipe.options or {}) do known[#known + 1] = (name:gsub("-", "_")) end
  return setmetatable(values, { __index = function(_, key)
    for _, name in ipairs(known) do
      if name == key then return nil end
    end
    blame.raise("recipe '%s' has no option '%s'%s", recipe.name, tostring(key),
      require("perilune.nearest").hint(key, known))
  end })
end

--- Makes the `t` of one point. `run` is the engine's: hosts, record(ev, fields), say(text),
--- attach(point, name, bytes), find_file(path).
---@return perilune.Point
function point.new(run, swept, values)
  return setmetatable({
    run = run, hosts = run.hosts, options = checked_options(run.recipe, values),
    recipe = run.recipe.name, index = swept.index, point = swept.name, pass = 1,
    metrics = metric.new(), gates = {}, checks = {}, notes = {},
    warnings = {}, failures = {}, attachments = {}, steps = {}, said = {}, inputs = {},
  }, Point)
end

local function formatted(fmt, ...)
  if type(fmt) ~= "string" then return tostring(fmt) end
  if select("#", ...) == 0 then return fmt end
  local arguments = table.pack(...)
  for i = 1, arguments.n do -- %s of host sets and results, %d of what is whole
    if type(arguments[i]) == "table" or type(arguments[i]) == "userdata" then
      arguments[i] = tostring(arguments[i])
    end
  end
  return blame.call(string.format, fmt, table.unpack(arguments, 1, arguments.n))
end

function Point:record(ev, fields)
  fields.point = self.index
  self.run.record(ev, fields)
end

-- ---- what is measured ----------------------------------------------------------------------

local METRIC_KEYS = { "unit", "better", "at", "label" }

--- Adds a sample to a metric of this point. nil and NaN raise, naming it.
---@param name string
---@param value number
---@param opts? { unit: string?, better: "higher"|"lower"|nil, at: any, label: string? }
function Point:metric(name, value, opts)
  opts = opts or {}
  blame.check_keys("t:metric", opts, METRIC_KEYS)
  local at = opts.at == nil and self.place or opts.at
  local sample = { unit = opts.unit, better = opts.better, at = at ~= nil and tostring(at) or nil,
    warmup = self.warming or self.pass < 1 }
  blame.call(self.metrics.add, self.metrics, name, value, sample)
  self:record("metric", { name = name, value = value, unit = opts.unit, at = sample.at,
    label = opts.label, warmup = sample.warmup or nil, pass = self.pass })
end

local Gate = {}
Gate.__index = Gate

--- Ends the point when the gate was breached.
function Gate:must()
  if not self.ok then
    error(setmetatable({ kind = "gate", message = ("gate %s: %s"):format(self.metric, self.why) },
      point.Expectation), 0)
  end
  return self
end

-- Where the baselines of this point are looked up; asked once per gate.
function Point:baselines()
  local find = self.run.baseline
  return find and function(g) return find(self, g) end or nil
end

--- Limits a statistic of a metric's samples: pass, fail, skip or unsure. `min`, `max`; or
--- `baseline` ("last-pass": the last run of this name in which this point passed; "last"; a
--- number) and `max_drop` ("5%"), the part that may be lost; `missing` says what it is without
--- samples or baseline ("fail", "skip"). Judged now for the recipe, and again over all repeats for
--- the verdict. An unknown metric raises.
---@param name string
---@param limits? { stat: string?, min: number?, max: number?, at: string?, missing: string?,
---  baseline: string|number|nil, max_drop: string|number|nil }
---@return perilune.GateResult
function Point:gate(name, limits)
  local g = blame.call(gate.define, name, limits)
  if g.at == nil and self.place then g.at = self.place end
  local result = blame.call(gate.evaluate, g, self.metrics, self:baselines())
  self.gates[("%s\0%s\0%s"):format(g.metric, g.at or "", g.stat)] = g
  return setmetatable(result, Gate)
end

--- The gates as they stand over all samples, by name.
---@return perilune.GateResult[]
function Point:judge()
  local keys, results = {}, {}
  for key in pairs(self.gates) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    results[i] = gate.evaluate(self.gates[key], self.metrics, self:baselines())
    self:record("gate", results[i])
  end
  return results
end

-- ---- what is checked and said --------------------------------------------------------------

--- Soft: a condition that does not hold fails the point, which goes on.
---@param cond any
---@param fmt string
---@return any cond
function Point:check(cond, fmt, ...)
  if cond then return cond end
  local check = { text = formatted(fmt or "a check", ...), where = blame.position() }
  self.checks[#self.checks + 1] = check
  self:record("check", { text = check.text, where = check.where })
  self.run.say(("check failed: %s (%s)"):format(check.text, check.where))
  return cond
end

--- Hard: a condition that does not hold ends the point as failed.
---@param cond any
---@param fmt string
---@return any cond
function Point.expect(_, cond, fmt, ...)
  if cond then return cond end
  error(setmetatable({ kind = "expect", message = formatted(fmt or "an expectation", ...),
    where = blame.position() }, point.Expectation), 0)
end

-- Repeats say the same again: the report has it once.
function Point:add_once(list, text)
  if self.said[text] then return end
  self.said[text] = true
  list[#list + 1] = text
end

--- Says and records a line; what repeats say again is recorded only.
---@param fmt string
function Point:note(fmt, ...)
  local text = formatted(fmt, ...):gsub("%s+$", "")
  self:add_once(self.notes, text)
  self:record("note", { text = text })
  self.run.say_once(text)
end

-- A fan-out that failed; the recipe may handle it.
function Point:failed(run, text)
  self.failures[#self.failures + 1] = { run = run, text = text }
end

-- What went wrong and was handled: in the report, without failing the point.
function Point:warn(text)
  self:add_once(self.warnings, text)
  self:record("warning", { text = text })
end

--- Keeps data with the run: a string as it is, a table as JSON.
---@param name string a file name
---@param data string|table
function Point:attach(name, data)
  if type(name) ~= "string" or not name:find("^[%w_][%w_.@%%+-]*$") then
    blame.raise("t:attach needs a plain file name, not '%s'", tostring(name))
  end
  local bytes = data
  if type(data) == "table" then
    bytes = blame.call(require("perilune.core.json").encode, data, { indent = 2, sort = true })
  elseif type(data) ~= "string" then
    blame.raise("t:attach '%s' needs a string or a table, not a %s", name, type(data))
  end
  local path = self.run.attach(self, name, bytes)
  self.attachments[#self.attachments + 1] = path
  self:record("attach", { name = name, path = path, bytes = #bytes })
end

-- ---- samples, points and steps of the recipe's own -----------------------------------------

-- A for loop whose state is put back however the loop is left.
local function loop(step, restore)
  return step, nil, nil, setmetatable({}, { __close = restore })
end

local REPEAT_KEYS = { "warmup" }

--- for i in t:repeats(n, { warmup = 1 }): metrics taken in warm-ups (i <= 0) do not count.
---@param n integer
---@param opts? { warmup: integer? }
function Point:repeats(n, opts)
  opts = opts or {}
  blame.check_keys("t:repeats", opts, REPEAT_KEYS)
  local warmup = opts.warmup or 0
  if math.type(n) ~= "integer" or n < 1 or math.type(warmup) ~= "integer" or warmup < 0 then
    blame.raise("t:repeats needs how many times, and warmup = how many before")
  end
  local i, before = -warmup, self.warming
  return loop(function()
    i = i + 1
    if i > n then return nil end
    self.warming = before or i < 1
    return i
  end, function() self.warming = before end)
end

local SWEEP_KEYS = { "zip", "filter", "sample" }

-- The axes of t:sweep, in the order of their names. Text is read as --sweep reads it.
local function read_axes(self, axes)
  local sweep, list, names = require "perilune.sweep", {}, {}
  for name in pairs(axes) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for i, name in ipairs(names) do
    local values = axes[name]
    if type(name) == "string" and type(values) == "string" then
      local axis, message = sweep.parse_axis(name .. "=" .. values, self.run.recipe.options or {})
      list[i] = axis or blame.raise("t:sweep: %s", message)
    elseif type(name) == "string" and type(values) == "table" then
      list[i] = sweep.axis(name, values)
    else
      blame.raise("t:sweep is written NAME = { values }")
    end
  end
  return list
end

-- zip = { "a", "b" } is one pair, { { "a", "b" }, ... } are several.
local function read_zips(zip)
  if zip == nil then return {} end
  if type(zip) ~= "table" then blame.raise("t:sweep: zip is a list of names") end
  return type(zip[1]) == "table" and zip or { zip }
end

-- The points of t:sweep: multiplied or zipped, then filtered, then a random sample of them.
local function make_points(self, axes, opts)
  local sweep = require "perilune.sweep"
  local points, message = sweep.points(read_axes(self, axes), read_zips(opts.zip))
  if not points then blame.raise("t:sweep: %s", message) end
  if opts.filter ~= nil then
    if type(opts.filter) ~= "function" then blame.raise("t:sweep: filter is a function") end
    local kept = {}
    for _, p in ipairs(points) do
      if opts.filter(p.values) then kept[#kept + 1] = p end
    end
    points = kept
  end
  if opts.sample == nil then return points end
  if math.type(opts.sample) ~= "integer" or opts.sample < 0 then
    blame.raise("t:sweep: sample is how many points to take")
  end
  return sweep.sample(points, opts.sample)
end

--- for p in t:sweep { n = { 1, 2 }, bytes = "64K..1M:x4" }: every combination, names in their
--- order, the last varying fastest. Metrics taken inside are told apart by it. Text is a range of
--- the recipe's option of that name.
---@param axes table<string, any[]|string>
---@param opts? { zip: string[]|string[][]|nil, filter: nil|(fun(p: table): boolean),
---  sample: integer? }
function Point:sweep(axes, opts)
  if type(axes) ~= "table" then blame.raise("t:sweep needs a table NAME = { values }") end
  blame.check_keys("t:sweep", opts or {}, SWEEP_KEYS)
  local points = make_points(self, axes, opts or {})
  local i, before = 0, self.place
  return loop(function()
    i = i + 1
    if not points[i] then return nil end
    self.place = before and before .. "," .. points[i].name or points[i].name
    self:record("sweep", { at = self.place })
    return points[i].values
  end, function() self.place = before end)
end

--- Runs fn as a named part of the point; a failure in it names the step.
---@param name string
---@param fn fun(): any
function Point:step(name, fn)
  if type(name) ~= "string" or type(fn) ~= "function" then
    blame.raise("t:step needs a name and a function")
  end
  local now = require("perilune.core.sched").now
  local step = { name = name, begun = now() }
  local outer = self.in_step
  self.in_step = outer and outer .. " / " .. name or name
  local locals <const> = require("perilune.core.sched").locals() -- tasks have steps of their own
  local before = locals.step
  locals.step = before and before .. " / " .. name or name
  self:record("step", { name = self.in_step })
  local results = table.pack(fn())
  self:record("step_end", { name = self.in_step, seconds = now() - step.begun })
  self.steps[#self.steps + 1] = { name = self.in_step, seconds = now() - step.begun }
  locals.step = before
  self.in_step = outer -- kept on a failure: the engine reads it
  return table.unpack(results, 1, results.n)
end

-- ---- hosts ---------------------------------------------------------------------------------

--- A rank map of a job over hosts: see mapping.lua.
---@param hosts userdata
---@param job table|string
---@param opts? { topo: any, gpus_per_host: integer? }
function Point:map(hosts, job, opts)
  return require("perilune.mapping").map(self, hosts, job, opts)
end

--- A file of the controller on every host, copied once by checksum: see stage.lua.
---@param path string
---@param opts? { build: string?, name: string?, dir: string?, timeout: number? }
---@param hosts? userdata those of the run when left out
---@return perilune.Staged
function Point:stage(path, opts, hosts)
  return require("perilune.stage").stage(self, path, opts, hosts)
end

--- One process per rank of a map: see launch.lua.
---@param map userdata
---@param opts table
---@return perilune.Job
function Point:launch(map, opts)
  return require("perilune.launch").launch(self, map, opts)
end

--- The addresses of hosts, to compare with where something says it ran: see address.lua.
---@param hosts userdata
---@return perilune.Addresses
function Point:addresses(hosts)
  return require("perilune.address").of(self, hosts)
end

-- ---- tasks ---------------------------------------------------------------------------------

local function check_function(what, fn)
  if type(fn) ~= "function" then
    blame.raise("%s needs a function, not a %s", what, type(fn))
  end
end

local function check_functions(what, fns)
  if type(fns) ~= "table" then
    blame.raise("%s needs a table of functions, not a %s", what, type(fns))
  end
  if #fns == 0 then blame.raise("%s needs at least one function", what) end
  for _, fn in ipairs(fns) do check_function(what, fn) end
end

-- Seconds from a duration; raises with the recipe's line.
local function read_time(what, value)
  local seconds, message = require("perilune.units").parse_duration(value)
  if not seconds then blame.raise("%s: %s", what, message) end
  return seconds
end

--- Starts fn beside what follows; the point ends only when it has.
function Point.spawn(_, fn, ...)
  check_function("t:spawn", fn)
  return require("perilune.scope").spawn(fn, ...)
end

--- Runs functions side by side; their results in order. An error in one cancels the others.
---@param fns fun()[]
function Point.all(_, fns)
  if type(fns) ~= "table" or #fns > 0 then check_functions("t:all", fns) end
  return require("perilune.scope").all(fns)
end

--- Runs functions side by side; the first to end wins, the others are cancelled.
---@param fns fun()[]
function Point.race(_, fns)
  check_functions("t:race", fns)
  return require("perilune.scope").race(fns)
end

--- Runs fn for at most so long: its results, or a failed result with phase "timeout". Where fn
--- returns nothing, a good result.
---@param limit number|string
function Point.timeout(_, limit, fn, ...)
  local seconds = read_time("t:timeout", limit)
  check_function("t:timeout", fn)
  local results = table.pack(require("perilune.scope").timeout(seconds, fn, ...))
  if results.n == 0 then return require("perilune.result").passed() end
  return table.unpack(results, 1, results.n)
end

--- Waits. In a run that is resumed, not where the record goes on after it.
---@param time number|string seconds, or "200ms", "5m"
function Point.sleep(_, time)
  local seconds = read_time("t:sleep", time)
  if require("perilune.recall").is_past() then seconds = 0 end -- it was waited for then
  return require("perilune.core.sched").sleep(seconds)
end

-- Promised, and not built.
for _, name in ipairs { "lease", "snapshot", "requeue" } do
  Point[name] = function() blame.not_yet("t:" .. name) end
end

-- ---- the controller ------------------------------------------------------------------------

--- A variable of the controller's environment.
---@param name string
---@return string?
function Point.env(_, name)
  if type(name) ~= "string" then blame.raise("t:env needs the name of a variable") end
  return require("perilune.core.sys").getenv(name)
end

--- A secret: that of the option of this name, else of PERILUNE_SECRET_NAME, else a person is asked
--- on the terminal. It prints as [secret NAME], goes to hosts through env and stdin, and is struck
--- out of everything that is printed or recorded.
---@param name string
---@return perilune.Secret
function Point:secret(name)
  if type(name) ~= "string" or not name:find("^%a[%w_-]*$") then
    blame.raise("t:secret needs the name of a secret")
  end
  local of_option = rawget(self.options, (name:gsub("-", "_")))
  if require("perilune.secret").is(of_option) then return of_option end
  local found, message = self.run.secret(name)
  return found or blame.raise("t:%s", message)
end

--- The bytes of a file of the controller: beside the recipe, else from the working directory. A
--- file that is missing is the world's fault: nil and a sentence.
---@param path string
---@return string? bytes
---@return string? message
function Point:read(path)
  if type(path) ~= "string" then blame.raise("t:read needs a file name") end
  local bytes, message = self.run.read_file(path)
  return bytes, message
end

blame.guard_methods(Point, "t")

-- A `t` that was kept for later speaks of a point that has been judged.
for name, method in pairs(Point) do
  if type(method) == "function" and not name:find("^__") then
    Point[name] = function(self, ...)
      if type(self) == "table" and rawget(self, "is_over") then
        blame.raise("t:%s: this t is of the point '%s', which is over", name, self.point)
      end
      return method(self, ...)
    end
  end
end

--- The point is over: whoever kept it is refused from now on.
function Point:close()
  self.is_over = true
end

return point
