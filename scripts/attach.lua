-- attach - follow a run as if it had been started here.

local errors = require "perilune.errors"
local follow = require "perilune.follow"
local resuming = require "perilune.resuming"

local function attach(_, words)
  if #words ~= 1 then errors.usage("give the run that you want to follow") end
  local folder = resuming.find(words[1])
  local head = resuming.head(folder)
  return require("perilune.attaching").attach(folder, head, follow.controller(folder))
end

return {
  name = "attach",
  summary = "follow a run as if it had been started here",
  usage = { "attach RUN" },
  about = "RUN is an id, the beginning of one, 'last', or the folder of a run of a recipe, which "
    .. "may go on in the background, in another terminal, or on another machine that shares the "
    .. "folder. "
    .. "Says what it has said so far, then what it says, on a terminal also who is waited for, and "
    .. "the report at its end; print of the recipe comes on standard output. Ctrl-C ends attach, "
    .. "never the run: `perilune cancel` does.",
  notes = {
    "Exit status: that of the run; 130 after Ctrl-C; 3 when the controller of the run",
    "died before its end.",
  },
  examples = { "perilune attach last" },
  run = attach,
}
