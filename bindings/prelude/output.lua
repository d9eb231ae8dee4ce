-- output.lua - the OUTPUT options: what of a fan-out goes to standard output, and in what form;
-- the summary on standard error.

local reasons = require "perilune.reasons"
local terminal = require "perilune.terminal"
local units = require "perilune.units"

local output = {}

local GROUP = "OUTPUT"
local REASONS_MAX = 40 -- lines of a summary

--- The OUTPUT options, for a verb's table.
output.options = {
  { "no-prefix", short = "N", type = "bool", group = GROUP,
    help = "lines without the host's name" },
  { "gather", short = "b", type = "bool", group = GROUP,
    help = "at the end, hosts with equal output together, each stream by itself" },
  { "diff", type = "bool", group = GROUP,
    help = "as -b, the largest group whole, the others as what differs from it" },
  { "outdir", type = "path", metavar = "DIR", group = GROUP,
    help = "into files DIR/HOST.out and DIR/HOST.err" },
  { "raw", type = "bool", group = GROUP,
    help = "let output drive the terminal; else its control characters are shown as ^[" },
  { "json", type = "bool", group = GROUP,
    help = "one JSON object a line, as each host ends; a summary last" },
  { "quiet", short = "q", type = "bool", group = GROUP, help = "no summary, no progress" },
  { "remote-status", short = "S", type = "bool", group = GROUP,
    help = "exit with the largest remote status when nothing worse happened" },
  { "progress", type = "choice", choices = { "auto", "always", "never" }, default = "auto",
    group = GROUP, help = "say who is being waited for" },
}

-- Forms of output that exclude each other.
local FORMS = { "gather", "diff", "json", "outdir" }

local function check_forms(o)
  local chosen
  for _, form in ipairs(FORMS) do
    if o[form] then
      if chosen and not (chosen == "gather" and form == "diff") then
        require("perilune.errors").usage("--%s and --%s exclude each other", chosen, form)
      end
      chosen = form
    end
  end
end

--- The sink that prints as output comes; nil with --gather and --diff, which print at the end.
---@param o table values of output.options
function output.printer(o)
  check_forms(o)
  if o.gather or o.diff then return nil end
  if o.outdir then
    local ok, message = require("perilune.core.sys").mkdir(o.outdir, 448, true)
    if not ok then require("perilune.errors").usage("--outdir %s: %s", o.outdir, message) end
  end
  return require("perilune.core.run").printer {
    prefix = not o.no_prefix, quiet = true, json = o.json, outdir = o.outdir,
    color = terminal.color(1), raw = o.raw,
  }
end

-- ---- the summary ---------------------------------------------------------------------------

local OUTCOMES = { "ok", "exit", "signal", "timeout", "idle", "unreachable", "auth", "hostkey",
                   "lost", "canceled" }

-- "64 hosts: 61 ok, 2 unreachable, 1 exit (1.2 s)"; of copies "(1.2 s, 640M, 533M/s)"
local function counts_line(run, seconds)
  local summary = run:summary()
  local moved, _, copies = run:copied()
  local parts = {}
  for _, outcome in ipairs(OUTCOMES) do
    local count = summary[outcome]
    if count and count > 0 then parts[#parts + 1] = ("%d %s"):format(count, outcome) end
  end
  local size = units.format_size
  return ("%s: %s (%s%s)"):format(units.count(summary.tasks, "host"), table.concat(parts, ", "),
    units.format_duration(seconds), copies == 0 and ""
    or (", %s, %s/s"):format(size(moved), size(math.floor(moved / math.max(seconds, 0.001)))))
end

local function print_reasons(run, failed)
  local list = reasons.fold(run, failed)
  for i, reason in ipairs(list) do
    if i > REASONS_MAX then
      terminal.tell(("  ... and %d more reasons\n"):format(#list - REASONS_MAX))
      break
    end
    terminal.tell_line("  " .. reason.line)
  end
end

-- The unknown host keys of a run: hosts by the key that they showed, in the order met.
local function unknown_keys(run, failed)
  local keys, by_key, hosts = {}, {}, {}
  for _, index in ipairs(failed) do
    local entry = run:result(index)
    local shown = entry.outcome == "hostkey" and (entry.why or ""):find("^its host key is not in ")
      and (entry.detail or ""):match(" shows (SHA256:%S+)$")
    if shown then
      if not by_key[shown] then
        by_key[shown] = {}
        keys[#keys + 1] = shown
      end
      table.insert(by_key[shown], entry.host)
      hosts[#hosts + 1] = entry.host
    end
  end
  return keys, by_key, hosts
end

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- All of them once, together, with the one command that would accept them.
local function print_unknown_keys(run, failed, o)
  local keys, by_key, hosts = unknown_keys(run, failed)
  if #keys == 0 then return end
  local hostset = require "perilune.core.hostset"
  terminal.note(("%s not known:"):format(#keys == 1 and "1 host key is"
    or ("%d host keys are"):format(#keys)))
  for i = 1, math.min(#keys, REASONS_MAX) do
    terminal.tell_line(("  %s: %s"):format(keys[i], hostset.new(by_key[keys[i]]):fold()))
  end
  if #keys > REASONS_MAX then
    terminal.tell_line(("  ... and %d more"):format(#keys - REASONS_MAX))
  end
  local command = { "perilune exec --host-key accept-new" }
  if o.ssh_config then command[#command + 1] = "-F " .. quoted(o.ssh_config) end
  if o.user then command[#command + 1] = "-l " .. quoted(o.user) end
  command[#command + 1] = "-w " .. quoted(hostset.new(hosts):fold()) .. " true"
  terminal.tell_line("  when they are right: " .. table.concat(command, " "))
end

local function print_summary(run, o, seconds)
  local failed = reasons.failed(run)
  if #failed == 0 and not require("perilune.core.sys").isatty(2) then return end
  terminal.note(counts_line(run, seconds))
  print_reasons(run, failed)
  print_unknown_keys(run, failed, o)
end

-- ---- exit status ---------------------------------------------------------------------------

local SIGNALS = { HUP = 1, INT = 2, QUIT = 3, ILL = 4, TRAP = 5, ABRT = 6, BUS = 7, FPE = 8,
                  KILL = 9, USR1 = 10, SEGV = 11, USR2 = 12, PIPE = 13, ALRM = 14, TERM = 15 }

local function largest_remote(run)
  local largest = 0
  for _, index in ipairs(reasons.failed(run)) do
    local entry = run:result(index)
    local code = entry.code or 128 + (SIGNALS[entry.signal] or 0)
    largest = math.max(largest, code)
  end
  return largest
end

-- The exit status of a run that has ended, by the contract, -S included.
local function status_of(run, o)
  local status = require("perilune.fanout").interrupted_status() or run:status()
  if o.remote_status and status == 1 then return largest_remote(run) end
  return status
end

-- ---- all of it -----------------------------------------------------------------------------

-- Prints what is left to print of a run that has ended.
local function finish(run, o, printer, seconds)
  if printer then
    local ok, message, code = printer:flush()
    if code == "pipe" then require("perilune.errors").quiet(terminal.READER_LEFT) end
    if not ok then require("perilune.errors").fail(2, "%s", message) end
  else
    require("perilune.gather").print(run, o)
  end
  if not o.quiet then print_summary(run, o, seconds) end
end

--- Waits for a run of the command line: progress, Ctrl-C, what is printed at the end.
---@param run userdata
---@param o table values of output.options
---@param printer userdata? from output.printer, a sink of this run
---@param silent boolean? the run has no output to print
---@return integer status the exit status of the contract
function output.watch(run, o, printer, silent)
  local sched = require "perilune.core.sched"
  local progress = require "perilune.progress"
  local begun = sched.now()
  local prints = printer ~= nil and not o.json and not o.outdir and not silent
  local line = progress.start(run, o.quiet and "never" or o.progress, prints)
  progress.on_interrupt(run, line)
  run:wait()
  line:stop()
  finish(run, o, printer, sched.now() - begun)
  return status_of(run, o)
end

return output
