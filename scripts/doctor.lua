-- doctor - what is wrong with this machine and the fleet, and what to do about it.

local checkup = require "perilune.checkup"
local errors = require "perilune.errors"
local fleet = require "perilune.fleet"
local json = require("perilune").json
local options = require "perilune.options"
local session = require "perilune.session"
local terminal = require "perilune.terminal"

local own_options = {
  { "json", type = "bool", group = "OUTPUT", help = "one JSON object a line for each finding" },
  { "quiet", short = "q", type = "bool", group = "OUTPUT",
    help = "only what could be better" },
  { "supervisor", type = "bool", group = "OUTPUT",
    help = "print the program that runs beside commands on hosts, its SHA-256 on standard error" },
}

local function show(finding, o)
  if o.quiet and finding.level == "ok" then return end
  if o.json then return terminal.print(json.encode(finding) .. "\n") end
  local fix = finding.fix and " -> " .. finding.fix or ""
  terminal.print(("%-8s %-13s %s%s\n"):format(finding.level, finding.topic, finding.text, fix))
end

local function print_supervisor()
  local text, sum = checkup.supervisor()
  terminal.print(text .. "\n", true)
  terminal.note("SHA-256 (without the last newline) %s", sum)
  return 0
end

local function names_hosts(o) return o.hosts or o.group or o.all or o.exclude end

-- The exit status of the findings, and of the visit to the fleet.
local function status_of(list, visited)
  for _, finding in ipairs(list) do
    if finding.level == "problem" and visited == 0 then return 1 end
  end
  return visited
end

local function visit(o, given, list)
  local on <close> = fleet.open(o, given)
  local record <close> = session.begin { kind = "doctor", name = "doctor",
    hosts = on.hosts:fold(), transport = on.transport_name }
  return record:finish(require("perilune.checkup_fleet").visit(on, record, list))
end

local function run(o, args, given)
  if args[1] then errors.usage("no argument is taken; hosts are named with -w: '%s'", args[1]) end
  if o.supervisor then return print_supervisor() end
  local list = checkup.here()
  for _, finding in ipairs(list) do show(finding, o) end
  if not names_hosts(o) then return status_of(list, 0) end
  local more = checkup.findings()
  local status = visit(o, given, more)
  for _, finding in ipairs(more) do
    show(finding, o)
    list[#list + 1] = finding
  end
  return status_of(list, status)
end

return {
  name = "doctor",
  summary = "check this machine and the fleet, say what to fix",
  usage = { "doctor [FLEET] [--json] [-q]", "doctor --supervisor" },
  about = "Without hosts, this machine alone is looked at; nothing is changed on hosts. Each "
    .. "finding is ok, advice or a problem, and says what to do. How many sessions one connection "
    .. "carries, and whether sftp answers, is measured at 16 hosts at most, by the system's ssh.",
  options = options.join(fleet.options, own_options),
  notes = {
    "Exit status: 0 no problem; 1 a problem; 2 usage; 3 a host could not be reached",
    "or logged in to; 124 a timeout. The worst wins.",
  },
  examples = {
    "perilune doctor",
    "perilune doctor -q -w node[1-64]",
    "perilune doctor --supervisor | head -c -1 | sha256sum",
  },
  run = run,
}
