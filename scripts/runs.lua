-- runs - what was run: the list, and one in detail.

local errors = require "perilune.errors"
local history = require "perilune.history"
local terminal = require "perilune.terminal"
local units = require "perilune.units"

local LATER = { compare = true, report = true, export = true, rm = true }
local SUBVERBS = { "list", "show", "compare", "report", "export", "reindex", "rm" }

local function when(seconds)
  return os.date("%Y-%m-%d %H:%M:%S", math.floor(seconds))
end

local function fitting(text, width)
  text = text:gsub("%c", " ")
  return #text <= width and text or text:sub(1, width - 3) .. "..."
end

-- ---- list ----------------------------------------------------------------------------------

local ROW = "%-22s %-5s %-19s %8s %6s %7s  %-8s %s\n"

local function row_line(row, width)
  local ended = row.ended and row.ended > 0
  local head = ROW:format(row.id, row.kind, when(row.begun),
    ended and units.format_duration(row.ended - row.begun) or "", row.hosts, row.failed,
    row.verdict or (ended and "" or "running"), ""):sub(1, -2)
  return head .. fitting(row.name, math.max(20, width - #head)) .. "\n"
end

local function list(o)
  local rows = history.list(o.limit)
  if o.json then
    for _, row in ipairs(rows) do terminal.print(history.json(row) .. "\n") end
    return 0
  end
  local out = {}
  out[1] = #rows > 0
    and ROW:format("RUN", "KIND", "BEGUN", "TOOK", "HOSTS", "FAILED", "VERDICT", "NAME") or ""
  for _, row in ipairs(rows) do out[#out + 1] = row_line(row, terminal.width()) end
  terminal.print(table.concat(out))
  return 0
end

-- ---- show ----------------------------------------------------------------------------------

local function field(out, name, value)
  if value ~= nil and value ~= "" then out[#out + 1] = ("%-10s %s\n"):format(name, value) end
end

-- Results of all calls, folded by how they ended.
local function outcomes(events)
  local groups, order = {}, {}
  for _, event in ipairs(events) do
    if event.ev == "result" then
      local text = event.outcome
      if event.code and event.code ~= 0 then text = text .. " " .. event.code end
      if event.signal then text = text .. " " .. event.signal end
      if event.phase and event.phase ~= event.outcome then text = text .. ", " .. event.phase end
      if not groups[text] then
        groups[text] = {}
        order[#order + 1] = text
      end
      table.insert(groups[text], event.host)
    end
  end
  return groups, order
end

local function print_outcomes(out, events)
  local hosts = require "perilune.hosts"
  local groups, order = outcomes(events)
  for _, text in ipairs(order) do
    out[#out + 1] = ("  %-18s %s\n"):format(text, hosts.new(groups[text]):fold())
  end
end

local function show(o, prefix)
  local folder = history.find(prefix or "last")
  local events, torn = history.read(folder)
  if o.json then
    for _, event in ipairs(events) do terminal.print(history.json(event) .. "\n") end
    return 0
  end
  local head, last, out = events[1] or {}, events[#events] or {}, {}
  local ended = last.ev == "end"
  field(out, "run", folder:match("[^/]*$"))
  field(out, "kind", head.kind)
  field(out, "name", head.name)
  field(out, "hosts", head.hosts)
  field(out, "transport", head.transport)
  field(out, "begun", head.t and when(head.t))
  field(out, "took", ended and units.format_duration(last.t - head.t))
  field(out, "verdict", ended and ("%s (exit status %d)"):format(last.verdict, last.status)
    or "not ended")
  field(out, "goes on", history.how_to_go_on(folder, head))
  field(out, "folder", folder)
  print_outcomes(out, events)
  terminal.print(table.concat(out))
  if torn then terminal.note("the last line of the journal is torn and was left out") end
  return 0
end

-- ---- the verb ------------------------------------------------------------------------------

local function run(o, args)
  local what = args[1] or "list"
  if what == "list" then return list(o) end
  if what == "show" then return show(o, args[2]) end
  if what == "reindex" then
    terminal.note("%d runs", history.reindex())
    return 0
  end
  if LATER[what] then errors.usage("runs %s is not in this version", what) end
  errors.usage("unknown word '%s' after runs%s", what,
    require("perilune.nearest").hint(what, SUBVERBS))
end

return {
  name = "runs",
  summary = "what was run: list, show, reindex",
  usage = { "runs [list] [-n N] [--json]", "runs show [RUN] [--json]", "runs reindex" },
  about = "RUN is an id or the beginning of one; 'last' is the newest, which is also shown when "
    .. "none is given. reindex makes the index of runs anew from their folders.",
  options = {
    { "limit", short = "n", type = "int", min = 0, default = 20, help = "at most so many; 0: all" },
    { "json", type = "bool", help = "one JSON object a line: rows, or the events of the journal" },
  },
  examples = { "perilune runs", "perilune runs show last" },
  run = run,
}
