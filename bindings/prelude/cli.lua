-- cli.lua - the command line: from argv to a verb and its exit status.
--
-- A verb is a file scripts/NAME.lua, or perilune-NAME.lua on PATH, that returns
--   { name =, summary =, usage = { lines }, about =, options = { ... }, notes = { lines },
--     examples = { lines }, stop_at_word =,
--     run = function(o, args, given, words) return status end }
-- with options as in options.lua; `words` is all that stood after the verb. It raises
-- errors.usage() or errors.fail() to give up.

local errors = require "perilune.errors"
local options = require "perilune.options"

local cli = {}

-- Every verb of the contract, in its order. Those without a file are not built yet.
local VERBS = { "exec", "push", "pull", "run", "status", "logs", "attach", "cancel", "resume",
                "replay", "test", "repl", "hosts", "topo", "map", "runs", "reap", "doctor" }

local function is_listed(name)
  for _, verb in ipairs(VERBS) do
    if verb == name then return true end
  end
  return false
end

-- ---- finding verbs -------------------------------------------------------------------------

local function built_in(name)
  local has = require("perilune.core.boot").has
  return has("modules", ("verb/%s.lua"):format(name)) and require("perilune.verb." .. name) or nil
end

-- perilune-NAME.lua in the folders of PATH, the first that is there.
local function on_path(name)
  local sys = require "perilune.core.sys"
  for folder in (sys.getenv("PATH") or ""):gmatch("[^:]+") do
    local file = ("%s/perilune-%s.lua"):format(folder, name)
    if sys.stat(file) then
      local chunk, message = loadfile(file)
      if not chunk then errors.fail(2, "%s", message) end
      local verb = chunk()
      if type(verb) ~= "table" or type(verb.run) ~= "function" then
        errors.fail(2, "%s returns no verb: a table with name, summary, options and run", file)
      end
      verb.name = verb.name or name
      return verb
    end
  end
end

local function unknown_verb(name)
  if is_listed(name) then errors.usage("the verb '%s' is not in this version", name) end
  errors.usage("unknown verb '%s'%s", name, require("perilune.nearest").hint(name, VERBS))
end

local function find_verb(name)
  if not name:match("^%a[%w-]*$") then unknown_verb(name) end
  return built_in(name) or on_path(name) or unknown_verb(name)
end

-- ---- help ----------------------------------------------------------------------------------

local OVERVIEW_HEAD = "perilune - run commands, experiments and rank maps on many hosts\n\n" ..
  "usage: perilune VERB [OPTIONS] ...\n       perilune help VERB\n\nVERBS\n"

local OVERVIEW_TAIL = "\nOPTIONS\n  -h, --help     this text\n      --version  the version\n\n" ..
  "A file perilune-NAME.lua on PATH adds the verb NAME.\n"

--- The verbs of this program, in the order of the contract.
---@return { name: string, summary: string }[]
function cli.verbs()
  local entries = {}
  for _, name in ipairs(VERBS) do
    local verb = built_in(name)
    if verb then entries[#entries + 1] = { name = name, summary = verb.summary } end
  end
  return entries
end

local function overview()
  local lines = table.concat(require("perilune.help").entries(cli.verbs()), "\n")
  return OVERVIEW_HEAD .. lines .. "\n" .. OVERVIEW_TAIL
end

local function print_help(verb)
  local terminal = require "perilune.terminal"
  terminal.print(verb and require("perilune.help").verb(verb, terminal.color(1)) or overview(),
    true)
  return 0
end

-- ---- running -------------------------------------------------------------------------------

local function run_verb(name, args)
  local verb = find_verb(name)
  local values, rest, given = options.parse(verb.options or {}, args,
    { stop_at_word = verb.stop_at_word })
  if not values then errors.usage(rest) end
  if values.help then return print_help(verb) end
  require("perilune.terminal").set_verb(name)
  return verb.run(values, rest, given, args) or 0
end

local function no_verb()
  if require("perilune.core.sys").isatty(0) then return run_verb("repl", {}) end
  errors.usage("no verb given")
end

local function dispatch(argv)
  local first = argv[1]
  if not first then return no_verb() end
  if first == "--help" or first == "-h" or first == "help" and not argv[2] then
    return print_help()
  end
  if first == "help" then return print_help(find_verb(argv[2])) end
  if first:sub(1, 1) == "-" then
    local hint = require("perilune.nearest").hint(first, { "--help", "--version" })
    errors.usage("unknown option %s%s", first, hint ~= "" and hint or "; the verb comes first")
  end
  return run_verb(first, table.move(argv, 2, #argv, 1, {}))
end

-- Keeps our own error values as they are; everything else is a mistake and gets its traceback.
local function with_traceback(e)
  if type(e) == "table" and e.kind then return e end
  return debug.traceback(tostring(e), 2)
end

local function verb_of(argv)
  local first = argv[1]
  return first and first:match("^%a[%w-]*$") and first ~= "help" and first or nil
end

local function report(e, argv)
  local kind = errors.kind(e)
  if kind == "quiet" then return e.status end
  local verb = verb_of(argv)
  local where = verb and "perilune: " .. verb or "perilune"
  local tell = require("perilune.terminal").tell
  if kind == "usage" then
    local known = verb and is_listed(verb) and built_in(verb)
    tell(("%s: %s; see 'perilune %s--help'\n"):format(where, e.message,
      known and verb .. " " or ""))
    return 2
  end
  if not kind then
    tell(("%s: internal error: %s\n"):format(where, tostring(e)))
    return 2
  end
  tell(("%s: %s\n"):format(where, tostring(e)))
  return e.status or (kind == "limit" or kind == "deadlock") and 2 or 1
end

--- Runs the program. `argv` is an array from 1, without the program's name.
---@param argv string[]
---@return integer status
function cli.main(argv)
  local ok, status = xpcall(dispatch, with_traceback, argv)
  if ok then return status end
  if errors.kind(status) == "cancel" then error(status, 0) end
  return report(status, argv)
end

return cli
