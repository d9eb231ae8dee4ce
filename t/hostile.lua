-- hostile.lua - strings made to break quoting, through everything that reaches a host. Each must
-- arrive byte for byte, or be refused before anything ran.
--
--   perilune _lua hostile.lua "local|[sudo ]SSH_CONFIG" SCRATCH CASES
--
-- Prints a line for each string that arrived changed; the caller looks for the canary, a file that
-- any of the strings would make if a shell read it.

local hostset = require "perilune.core.hostset"
local run = require "perilune.core.run"
local sys = require "perilune.core.sys"
local transport = require "perilune.core.transport"

local how, scratch, cases = ...
cases = tonumber(cases)

local sudo = how:match "^sudo " ~= nil
how = how:gsub("^sudo ", "")
local there = how == "local" and transport["local"]() or transport.ssh { config = how,
  keep_sessions = 4 }
local canary = scratch .. "/canary"
local wrong = 0

-- ---- strings -------------------------------------------------------------------------------

local PIECES = {
  "'", '"', "`", "$(touch " .. canary .. ")", "`touch " .. canary .. "`",
  ";touch " .. canary .. ";",
  "&touch " .. canary .. "&", "|touch " .. canary, ">" .. canary, "\ntouch " .. canary .. "\n",
  "$HOME", "${IFS}", "$", "\\", "\\\\", "\\'", "!", "!!", "!touch", "*", "?", "[a-z]", "{a,b}", "~",
  "#", "%s", "%n", "%h", "=", "-", "--", "-rf", " ", "  ", "\t", "\n", "\r\n", "\1", "\27]0;x\7",
  "\127", "\195\169", "\226\128\174", "\240\159\140\153", "\255\254", "(", ")", "<(true)", "^",
  "@", ":", "/", "..", "a", "word", "end; begin", "if (1) then", "$status", "$argv", "eval", "",
}

local function random_string()
  local parts = {}
  for i = 1, math.random(0, 8) do
    parts[i] = math.random(20) == 1 and string.char(math.random(1, 255)) or
      PIECES[math.random(#PIECES)]
  end
  return table.concat(parts)
end

local function report(what, sent, came)
  wrong = wrong + 1
  print(("%s: %q became %q"):format(what, sent, came))
end

-- ---- one command each ----------------------------------------------------------------------

local function start(spec)
  spec.id, spec.transport, spec.fanout = "hostile", there, 16
  if (spec.kind or "exec") == "exec" then spec.sudo = sudo end
  local r = assert(run.start(spec))
  return r:wait()
end

-- The result of each task is compared with what it should print.
local function compare(what, tasks, expected)
  local r = start { tasks = tasks }
  for i, text in ipairs(expected) do
    local result = r:result(i)
    if result.outcome ~= "ok" or result.stdout ~= text then
      report(what, text, ("%s %s %s"):format(result.outcome, result.why or "", result.stdout))
    end
  end
end

local function host(i) return ("127.1.0.%d"):format(i % 8 + 1) end

local function try_words()
  local tasks, expected = {}, {}
  for i = 1, cases do
    local argv = { "printf", "%s\\0" }
    for _ = 1, math.random(1, 6) do argv[#argv + 1] = random_string() end
    tasks[i] = { host = host(i), index = i, argv = argv }
    expected[i] = table.concat(argv, "\0", 3) .. "\0"
  end
  compare("a word", tasks, expected)
end

local function try_environment()
  local tasks, expected = {}, {}
  for i = 1, cases do
    expected[i] = random_string()
    tasks[i] = { host = host(i), index = i, argv = { "sh", "-c", "printf %s \"$X\"" },
                 env = { X = expected[i] } }
  end
  compare("a variable", tasks, expected)
end

-- What the login shell is given as a line is the person's; a line that it reads must be whole.
local function try_lines()
  local tasks, expected = {}, {}
  for i = 1, cases do
    expected[i] = random_string():gsub("[\n']", "")
    if expected[i]:find "[!\\]" then expected[i] = "plain" end -- the shells differ by themselves
    tasks[i] = { host = host(i), index = i, line = "printf %s '" .. expected[i] .. "'" }
  end
  compare("a line", tasks, expected)
end

local function try_folders()
  local tasks, expected = {}, {}
  for i = 1, cases // 4 do
    local name = random_string():gsub("[/\0]", "_"):sub(1, 200) .. i
    local path = scratch .. "/" .. name
    sys.mkdir(path, 448)
    expected[i] = path
    tasks[i] = { host = host(i), index = i, argv = { "sh", "-c", "printf %s \"$PWD\"" },
                 cwd = path }
  end
  compare("a folder", tasks, expected)
end

-- A file under a hostile name, there and (where the transport can) back.
local function try_copies()
  local source = scratch .. "/source"
  assert(sys.write_file(source, "content\0of the file\n", 384))
  for i = 1, cases // 10 do
    local path = ("%s/%s.put%d"):format(scratch, random_string():gsub("[/\0]", "_"):sub(1, 100), i)
    local r = start { hosts = hostset.new { host(i) }, kind = "put", local_path = source,
                      remote_path = path }
    if r:result(1).outcome ~= "ok" or sys.read_file(path) ~= "content\0of the file\n" then
      report("a path", path, r:result(1).why or r:result(1).outcome)
    end
    if how ~= "local" then
      local back = ("%s/back%d"):format(scratch, i)
      start { hosts = hostset.new { host(i) }, kind = "get", local_path = back, remote_path = path }
      if sys.read_file(back) ~= "content\0of the file\n" then report("a path back", path, back) end
    end
  end
end

-- A folder of hostile names, there and back.
local function try_folder_copies()
  local tree, names = scratch .. "/tree", {}
  sys.mkdir(tree, 448)
  for i = 1, math.max(8, cases // 10) do
    names[i] = random_string():gsub("[/\0]", "_"):sub(1, 100) .. i
    assert(sys.write_file(tree .. "/" .. names[i], names[i], 384))
  end
  local put = start { hosts = hostset.new { host(1) }, kind = "put", local_path = tree,
                      remote_path = scratch .. "/put tree" }
  local get = start { hosts = hostset.new { host(2) }, kind = "get",
                      local_path = scratch .. "/got tree", remote_path = scratch .. "/put tree" }
  for _, name in ipairs(names) do
    if sys.read_file(scratch .. "/put tree/" .. name) ~= name then
      report("a file of a folder", name, put:result(1).why or "nothing")
    elseif sys.read_file(scratch .. "/got tree/" .. name) ~= name then
      report("a file of a folder back", name, get:result(1).why or "nothing")
    end
  end
end

-- Names of hosts reach resolvers, tags and file names; most of these are refused or not found.
local function try_hosts()
  local tasks = {}
  for i = 1, cases // 4 do
    local name = random_string()
    if name ~= "" then tasks[#tasks + 1] = { host = name, index = i } end
  end
  local ok, r = pcall(start, { tasks = tasks, argv = { "true" }, spill_dir = scratch })
  return ok and r
end

math.randomseed(20260401)
try_words()
try_environment()
try_lines()
try_folders()
if not sudo then -- copies have the rights of the login
  try_copies()
  try_folder_copies()
end
try_hosts()
if wrong == 0 then print "all as they were" end
return wrong == 0 and 0 or 1
