-- repl_help.lua - help(x) at the prompt: what a public thing is for, and an example of it.

local help = {}

local GENERAL = [[
What is typed is Lua; the value of an expression is shown, and is _ afterwards. Names are kept
(x = 1, not local x); a line that is not complete goes on in the next.

  >COMMAND       run it on the fleet             !COMMAND     run it on this machine
  @SET           choose hosts: @r[1-4], @rack1   COMMAND &    in the background (also > and !)
  jobs, fg N     what runs in the background     help NAME    more on one of these:
  quit           or Ctrl-D                       Ctrl-C       ends what is in the foreground

hosts, t, pl, run, show, jobs, fg, bg, help
]]

-- For each: how it is written, what it is for, an example.
local ENTRIES = {
  hosts = { "hosts", "the hosts that are chosen: a set, with exec, stream, push, pull, +, -, *",
            'r = hosts:exec("uptime")' },
  exec = { "hosts:exec(cmd, opts)", "runs a command on every host of a set and gives the results: "
    .. "ok, why, failures(), fold(), parse(), [i], [\"host\"]",
            'hosts:exec({ "nvidia-smi", "-L" }, { timeout = "10s" }):fold()' },
  stream = { "hosts:stream(cmd, opts)", "whole lines of standard output as they come",
             'for host, line in hosts:stream("vmstat 1 5") do print(host, line) end' },
  push = { "hosts:push(here, there, opts)", "copies files and folders to every host",
           'hosts:push("job.conf", "/tmp/%h.conf")' },
  pull = { "hosts:pull(there, here, opts)", "copies files and folders from every host",
           'hosts:pull("/var/log/syslog", "logs/%h/")' },
  t = { "t", "what a recipe's run function gets, for these hosts: map, launch, metric, spawn, all, "
    .. "race, timeout, sleep", "m = t:map(hosts, { tp = 4, dp = 2 })" },
  map = { "t:map(hosts, job)", "where each rank of a job goes: explain(), format(name), moves()",
          't:map(hosts, { tp = 4, dp = 2 }):explain()' },
  launch = { "t:launch(map, opts)", "starts the ranks of a map, all or none; wait() has the result",
             't:launch(m, { cmd = "hostname" }):wait()' },
  pl = { "pl", "the module that recipes require: cluster, hosts, json, map, topo, units",
         "pl.cluster \"gb300-nvl72:racks=2\"" },
  run = { "run(recipe, options)", "runs a recipe file, read anew, on these hosts; gives its report",
          'run("hello", {})' },
  show = { "show(value)", "prints a value whole, however long", "show(_)" },
  jobs = { "jobs", "what runs in the background", "jobs" },
  fg = { "fg N", "waits for a job of the background; Ctrl-C ends it", "fg 1" },
  bg = { "bg(fn)", "calls a function in the background",
         'bg(function() hosts:exec("sleep 60") end)' },
  help = { "help(value or name)", "this", "help(hosts.exec)" },
}

local function known_names()
  local names = {}
  for name in pairs(ENTRIES) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function entry_text(entry)
  return ("%s\n  %s\n\n  example: %s\n"):format(entry[1], entry[2], entry[3])
end

-- The name of a public function or class by its value.
local function name_of(value, env)
  for _, name in ipairs(known_names()) do
    if rawget(env, name) == value then return name end
  end
  local classes = { require("perilune.core.hostset").methods, require("perilune.point").class }
  for _, class in ipairs(classes) do
    for name, member in next, class do
      if member == value then return name end
    end
  end
  return nil
end

local function recipe_text(recipe)
  return ("%s - %s\n%s"):format(recipe.name, recipe.summary or "",
    require("perilune.help").options(recipe.options, false))
end

--- The help on a value or a name; nothing given: on the prompt itself.
---@param what any
---@param env table names of the prompt
---@return string
function help.text(what, env)
  if what == nil then return GENERAL end
  if require("perilune.recipe").is(what) then return recipe_text(what) end
  local name = type(what) == "string" and what:match "[%w_]+$" or name_of(what, env)
  if name and ENTRIES[name] then return entry_text(ENTRIES[name]) end
  if type(what) == "userdata" and what.fold then return entry_text(ENTRIES.hosts) end
  if type(what) ~= "string" then
    return ("a %s:\n%s\n"):format(type(what), require("perilune.repl_show").short(what))
  end
  return ("no help on '%s'%s\n"):format(what,
    require("perilune.nearest").hint(what, known_names()))
end

--- The names that help.text knows.
help.names = known_names

return help
