-- replay - run a recipe's Lua again on the results of a recorded run, touching no host.

local errors = require "perilune.errors"
local resuming = require "perilune.resuming"
local session = require "perilune.session"

-- Stands where the transport of the fleet does: it can be asked about, and runs nothing.
local function transport_of(head)
  local placed = { ssh = true, openssh = true, sim = false, ["local"] = false }
  local transport = {}
  function transport.name() return head.transport end
  function transport.can(_, what) return what ~= "places" or placed[head.transport] or false end
  function transport.target() return nil end
  function transport.close() end
  return transport
end

local function replay(o, args)
  if #args ~= 1 then errors.usage("give the run that is to be replayed") end
  resuming.use_virtual_time()
  local past, head = resuming.open(resuming.find(args[1]))
  local run_verb = require "perilune.verb.run"
  local run_o, words, given = resuming.command_line(head)
  for _, name in ipairs { "tap", "junit", "html" } do run_o[name] = nil end
  run_o.json = o.json
  local plan, file, on = run_verb.prepare(run_o, words, given, head.words,
    { transport = transport_of(head) })
  plan.name = head.name
  resuming.choose_points(plan, head)
  run_verb.get_ready(plan, run_o, true)
  return run_verb.carry_out(plan, file, on, run_o, session.replay(head.id, past))
end

return {
  name = "replay",
  summary = "run a recipe's Lua again on recorded results, touching no host",
  usage = { "replay RUN [--json FILE|-]" },
  about = "RUN is an id, the beginning of one, 'last', or a run folder. The recipe is read as it "
    .. "is now, and gets the options, hosts and results of the recorded run, on a clock that does "
    .. "not wait: for trying another way to read or judge results. A call that is not on record "
    .. "ends it, and its line is named. Nothing is written into the run folder.",
  options = {
    { "json", type = "string", metavar = "FILE|-", group = "REPORT",
      help = "the report as JSON into a file, or on standard output" },
  },
  notes = { "Exit status: as of `run`; 2 when the recipe calls what is not on record." },
  examples = { "perilune replay last" },
  run = replay,
}
