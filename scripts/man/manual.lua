-- manual.lua VERB - the manual page of a verb, or of perilune itself without one, in man(7), made
-- from the table that feeds the parser and --help. `make` runs it: perilune _lua manual.lua VERB.

local help = require "perilune.help"
local options = require "perilune.options"

-- Text as roff reads it: no escapes, no requests at the start of a line.
local function roff(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-")
  return (text:gsub("^([.'])", "\\&%1"):gsub("\n([.'])", "\n\\&%1"))
end

local out = {}

local function add(fmt, ...)
  out[#out + 1] = select("#", ...) > 0 and fmt:format(...) or fmt
end

local function section(title)
  add(".SH %s", title:find(" ") and '"' .. title .. '"' or title)
end

local function literal(lines)
  add ".nf"
  for _, line in ipairs(lines) do add("%s", roff(line)) end
  add ".fi"
end

local function title(page, summary)
  local version = require("perilune").version
  add('.TH %s 1 "" "perilune %s" "Perilune"', page:upper(), version)
  section "NAME"
  add("%s \\- %s", roff(page), roff(summary))
end

local function option_list(spec)
  for _, group in ipairs(help.groups(spec)) do
    section(group.name)
    for _, option in ipairs(group) do
      add ".TP"
      add(".B %s", roff(help.option_name(option)))
      add("%s", roff(help.option_text(option)))
    end
  end
end

local function see_also(pages)
  section "SEE ALSO"
  local names = {}
  for i, page in ipairs(pages) do names[i] = (".BR %s (1)"):format(roff(page)) end
  add("%s", table.concat(names, " ,\n"))
end

-- What runs on hosts beside commands: for those who have to allow it, with the sum that the program
-- itself gives.
local function supervisor_section()
  local _, sum = require("perilune.checkup").supervisor()
  section "THE SUPERVISOR"
  for _, text in ipairs {
    "Beside the commands of each SSH session runs one small shell program, unless --no-supervisor "
      .. "says otherwise. It keeps no file, opens no port, and is gone when the session is. It "
      .. "ends the processes of a command when perilune asks for that; and all of the session's "
      .. "commands, with what they left behind, when the session ends or nothing was heard from "
      .. "perilune for 20 seconds: SIGTERM, and SIGKILL two seconds later.",
    "It knows them by a mark in their environment (PERILUNE_TASK), by their parents and their "
      .. "session, looking every 5 seconds; as root, also by a cgroup that it makes where it can.",
    "Without such a cgroup a process escapes that has lost its mark (env -i), its parents and its "
      .. "session (forked twice, setsid) between two looks. Processes that became root, by sudo "
      .. "in a command or a set-uid program, cannot be ended by the supervisor of an ordinary "
      .. "user; with --sudo it is root itself. What is to go on is started with detach or survive, "
      .. "from a recipe; nohup and & do not keep a process.",
    "SHA-256 of its text, as 'perilune doctor --supervisor' prints it without the last newline:",
    sum,
  } do
    add ".PP"
    add("%s", roff(text))
  end
end

-- Sections that only the page of a verb has, by verb.
local more = { doctor = supervisor_section }

local function verb_page(name)
  local verb = require("perilune.verb." .. name)
  title("perilune-" .. name, verb.summary)
  section "SYNOPSIS"
  local usage = {}
  for i, line in ipairs(verb.usage) do usage[i] = "perilune " .. line end
  literal(usage)
  if verb.about then
    section "DESCRIPTION"
    add("%s", roff(verb.about))
  end
  option_list(options.list(verb.options or {}))
  if verb.notes then
    section "NOTES"
    literal(verb.notes)
  end
  if more[name] then more[name]() end
  if verb.examples then
    section "EXAMPLES"
    literal(verb.examples)
  end
  see_also { "perilune" }
end

local function main_page()
  local cli = require "perilune.cli"
  title("perilune", "scriptable workload orchestration over many hosts")
  section "SYNOPSIS"
  literal { "perilune VERB [OPTIONS] ..." }
  section "DESCRIPTION"
  add("%s", roff("Fans commands out over SSH, maps ranks of a job to GPUs by the machine's "
    .. "topology, launches jobs rank by rank as mapped, runs experiments written as short Lua "
    .. "recipes, and keeps every run."))
  section "VERBS"
  local pages = {}
  for _, verb in ipairs(cli.verbs()) do
    add ".TP"
    add(".B %s", roff(verb.name))
    add("%s", roff(verb.summary))
    pages[#pages + 1] = "perilune-" .. verb.name
  end
  section "HOST SETS"
  add("%s", roff("Everywhere a SET is asked for: node[001-128], r[1-8]t[01-18], steps [0-70/2]; "
    .. "',' union, '!' difference, '&' intersection, '^' symmetric difference, of equal "
    .. "precedence from left to right; ^FILE reads one set a line ('-' is standard input); @group "
    .. "is a group of the cluster file. A set keeps the order of first mention."))
  section "EXIT STATUS"
  add("%s", roff("0 all good; 1 a remote command or an expectation failed; 2 usage or recipe "
    .. "error; 3 a host could not be reached, refused the login, had a wrong key, or was lost; 99 "
    .. "a gate was breached; 124 a time-out; 130 or 143 interrupted. The worst wins, in the order "
    .. "2, 130/143, 3, 124, 1, 99."))
  section "FILES"
  for _, row in ipairs {
    { "$XDG_CONFIG_HOME/perilune/config.lua", "defaults of options, a Lua table" },
    { "/etc/perilune/config.lua", "the administrator's defaults, and limits = { fanout =, "
      .. "sessions =, connect_rate =, max_auth_fail =, host_key = \"strict\", supervisor = true, "
      .. "audit = true }: a person's file may tighten them, nothing loosens them" },
    { "$XDG_STATE_HOME/perilune/runs/", "a folder for every run" },
    { "$XDG_CONFIG_HOME/perilune/{recipes,clusters}/", "recipes and clusters by name" },
  } do
    add ".TP"
    add(".I %s", roff(row[1]))
    add("%s", roff(row[2]))
  end
  section "ENVIRONMENT"
  add("%s", roff("FANOUT, WCOLL, NO_COLOR, CLICOLOR_FORCE, PERILUNE_CONFIG, PERILUNE_STATE, "
    .. "PERILUNE_LOG (for example ssh=debug)."))
  see_also(pages)
end

local name = ...
if name and name ~= "" then verb_page(name) else main_page() end
io.write(table.concat(out, "\n"), "\n")
