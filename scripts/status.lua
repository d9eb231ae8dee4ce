-- status - how a run stands: what goes on, on whom it waits since when.

local errors = require "perilune.errors"
local follow = require "perilune.follow"
local resuming = require "perilune.resuming"
local standing = require "perilune.standing"
local terminal = require "perilune.terminal"

-- Folders of the runs that a controller conducts, the newest first.
local function going_on()
  local found = {}
  for _, folder in ipairs(resuming.folders()) do
    local state = follow.controller(folder).state
    if state == "alive" or state == "elsewhere" then found[#found + 1] = folder end
  end
  return found
end

-- Those that were asked for; else those that go on, else the newest.
local function choose(words)
  local folders = {}
  for i, word in ipairs(words) do folders[i] = resuming.find(word) end
  if #words > 0 then return folders end
  folders = going_on()
  if #folders > 0 then return folders end
  local newest = resuming.folders()[1]
  if not newest then errors.usage("nothing was run yet") end
  terminal.note("no run goes on; this is the newest")
  return { newest }
end

local function print_one(folder, o)
  local who = follow.controller(folder)
  local stand = standing.read(folder)
  if not stand.head.id then
    errors.fail(2, "'%s' is no run folder: its journal has no beginning", folder)
  end
  if o.json then
    terminal.print(require("perilune.history").json(stand:table(folder, who)) .. "\n")
  else
    terminal.print(stand:text(folder, who))
  end
end

local function status(o, words)
  for i, folder in ipairs(choose(words)) do
    if i > 1 and not o.json then terminal.print "\n" end
    print_one(folder, o)
  end
  return 0
end

return {
  name = "status",
  summary = "how a run stands: what goes on, on whom it waits",
  usage = { "status [--json] [RUN]..." },
  about = "RUN is an id, the beginning of one, 'last', or a run folder, which may be that of a run "
    .. "on another machine. Without one: every run of a recipe that goes on, else the newest run. "
    .. "Said are the point and the step, the calls that wait, for how many and which hosts and "
    .. "since when, the last sample of each metric, and who conducts the run.",
  options = {
    { "json", type = "bool", help = "a JSON object a line, one for each run" },
  },
  notes = {
    "A run is running while its controller lives: on this machine that is known for",
    "sure; of one elsewhere it is told when it was last heard of (every 5 s).",
  },
  examples = { "perilune status", "perilune status --json last" },
  run = status,
}
