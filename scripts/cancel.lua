-- cancel - end a run of a recipe, from any shell that reaches its folder.

local errors = require "perilune.errors"
local follow = require "perilune.follow"
local resuming = require "perilune.resuming"
local terminal = require "perilune.terminal"
local units = require "perilune.units"

local ANSWER_S = 15 -- beyond the grace, for the controller to hear, and to write the end

local function gone(head, who)
  local was = who.pid and (": process %d on %s is gone"):format(who.pid, who.host) or ""
  errors.fail(3, "nobody conducts %s%s; 'perilune reap %s' ends what it left on its hosts, "
    .. "'perilune resume %s' goes on with it", head.id, was, head.id, head.id)
end

local function silent(head, who)
  errors.fail(124, "%s was asked to end, and has not within %s: process %d on %s was last heard of "
    .. "%s ago. It ends when it looks; 'perilune status %s' tells", head.id,
    units.format_duration(math.ceil(who.waited)), who.pid or 0, who.host or "?",
    units.format_duration(math.floor(who.silent or 0)), head.id)
end

local function wait(folder, head, o)
  local waited = follow.stopwatch()
  local ended, why, who = follow.to_end(folder, {
    event = function() end,
    stop = function() return waited() > o.grace + ANSWER_S end,
  }, true)
  if ended then
    terminal.note("%s has ended after %s: %s (exit status %d)", head.id,
      units.format_duration(waited()), ended.verdict, ended.status)
    return 0
  end
  if why == "gone" then gone(head, who) end
  who = follow.controller(folder)
  who.waited = waited()
  return silent(head, who)
end

local function cancel_one(folder, o)
  local head = resuming.head(folder)
  local stand = require("perilune.standing").read(folder)
  if stand.ended then
    terminal.note("%s is over: %s", head.id, stand.ended.verdict)
    return 0
  end
  local who = follow.controller(folder)
  if who.state == "none" or who.state == "dead" then gone(head, who) end
  follow.ask(folder, { want = "cancel", grace = o.grace })
  if o.no_wait then return 0 end
  return wait(folder, head, o)
end

local function cancel(o, words)
  if #words == 0 then errors.usage("give the run that is to end") end
  local folders = {}
  for i, word in ipairs(words) do folders[i] = resuming.find(word) end
  for _, folder in ipairs(folders) do cancel_one(folder, o) end
  return 0
end

return {
  name = "cancel",
  summary = "end a run, from any shell that reaches its folder",
  usage = { "cancel [--grace D] [--no-wait] RUN..." },
  about = "RUN is an id, the beginning of one, 'last', or the folder of a run of a recipe. Asks "
    .. "its controller, by a line in the run folder, to do what Ctrl-C does in the foreground: it "
    .. "ends its commands on all hosts (SIGTERM, then SIGKILL), runs closers, writes the report, "
    .. "and exits with 130. Waits until it has. The controller may be on another machine that "
    .. "shares the folder: it looks once a second. `perilune resume` can go on with the run later.",
  options = {
    { "grace", type = "duration", default = 30, metavar = "D",
      help = "when it has not ended by then, it leaves at once, as after a second Ctrl-C" },
    { "no-wait", type = "bool", help = "ask, and do not wait for the end" },
  },
  notes = {
    "Exit status: 0 when the run is over; 3 when its controller is gone and there is",
    "nobody to ask; 124 when it did not answer.",
  },
  examples = { "perilune cancel last", "perilune cancel --grace 5s 20261122-0930" },
  run = cancel,
}
