-- resuming.lua - what `resume` and `replay` share: which run, its plan made again from the words it
-- was started with, which of its points are finished; and for `resume`, ending what was left.

local errors = require "perilune.errors"
local options = require "perilune.options"
local terminal = require "perilune.terminal"

local resuming = {}

-- ---- which run -----------------------------------------------------------------------------

local UNFINISHED = { canceled = true, error = true }
local LAST_LINE_MAX = 4096 -- bytes that the event "end" fits into

-- Both without the store: a rehearsal is on another clock, which nothing may hold on to yet.
local function decoded(line)
  local ok, event = pcall(require("perilune.core.json").decode, line)
  return ok and type(event) == "table" and event or nil
end

local function read_head(folder)
  local file = io.open(folder .. "/journal")
  if not file then return nil end
  local head = decoded(file:read "l" or "")
  file:close()
  return head and head.ev == "begin" and head or nil
end

--- The first event of the journal of a run of any kind; ends the verb where there is none.
---@param folder string
---@return table
function resuming.begin_of(folder)
  return read_head(folder)
    or errors.fail(2, "'%s' is no run folder: it has no journal", folder)
end

--- The first event of the journal of a recipe's run; ends the verb for anything else.
---@param folder string
---@return table
function resuming.head(folder)
  local head = resuming.begin_of(folder)
  if head.kind ~= "run" then
    errors.usage("%s is no run of a recipe: of '%s' there is nothing to go on with", head.id,
      head.kind)
  end
  if not head.words then errors.usage("%s was recorded by an older perilune", head.id) end
  return head
end

--- The program's clock from now on: hours pass in no time. To be said before anything holds on to
--- the real one.
function resuming.use_virtual_time()
  errors.checked(require("perilune.core.sched").virtual_time())
end

-- The event that a run ended with, nil when it has not.
local function last_end(folder)
  local file = io.open(folder .. "/journal")
  if not file then return nil end
  file:seek("set", math.max(0, file:seek "end" - LAST_LINE_MAX))
  local line = file:read("a"):match "([^\n]*)\n$"
  file:close()
  local event = line and decoded(line)
  return event and event.ev == "end" and event or nil
end

--- The event that a run came to its end with; nil while it can be resumed.
---@param folder string
---@return table?
function resuming.completed(folder)
  local last = last_end(folder)
  return last and not UNFINISHED[last.verdict] and last or nil
end

-- The newest run that was ended before its recipe was: by a signal, a crash, or a mistake in it.
local function newest_interrupted(runs, ids)
  for _, id in ipairs(ids) do
    local folder = runs .. "/" .. id
    local head = read_head(folder)
    if head and head.kind == "run" and not resuming.completed(folder) then return folder end
  end
  errors.usage("no run of a recipe was interrupted; 'perilune runs' lists them")
end

-- Newest first. An id begins with its second; within one, the journals know.
local function sort_by_age(runs, ids)
  local begun = {}
  local function begin_of(id)
    begun[id] = begun[id] or (read_head(runs .. "/" .. id) or { t = 0 }).t
    return begun[id]
  end
  table.sort(ids, function(a, b)
    local second, other = a:match "^%d+%-%d+", b:match "^%d+%-%d+"
    if second ~= other then return second > other end
    return begin_of(a) > begin_of(b)
  end)
end

local function by_beginning(runs, ids, word)
  local found = {}
  for _, id in ipairs(ids) do
    if id:sub(1, #word) == word then found[#found + 1] = id end
  end
  if #found == 0 then errors.usage("there is no run whose id begins with '%s'", word) end
  if #found > 1 then
    errors.usage("several runs begin with '%s': %s, %s ...", word, found[1], found[2])
  end
  return runs .. "/" .. found[1]
end

-- The folder of all runs, and their ids, the newest first.
local function all_runs()
  local state = require("perilune.config").state_folder()
  if not state then errors.fail(2, "no home folder; set PERILUNE_STATE") end
  local runs = state .. "/runs"
  local ids = {}
  for _, name in ipairs(require("perilune.core.sys").readdir(runs) or {}) do
    if name:find "^%d+%-%d+%-%x+$" then ids[#ids + 1] = name end
  end
  sort_by_age(runs, ids)
  return runs, ids
end

--- The folders of all runs of this person, the newest first.
---@return string[]
function resuming.folders()
  local runs, ids = all_runs()
  for i, id in ipairs(ids) do ids[i] = runs .. "/" .. id end
  return ids
end

--- The folder of a run: of an id, the beginning of one, "last", or a folder. Without a word, of the
--- newest run that was interrupted.
---@param word string?
---@return string
function resuming.find(word)
  if word and word:find "/" then
    return require("perilune.core.sys").realpath(word) or errors.fail(2, "there is no '%s'", word)
  end
  local runs, ids = all_runs()
  if not word then return newest_interrupted(runs, ids) end
  if word == "last" and ids[1] then return runs .. "/" .. ids[1] end
  return by_beginning(runs, ids, word)
end

--- What has been, of the run of a recipe.
---@param folder string
---@return userdata past
---@return table head
function resuming.open(folder)
  local head = resuming.head(folder)
  local past, message = require("perilune.core.past").open(folder)
  return past or errors.fail(2, "%s", message), head
end

-- ---- the same again ------------------------------------------------------------------------

-- Of the command line of the run, what is put in its place here: the hosts themselves, files by
-- names that mean the same in any folder.
local function pin(o, given, head)
  for _, name in ipairs { "group", "all", "exclude", "pick", "run_dir", "failed", "only", "shard",
                          "shuffle" } do
    o[name], given[name] = nil, nil
  end
  o.hosts = head.order and table.concat(head.order, ",") or head.hosts
  o.transport = head.transport
  given.hosts, given.transport = true, true
  for _, name in ipairs { "user", "ssh_config", "cluster" } do
    local value = (head.reach or {})[name]
    if value then o[name], given[name] = value, true end
  end
end

local function go_to(folder)
  local sys = require "perilune.core.sys"
  if not folder or sys.cwd() == folder or sys.chdir(folder) then return end
  terminal.note("the folder '%s', where the run was started, is not there: files are looked for "
    .. "from here", folder)
end

--- Options, words and `given` of the run, as `perilune run` gets them.
---@param head table
---@return table o
---@return string[] words
---@return table<string, boolean> given
function resuming.command_line(head)
  local verb = require "perilune.verb.run"
  local o, words, given = options.parse(verb.options, head.words, { stop_at_word = true })
  if not o then errors.usage("%s cannot be understood any more: %s", head.id, words) end
  go_to(head.cwd)
  pin(o, given, head)
  words[1] = head.path or words[1]
  o.seed = head.seed
  return o, words, given
end

--- The points that the run had chosen of those of its sweeps, in its order.
---@param plan perilune.Plan
---@param head table
function resuming.choose_points(plan, head)
  local by_index, chosen = {}, {}
  for _, swept in ipairs(plan.points) do by_index[swept.index] = swept end
  for _, index in ipairs(head.chosen) do chosen[#chosen + 1] = by_index[index] end
  plan.points = chosen
end

-- ---- points --------------------------------------------------------------------------------

local function as_json(value)
  local json = require "perilune.core.json"
  return json.encode(json.object(value), { sort = true })
end

-- The last event of each point: { begun =, ended = }.
local function last_of_points(past)
  local points = {}
  for _, event in ipairs(past:events()) do
    if event.ev == "point" then
      points[event.point] = { begun = event }
    elseif event.ev == "point_end" and points[event.point] then
      points[event.point].ended = event
    elseif event.ev == "diverged" and points[event.point] and #event.kept == 0 then
      points[event.point] = nil
    end
  end
  return points
end

-- The first file of its maps that is not what it was.
local function changed_input(ended)
  local sys = require "perilune.core.sys"
  local paths = {}
  for path in pairs(ended.inputs or {}) do paths[#paths + 1] = path end
  table.sort(paths)
  for _, path in ipairs(paths) do
    if sys.sha256_file(path) ~= ended.inputs[path] then return path end
  end
  return nil
end

-- Why what was recorded of a point cannot count; nil: it does.
local function why_anew(known, swept, values)
  if known.begun.name ~= swept.name or as_json(known.begun.options) ~= as_json(values) then
    return "its options are others"
  end
  local changed = known.ended and changed_input(known.ended)
  return changed and ("the file '%s' of its map is another"):format(changed) or nil
end

local function restored(known, swept)
  local entry = known.ended.entry
  entry.index, entry.name = swept.index, swept.name
  for _, name in ipairs { "metrics", "gates", "checks", "notes", "warnings", "attachments",
                          "steps" } do
    entry[name] = entry[name] or {}
  end
  return entry
end

--- Sorts the points of the plan: what is finished is taken as it is, what has other options or
--- other maps now is begun anew, the rest goes on. Returns the entries of finished ones by index.
---@param session perilune.Session
---@param plan perilune.Plan
---@param values_of fun(swept: table): table options of a point as they are recorded
---@return table<integer, table>
function resuming.sort_points(session, plan, values_of)
  local known_points, finished = last_of_points(session.past), {}
  for _, swept in ipairs(plan.points) do
    local known = known_points[swept.index]
    local why = known and why_anew(known, swept, values_of(swept))
    if why then
      terminal.note("point %d, %s, runs anew: %s", swept.index, swept.name, why)
      session.past:skip(swept.index)
      session:append("diverged", { point = swept.index,
        kept = require("perilune.core.json").array {} })
    elseif known and known.ended and not UNFINISHED[known.ended.verdict] then
      finished[swept.index] = restored(known, swept)
      session.past:skip(swept.index)
    end
  end
  return finished
end

-- ---- what was left -------------------------------------------------------------------------

local function shown(event)
  local words = event.command or table.concat(event.argv or {}, " ")
  return words ~= "" and words or event.kind
end

local function fold(names)
  return require("perilune.core.hostset").new(names):fold()
end

local function ask(event)
  terminal.tell(("%s: %s\n  was to be run once, at %s, and how it ended is not known.\n"
    .. "  Run it again there? [y/N, q to stop here] "):format(fold(event.left), shown(event),
    event.where or "?"))
  local answer = io.stdin:read "l"
  if not answer or answer:find "^[qQ]" then errors.fail(2, "nothing was done") end
  return answer:find "^[yY]" ~= nil
end

--- What becomes of calls that were to be made once and have no result: --redo, --skip, or a person
--- says. Sets session.redo.
---@param session perilune.Session
---@param o { redo: boolean, skip: boolean }
function resuming.decide_once(session, o)
  session.redo = o.redo
  if o.redo or o.skip then return end
  local sys = require "perilune.core.sys"
  for _, event in ipairs(session.past:left()) do
    if event.once then
      if not (sys.isatty(0) and sys.isatty(2)) then
        errors.usage("%s: '%s' was to be run once, at %s, and how it ended is not known: --redo "
          .. "runs it again there, --skip does not", fold(event.left), shown(event),
          event.where or "?")
      end
      session.redo_calls = session.redo_calls or {}
      session.redo_calls[event.call] = ask(event)
    end
  end
end

-- Hosts and calls to be looked for: not what survives or is detached, nor what ran here.
local function left_by_user(past)
  local groups = {}
  for _, event in ipairs(past:left()) do
    if event.kind == "exec" and not event.survive and not event.detach and not event.here
      and #event.left > 0 then
      local key = event.sudo and "root" or "user"
      local group = groups[key] or { sudo = event.sudo, names = {}, seen = {}, calls = {} }
      groups[key] = group
      for _, name in ipairs(event.left) do
        if not group.seen[name] then group.names[#group.names + 1] = name end
        group.seen[name] = true
      end
      for _, number in ipairs(event.calls) do table.insert(group.calls, number) end
    end
  end
  return groups
end

-- Hosts where nobody could look, or something would not die, in words.
local function refusal(run)
  for i = 1, run:count() do
    local entry = run:result(i)
    if entry.outcome ~= "ok" then
      return ("%s: %s"):format(entry.host, entry.outcome == "exit"
        and "something would not die" or entry.why or entry.outcome)
    end
  end
  return nil
end

local GRACE_S = 5

local function end_group(session, on, group)
  local reaper = require "perilune.reaper"
  local argv, text = reaper.command(session:id(), { grace = GRACE_S }, group.calls)
  local run = errors.checked(require("perilune.fanout").start(on, session, {
    hosts = require("perilune.core.hostset").new(group.names), argv = argv, stdin = text,
    sudo = group.sudo }))
  run:wait()
  local list = reaper.read(run, false)
  for _, entry in ipairs(list) do session:append("reaped", entry) end
  for _, line in ipairs(reaper.lines(list, {})) do terminal.note("%s", line) end
  local why = refusal(run)
  if why then
    errors.fail(3, "what %s left cannot be ended: %s. Nothing was run again; resume once more when "
      .. "that host answers", session:id(), why)
  end
end

--- Ends what runs on hosts and has no result: after that, it may be run again.
---@param session perilune.Session
---@param on perilune.Fleet
function resuming.end_left(session, on)
  if on.transport_name == "sim" then return end
  local groups = left_by_user(session.past)
  for _, key in ipairs { "user", "root" } do
    if groups[key] then end_group(session, on, groups[key]) end
  end
end

return resuming
