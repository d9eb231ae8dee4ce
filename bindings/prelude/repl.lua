-- repl.lua - the interactive session: lines of Lua, commands for the fleet and for this machine,
-- jobs in the background that report above the line that is being typed.
--
-- Each action is a task of its own. The main task reads lines and waits for the one in the
-- foreground; Ctrl-C ends that one only, a second one leaves it behind.

local complete = require "perilune.repl_complete"
local errors = require "perilune.errors"
local fleet = require "perilune.fleet"
local runner = require "perilune.runner"
local sched = require "perilune.core.sched"
local scope = require "perilune.scope"
local session = require "perilune.session"
local show = require "perilune.repl_show"
local sys = require "perilune.core.sys"
local terminal = require "perilune.terminal"
local units = require "perilune.units"

local repl = {}

local ASKED_ABOVE = 64     -- hosts: the first command on more of them is asked about
local HISTORY_LINES = 1000 -- that are read when a session begins
local FILE = 384           -- 0600

---@class perilune.Repl
---@field fleet perilune.Fleet the one that is chosen
---@field env table names of the prompt
---@field jobs table<table, table> the actions that have not been told of
local Repl = {}
Repl.__index = Repl

-- ---- what is said --------------------------------------------------------------------------

--- Whole lines on standard output, above the line that is being typed.
function Repl:print(text)
  if text == "" then return end
  if text:sub(-1) ~= "\n" then text = text .. "\n" end
  if self.editor then return self.editor:print(sys.visible(text)) end
  terminal.print(text)
end

local function say_error(self, value)
  if type(value) == "table" and value.kind == "cancel" then return self:print("interrupted") end
  self:print(tostring(value))
end

-- ---- lines ---------------------------------------------------------------------------------

local Pipe = {}
Pipe.__index = Pipe

-- The next line of standard input, for where there is no terminal to edit on.
function Pipe:next(prompt)
  if self.shows then sys.write(1, prompt) end
  while true do
    local line, rest = self.bytes:match "^(.-)\r?\n(.*)$"
    if line then
      self.bytes = rest
      return "line", line
    end
    local more = self.over and "" or sys.read(0) or ""
    self.over = more == ""
    if self.over and self.bytes == "" then return "end" end
    self.bytes = self.bytes .. (self.over and "\n" or more)
  end
end

local function offer(self, text)
  local n, candidates = complete.find(text, self.env, self.fleet)
  local common = complete.common(candidates)
  if #common > n then
    self.editor:replace(n, common)
  elseif #candidates > 1 then
    self.editor:print(complete.list(candidates, terminal.width()))
  end
end

-- A line that was typed; nil at the end of input, false when Ctrl-C dropped it.
function Repl:read_line(prompt)
  while true do
    local event, text = self.input:next(prompt)
    if event == "line" then return text end
    if event == "end" then return nil end
    if event == "interrupt" then
      sched.forget_interrupt()
      return false
    end
    offer(self, text)
  end
end

-- ---- history -------------------------------------------------------------------------------

local function history_path()
  local folder = require("perilune.config").state_folder()
  return folder and folder .. "/history"
end

function Repl:load_history()
  local text = history_path() and sys.read_file(history_path()) or ""
  local lines = {}
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  for i = math.max(1, #lines - HISTORY_LINES + 1), #lines do
    self.editor:remember((lines[i]:gsub("\\(.)", { n = "\n", ["\\"] = "\\" })))
  end
end

-- One line a chunk, so that sessions beside each other can append.
function Repl:remember(text)
  if not self.editor or text:find "^%s*$" then return end
  self.editor:remember(text)
  local path = history_path()
  if path and not sys.stat(path) then sys.write_file(path, "", FILE) end
  local file = path and io.open(path, "a")
  if not file then return end
  file:write((text:gsub("[\\\n]", { ["\\"] = "\\\\", ["\n"] = "\\n" })), "\n")
  file:close()
end

-- ---- the fleet -----------------------------------------------------------------------------

-- Who answers for simulated hosts: the recipe that runs here, too.
local function rehearsal_of(self, o)
  local function answer(...) return self.answer and self.answer(...) end
  return { from = o.sim_from, faults = o.faults, seed = o.seed,
    recipe = { responder = function() return answer end } }
end

-- What has been chosen so far keeps its sessions until the end.
local function open_fleet(self, set)
  local o, given = {}, {}
  for name, value in pairs(self.options) do o[name] = value end
  for name, value in pairs(self.given) do given[name] = value end
  if set then
    o.hosts, given.hosts, o.all, o.group = set, true, nil, nil
    o.exclude, o.pick = nil, nil
  end
  return fleet.open(o, given, { warm = true, rehearsal = rehearsal_of(self, o) })
end

--- Makes these hosts the ones that commands go to.
---@param set? string a host set; nil: those of the command line
function Repl:choose(set)
  local on = self.fleets[set or ""] or open_fleet(self, set)
  self.fleets[set or ""], self.fleet = on, on
  local plan = { recipe = { name = "repl", options = {} }, points = { {} }, repeats = 1, warmup = 0,
    name = "repl" }
  local run = runner.new { plan = plan, file = { dir = "." }, fleet = on, session = self.session }
  local t = require("perilune.point").new(run, { index = 1, name = "repl", values = {} }, {})
  run.point = t
  rawset(self.env, "hosts", on.hosts)
  rawset(self.env, "t", t)
end

local function prompt_of(self)
  local on = self.fleet
  local name = on.hosts:fold()
  if #name > 30 then name = units.count(#on.hosts, "host") end
  return ("perilune %s> "):format(name)
end

-- The first command on many hosts of a session is asked about, where somebody can answer.
local function may_run(self)
  if self.asked or not self.editor or #self.fleet.hosts <= ASKED_ABOVE then return true end
  local answer = self:read_line(("run it on %d hosts? [y/N] "):format(#self.fleet.hosts))
  self.asked = answer and answer:find "^%s*[yY]" ~= nil
  return self.asked
end

-- ---- actions -------------------------------------------------------------------------------

-- Tells the waiting main task of the end, the last thing that an action does.
local End = { __close = function(ending)
  ending.job.over = true
  ending.repl.changed:wake_all()
end }

local function act(self, job, fn)
  local _ <close> = setmetatable({ repl = self, job = job }, End)
  return table.pack(scope.run(fn))
end

-- Starts fn as a job that is not in the foreground yet.
function Repl:start(text, fn)
  local job = { text = text }
  self.jobs[job] = job
  job.task = sched.spawn(act, self, job, fn)
  return job
end

-- With where it came from, where that is more than the line that was typed.
local function with_trace(message, trace)
  local rest = (trace or ""):gsub("%s*prompt:%d+: in the file itself", "")
  return tostring(message) .. (rest:find "%S" and "\n" .. rest or "")
end

-- What came of a job that is over.
function Repl:finish(job)
  self.jobs[job] = nil
  local ok, values, trace = job.task:join()
  if not ok then
    return say_error(self, type(values) == "table" and values or with_trace(values, trace))
  end
  for i = 1, values.n do
    if values[i] ~= nil or values.n > 1 then self:print(show.short(values[i])) end
  end
  if values.n > 0 then rawset(self.env, "_", values[1]) end
end

-- Waits for a job; a second Ctrl-C leaves it behind, to be told of when it is over.
function Repl:foreground(job)
  self.front = job
  while not job.over and self.front == job do self.changed:wait() end
  self.front = nil
  sched.forget_interrupt()
  if job.over then return self:finish(job) end
  self:background(job)
end

-- Tells of what ended in the background, when it does.
local function report_job(self, job)
  while not job.over do self.changed:wait() end
  if not self.jobs[job] or not job.background then return end
  self:print(("[%d] is over: %s"):format(job.number, job.text))
  self:finish(job)
end

function Repl:background(job)
  self.n_jobs = self.n_jobs + 1
  job.background, job.number = true, self.n_jobs
  self:print(("[%d] %s%s"):format(job.number, job.text, job.interrupted and " (ending)" or ""))
  sched.spawn(report_job, self, job)
end

local function on_interrupt(self)
  if self.editor and self.editor:interrupt() then return end
  local job = self.front
  if not job then return sched.forget_interrupt() end
  if self.editor then self.editor:print("\n") end -- behind the ^C that the terminal shows
  if job.interrupted then
    self.front = nil
    self.changed:wake_all()
  else
    job.interrupted = true
    job.task:cancel("interrupted")
    sched.forget_interrupt()
  end
end

-- ---- what can be typed ---------------------------------------------------------------------

local function on_fleet(self, line)
  local hosts = self.fleet.hosts
  return function()
    local results = hosts:exec(line)
    local text = tostring(results:fold())
    self:print(text)
    if text == "" or not results.ok then self:print(tostring(results)) end
  end
end

local function on_this_machine(self, line)
  local t = self.env.t
  return function()
    local entry = t.run:run_here(line)
    self:print(entry.stdout .. entry.stderr)
    if entry.outcome ~= "ok" then self:print(entry.why) end
  end
end

-- Those in the background, in order.
local function background_jobs(self)
  local list = {}
  for job in pairs(self.jobs) do
    if job.background then list[#list + 1] = job end
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

local function list_jobs(self)
  local list = background_jobs(self)
  for _, job in ipairs(list) do self:print(("[%d] %s"):format(job.number, job.text)) end
  if #list == 0 then self:print("nothing runs in the background") end
end

-- The newest, where no number is given.
local function bring_forward(self, number)
  local list, job = background_jobs(self), nil
  for _, one in ipairs(list) do
    if one.number == tonumber(number) then job = one end
  end
  if not tonumber(number) then job = list[#list] end
  if not job then return self:print("no such job; `jobs` lists them") end
  job.background, job.interrupted = nil, nil
  self:foreground(job)
end

-- Words that are no Lua.
local WORDS = {
  quit = function(self) self.done = true end,
  exit = function(self) self.done = true end,
  jobs = list_jobs,
  fg = bring_forward,
  help = function(self, word)
    self:print(require("perilune.repl_help").text(word ~= "" and word or nil, self.env))
  end,
}

-- A line to its function: for the fleet, for this machine, or Lua.
local function compile(self, text)
  local mark, line = text:match "^([>!])%s*(.*)$"
  if mark == ">" then return line ~= "" and may_run(self) and on_fleet(self, line) end
  if mark == "!" then return line ~= "" and on_this_machine(self, line) end
  local fn = load("return " .. text, "=prompt", "t", self.env)
  if fn then return fn end
  local message
  fn, message = load(text, "=prompt", "t", self.env)
  return fn, message
end

local function is_unfinished(text)
  if text:find "^[>!@]" then return false end
  local fn, message = load(text, "=prompt", "t", {})
  return not fn and not load("return " .. text, "=prompt", "t", {})
    and message:find("<eof>", 1, true) ~= nil
end

-- One chunk: a line and those that it needs; nil at the end, false when it was dropped.
function Repl:read_chunk()
  local text = self:read_line(prompt_of(self))
  while text and is_unfinished(text) do
    local more = self:read_line("      ...> ")
    if not more then return more end
    text = text .. "\n" .. more
  end
  return text
end

local function choose_hosts(self, set)
  local ok, message = pcall(self.choose, self, set)
  if not ok then self:print(tostring(type(message) == "table" and message.message or message)) end
end

local function obey(self, text)
  local word, argument = text:match "^%s*(%a+)%s*([%w_]*)%s*$"
  if WORDS[word] and rawget(self.env, word) ~= nil or word == "quit" or word == "exit" then
    return WORDS[word](self, argument)
  end
  if text:find "^@" then return choose_hosts(self, text:match "^@%s*(.-)%s*$") end
  local front = text:match "^(.-)%s*&%s*$"
  local fn, message = compile(self, front or text)
  if not fn then return message and self:print((message:gsub("^prompt:", "line "))) end
  local job = self:start(front or text, fn)
  if front then self:background(job) else self:foreground(job) end
end

-- ---- names of the prompt -------------------------------------------------------------------

-- A recipe on these hosts, read anew; its report.
local function run_recipe(self, word, values)
  local library, options = require "perilune.library", require "perilune.options"
  local file = library.find(word)
  local recipe = library.load(file)
  local checked = errors.checked(options.validate(recipe.options, values or {}))
  local plan = { recipe = recipe, options = checked, repeats = 1, warmup = 0, name = recipe.name,
    points = { { index = 1, name = "all", values = {} } } }
  local record <close> = session.begin(runner.head(plan, file, self.fleet))
  local run = runner.new { plan = plan, file = file, fleet = self.fleet, session = record }
  run:watch()
  local begun, wall = sched.now(), sched.wall()
  self.answer = recipe:responder()
  local report = run:make_report(plan, require("perilune.engine").run(plan, run), begun, wall)
  self:print((run:write_report(report)))
  record:finish(report.status, report.verdict)
  return report
end

local Report = { __tostring = function(r) return ("%s: %s"):format(r.name, r.verdict) end }

local function names_of_prompt(self)
  return {
    pl = require "perilune",
    print = function(...)
      local words = table.pack(...)
      for i = 1, words.n do words[i] = tostring(words[i]) end
      self:print(table.concat(words, "\t") .. "\n")
    end,
    show = function(value) self:print(show.whole(value)) end,
    help = function(what) self:print(require("perilune.repl_help").text(what, self.env)) end,
    jobs = function() list_jobs(self) end,
    fg = function(number) bring_forward(self, number) end,
    bg = function(fn) self:background(self:start("bg(...)", fn)) end,
    run = function(word, values) return setmetatable(run_recipe(self, word, values), Report) end,
  }
end

-- ---- a session -----------------------------------------------------------------------------

-- What still runs is ended, and waited for; then the connections.
local Leaving = { __close = function(leaving)
  local self = leaving.repl
  sched.on_interrupt(nil)
  terminal.divert(nil)
  for _, job in pairs(self.jobs) do job.task:cancel("the session is over") end
  for _, job in pairs(self.jobs) do job.task:join() end
  for _, on in pairs(self.fleets) do on.transport:close() end
  if self.editor then self.editor:close() end
end }

local function greet(self)
  if not self.input.shows and not self.editor then return end
  self:print(("perilune %s, Lua 5.4 on %s over %s; help says more\n"):format(
    require("perilune.core.boot").version, units.count(#self.fleet.hosts, "host"),
    self.fleet.transport_name))
end

--- Reads and obeys lines until there are no more.
---@param o table values of fleet.options
---@param given table<string, boolean>
---@return integer status
function repl.run(o, given)
  local self = setmetatable({ options = o, given = given, fleets = {}, jobs = {}, n_jobs = 0,
    changed = sched.queue(), env = require("perilune.sandbox").new(".") }, Repl)
  local on = open_fleet(self, nil) -- before all else: it may choose virtual time
  self.fleets[""] = on
  local record <close> = session.begin { kind = "repl", name = "repl", hosts = on.hosts:fold(),
    transport = on.transport_name, reach = on.reach }
  self.session = record
  local _ <close> = setmetatable({ repl = self }, Leaving)
  for name, value in pairs(names_of_prompt(self)) do rawset(self.env, name, value) end
  self:choose(nil)
  self.editor = require("perilune.core.edit").open()
  self.input = self.editor or setmetatable({ bytes = "", shows = sys.isatty(0) }, Pipe)
  if self.editor then
    self:load_history()
    terminal.divert(function(text) self.editor:print(text) end)
  end
  sched.on_interrupt(function() on_interrupt(self) end)
  greet(self)
  while not self.done do
    local text = self:read_chunk()
    if text == nil then break end
    if text and not text:find "^%s*$" then
      self:remember(text)
      obey(self, text)
    end
  end
  return record:finish(0)
end

return repl
