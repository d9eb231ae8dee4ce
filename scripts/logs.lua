-- logs - what a run said, and what its commands wrote.

local errors = require "perilune.errors"
local follow = require "perilune.follow"
local resuming = require "perilune.resuming"
local retelling = require "perilune.retelling"
local terminal = require "perilune.terminal"

local LAST_WORDS = 4096 -- bytes, of a controller that died

-- Its last words may be why: a mistake of ours, a machine out of memory.
local function tell_gone(id, folder, who)
  local text = require("perilune.background").last_words(folder, LAST_WORDS)
  if text ~= "" then terminal.tell(text) end
  terminal.note("the controller of %s%s is gone and has not ended it: 'perilune resume %s' goes on",
    id, who.pid and (" (process %d on %s)"):format(who.pid, who.host) or "", id)
end

local function printer(o, retold)
  local lines_of = o.rank and function(event) return retold:rank_lines(event, o.rank) end
    or function(event) return retold:lines(event) end
  local printed = 0
  return function(event)
    local lines = lines_of(event)
    local time = o.times and event.t and os.date("%H:%M:%S ", math.floor(event.t)) or ""
    for _, line in ipairs(lines) do terminal.print(time .. line .. "\n") end
    printed = printed + #lines
  end, function() return printed end
end

local function logs(o, words)
  if #words ~= 1 then errors.usage("give the run whose log you want") end
  local folder = resuming.find(words[1])
  local head = resuming.begin_of(folder)
  local tell, printed = printer(o, retelling.new(folder))
  local ended, why, who = follow.to_end(folder, { event = tell, once = not o.follow,
    silent = function(other, seconds)
      terminal.note("no sign of life from process %d on %s for %d s", other.pid, other.host,
        math.floor(seconds))
    end }, head.kind == "run")
  if why == "gone" then
    tell_gone(head.id, folder, who)
    return 3
  end
  if o.rank and printed() == 0 and not o.follow then
    terminal.note("nothing of a rank %d is on record so far", o.rank)
  end
  return o.follow and ended and ended.status or 0
end

return {
  name = "logs",
  summary = "what a run said, and what its commands wrote",
  usage = { "logs [-f] [-t] [--rank N] RUN" },
  about = "RUN is an id, the beginning of one, 'last', or a run folder. Prints, from its record, "
    .. "points and steps, what the recipe printed and noted, each call with its hosts, and the "
    .. "output of each command when it has ended, a line as 'host: line', what it wrote to "
    .. "standard error after the rest. The output of commands of `exec`, `push` and "
    .. "`pull` is not recorded, only how they ended.",
  options = {
    { "follow", short = "f", type = "bool", help = "go on until the run ends" },
    { "rank", type = "int", min = 0, metavar = "N",
      help = "only the output of this rank of what t:launch started, without a prefix" },
    { "times", short = "t", type = "bool", help = "begin each line with the time of day" },
  },
  notes = {
    "Exit status: 0; with -f that of the run, 3 when its controller died.",
  },
  examples = { "perilune logs -f last", "perilune logs --rank 0 20261122-0930" },
  run = logs,
}
