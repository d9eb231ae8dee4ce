-- perilune repl: the interactive session.

local errors = require "perilune.errors"
local fleet = require "perilune.fleet"
local rehearsal = require "perilune.rehearsal"

local function run(o, words, given)
  if words[1] then errors.usage("repl takes no argument '%s'", words[1]) end
  rehearsal.prepare(o, given)
  if o.seed then math.randomseed(o.seed) end
  return require("perilune.repl").run(o, given)
end

return {
  name = "repl",
  summary = "try things at a prompt: Lua, and commands on the fleet",
  usage = { "repl [FLEET]" },
  about = "Lines of Lua, with the names that recipes use: hosts is the fleet, t what a recipe's "
    .. "run function gets, pl the module. >COMMAND runs on the fleet, !COMMAND on this machine, "
    .. "@SET chooses other hosts. `help` at the prompt says more. The same lines can come through "
    .. "a pipe. `perilune` alone on a terminal is the same.",
  options = require("perilune.options").join(fleet.options, rehearsal.options),
  notes = {
    "Ctrl-C ends what is in the foreground, and only that; once more leaves it",
    "behind. Lines are kept in the state folder, for the next session.",
  },
  examples = {
    "perilune repl -w node[1-4]",
    "echo '>uptime' | perilune repl -w node[1-4]",
    "perilune repl --sim -C gb300-nvl72:racks=8 --faults rough",
  },
  run = run,
}
