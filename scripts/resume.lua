-- resume - go on with a run of a recipe that was interrupted.

local background = require "perilune.background"
local errors = require "perilune.errors"
local resuming = require "perilune.resuming"
local session = require "perilune.session"
local terminal = require "perilune.terminal"

-- A run that has come to its end: the same answer as then.
local function tell_again(folder, head)
  local last = resuming.completed(folder)
  if not last then return nil end
  terminal.note("%s is complete: %s", head.id, last.verdict)
  local file = io.open(folder .. "/report.txt")
  if file then
    terminal.tell(file:read "a")
    file:close()
  end
  return last.status
end

-- Everything that was started before us is over when this returns.
local function take(folder, o)
  local record = session.resume(folder, o.takeover)
  record.past = resuming.open(folder)
  record.calls = record.past:last_call()
  return record
end

local function go_on(record, o)
  local run_verb = require "perilune.verb.run"
  local run_o, words, given = resuming.command_line(record.past:head())
  local plan, file, opened = run_verb.prepare(run_o, words, given, record.past:head().words)
  local on <close> = opened
  plan.name = record.past:head().name
  resuming.choose_points(plan, record.past:head())
  run_verb.get_ready(plan, run_o, run_o.transport == "sim")
  resuming.decide_once(record, o)
  record:append("resume", { call = record.calls })
  resuming.end_left(record, on)
  if o.detach then background.leave(record) end
  return run_verb.carry_out(plan, file, on, run_o, record)
end

local function resume(o, args, _, all_words)
  if #args > 1 then errors.usage("one run at a time") end
  if o.redo and o.skip then errors.usage("--redo and --skip exclude each other") end
  if o.detach and not background.is_second() then return background.start("resume", all_words) end
  local folder = resuming.find(args[1])
  local head = resuming.head(folder)
  if head.transport == "sim" then resuming.use_virtual_time() end
  local status = tell_again(folder, head)
  if status then return status end
  local record <close> = take(folder, o)
  terminal.set_verb("resume")
  terminal.note("%s: %s", record:id(), record.past:head().path or record.past:head().recipe)
  return go_on(record, o)
end

return {
  name = "resume",
  summary = "go on with a run of a recipe that was interrupted",
  usage = { "resume [--redo|--skip] [--takeover] [--detach] [RUN]" },
  about = "RUN is an id, the beginning of one, or a run folder; without one, it is the newest "
    .. "run that was interrupted, killed, or ended by a mistake in its recipe. Points that are "
    .. "finished are taken as they are, as long as their options and the files of their maps are "
    .. "what they were, whatever the recipe says now. In the others, calls that match what is on "
    .. "record "
    .. "(the same step, task, hosts and command) get their results from there, and waits before "
    .. "them are left out; from the first that does not match, the rest of that point runs live, "
    .. "and the line is named. No command whose result is on record runs again. One without a "
    .. "result is first ended on its host, then started again; what survives is followed again "
    .. "where it still runs. What t:env, t:read and the clock say is not recorded: where they "
    .. "change what is called, the call does not match.",
  options = {
    { "redo", type = "bool", group = "RESUMING",
      help = "what was to be run once, and has no result, is run again" },
    { "skip", type = "bool", group = "RESUMING",
      help = "it is not, and its outcome is 'lost'" },
    { "detach", type = "bool", group = "RESUMING",
      help = "go on in the background, as `run --detach` does" },
    { "takeover", type = "bool", group = "RESUMING",
      help = "although another process conducts the run, which then ends" },
  },
  notes = {
    "Exit status: as of `run`; 3 also where a host cannot be reached on which a command",
    "has to be ended first: nothing was run again then.",
  },
  examples = { "perilune resume", "perilune resume --redo 20261122-0930" },
  run = resume,
}
