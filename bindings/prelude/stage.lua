-- stage.lua - t:stage: a file of the controller on every host, copied once by checksum.
--
-- No shared disk is assumed, and none is harmed: the file goes over the connection of each host
-- that lacks it, under a name of its own, is checked there and renamed into place; hosts that are
-- one machine or share a disk may do that at the same time. It stays for the next run, in
-- /tmp/perilune-USER/CHECKSUM/NAME (`dir` chooses another folder than /tmp).
--
-- With `build` the file is a source: compiled here, once, for hosts of this machine's type, and
-- on the others themselves.

local blame = require "perilune.blame"
local result = require "perilune.result"

local stage = {}

local KEYS = { "build", "name", "dir", "mode", "timeout" }
local KEY_LENGTH = 16 -- hex digits of the checksum: enough to tell a user's files apart
local NO_COMPILER = 127

---@class perilune.Staged: perilune.Result
---@field path string where it is, on every host
---@field sent integer hosts that it was copied to
---@field built integer hosts that compiled it

-- ---- what the hosts are told ---------------------------------------------------------------

-- Names and folders are checked against this before they go into a command.
local SAFE = "^[%w_./-]+$"

-- Prints the type of the machine, and "here" when the file is there with this checksum.
local function probe_line(place, name, sum)
  return ("uname -sm; cd %s 2>/dev/null && test -O . && echo '%s  %s' | sha256sum -c --status && "
    .. "echo here; true"):format(place.dir, sum, name)
end

-- Takes the file from standard input. Only a folder of our own is trusted: /tmp is everybody's.
local function receive_line(place, name, sum, mode)
  return ("umask 077; mkdir -p %s && test -O %s && cd %s && test -O . && t=$(mktemp .new.XXXXXX) && "
    .. "{ cat >\"$t\" && echo '%s  '\"$t\" | sha256sum -c --status && chmod %o \"$t\" && "
    .. "mv -f \"$t\" %s && rm -f .%s.type || { rm -f \"$t\"; echo 'the copy of %s is not what was sent' >&2; exit 1; }; }")
    :format(place.dir, place.base, place.dir, sum, mode, name, name, name)
end

-- Takes the source from standard input and compiles it, unless that was done there before. In a
-- folder of its own, then renamed: others may run the program that is there.
local function build_line(place, source, build, name, sum)
  return ("is_there() { cd %s && test -O . && test -x %s && test \"$(cat .%s.type)\" = "
    .. "\"$(uname -sm)\"; }; (is_there 2>/dev/null) && exit 0; { %s; } && "
    .. "d=$(mktemp -d .build.XXXXXX) && cp %s \"$d\" && cd \"$d\" && { %s; } && mv -f %s .. && "
    .. "cd .. && rm -rf \"$d\" && uname -sm >.%s.type && echo built"):format(place.dir, name, name,
    receive_line(place, source, sum, 420), source, build, name, name)
end

-- ---- steps ---------------------------------------------------------------------------------

local function failed(why, from)
  return result.failed { why = why, phase = "stage", status = from and from.status or 1,
    cause = from }
end

-- Puts bytes on the hosts that lack them; the hosts that got it, or a failed result.
local function send(hosts, place, name, bytes, sum, mode, timeout)
  if #hosts == 0 then return hosts end
  local sent = hosts:exec(receive_line(place, name, sum, mode), { stdin = bytes, timeout = timeout })
  if not sent.ok then return nil, failed(("staging %s: %s"):format(name, sent.why), sent) end
  return hosts
end

-- The type of each host's machine and who lacks the file.
local function probe(hosts, place, name, sum, timeout)
  local asked = hosts:exec(probe_line(place, name, sum), { timeout = timeout })
  if not asked.ok then return nil, failed(("staging %s: %s"):format(name, asked.why), asked) end
  local lacks, types = {}, {}
  for i = 1, #asked do
    local one = asked[i]
    types[one.host] = one.stdout:match("^[^\n]*")
    if one.stdout ~= "" and not one.stdout:find("\nhere", 1, true) then
      lacks[#lacks + 1] = one.host
    end
  end
  return { lacks = lacks, types = types }
end

local function new_set(names)
  return require("perilune.core.hostset").new(names)
end

-- ---- files as they are ---------------------------------------------------------------------

local function copy_file(t, hosts, place, name, bytes, sum, opts)
  local seen, failure = probe(hosts, place, name, sum, opts.timeout)
  if not seen then return failure end
  local sent
  sent, failure = send(new_set(seen.lacks), place, name, bytes, sum, opts.mode or 493, opts.timeout)
  if not sent then return failure end
  t:record("stage", { name = name, path = place.dir .. "/" .. name, sum = sum, sent = #sent })
  return result.passed { path = place.dir .. "/" .. name, sent = #sent, built = 0 }
end

-- ---- programs that are built ---------------------------------------------------------------

-- The program for this machine's type: its bytes, or nil where nothing can be compiled here (why
-- is nil then), or nil and why.
local function build_here(run, source, text, opts, place)
  local sys = require "perilune.core.sys"
  local dir = run.scratch("stage/" .. place.key)
  local program = dir .. "/" .. opts.name
  local kept = sys.read_file(program)
  if kept then return kept end
  assert(sys.write_file(dir .. "/" .. source, text, 420))
  local built = run.here(opts.build, { cwd = dir, timeout = opts.timeout or 300 })
  if built.outcome == "exit" and built.code == NO_COMPILER then return nil end
  if built.outcome ~= "ok" then
    return nil, ("%s: %s\n%s"):format(opts.build, built.why or built.outcome, built.stderr or "")
  end
  return sys.read_file(program)
end

-- Hosts split by whether the program that was built here runs there.
local function by_type(hosts, types, ours)
  local same, other = {}, {}
  for _, host in hosts:each() do
    local list = (types[host] == ours or types[host] == "") and same or other
    list[#list + 1] = host
  end
  return new_set(same), new_set(other)
end

-- How many hosts compiled it, or nil and a failed result.
local function build_there(hosts, place, source, text, opts)
  if #hosts == 0 then return 0 end
  local sum = require("perilune.core.sys").sha256(text)
  local done = hosts:exec(build_line(place, source, opts.build, opts.name, sum),
    { stdin = text, timeout = opts.timeout })
  if not done.ok then
    return nil, failed(("building %s there: %s"):format(opts.name, done.why), done)
  end
  local built = 0
  for _, one in done:each() do
    if one.stdout:find("built", 1, true) then built = built + 1 end
  end
  return built
end

local function copy_program(t, hosts, place, source, text, opts)
  local sys = require "perilune.core.sys"
  local program, why
  if t.run.transport:name() == "sim" then
    program = text -- nothing runs there
  else
    program, why = build_here(t.run, source, text, opts, place)
    if why then return failed(why) end
  end
  local sum = sys.sha256(program or "")
  local seen, failure = probe(hosts, place, opts.name, sum, opts.timeout)
  if not seen then return failure end
  local uname = sys.uname()
  local ours = program and uname.sysname .. " " .. uname.machine or "none"
  local same, other = by_type(hosts, seen.types, ours)
  local sent, built
  sent, failure = send(same * new_set(seen.lacks), place, opts.name, program, sum, 493, opts.timeout)
  if not sent then return failure end
  built, failure = build_there(other, place, source, text, opts)
  if not built then return failure end
  t:record("stage", { name = opts.name, path = place.dir .. "/" .. opts.name, sum = sum,
    sent = #sent, built = built })
  return result.passed { path = place.dir .. "/" .. opts.name, sent = #sent, built = built }
end

-- ---- t:stage -------------------------------------------------------------------------------

local function check(path, opts)
  if type(path) ~= "string" then blame.raise("t:stage needs a file name") end
  blame.check_keys("t:stage", opts, KEYS)
  if opts.build and not opts.name then
    blame.raise("t:stage with build needs name, the program that it makes")
  end
  for _, word in ipairs { opts.name or "x", path:match("[^/]*$"), opts.dir or "/tmp" } do
    if not word:find(SAFE) then blame.raise("t:stage: '%s' is no plain file name", word) end
  end
end

--- Brings a file to hosts, those of the run when none are given. The result has `path`, the same
--- on every host.
---@param t perilune.Point
---@param path string beside the recipe, or from the working directory
---@param opts? { build: string?, name: string?, dir: string?, mode: integer?, timeout: number? }
---@param hosts? perilune.HostSet
---@return perilune.Staged
function stage.stage(t, path, opts, hosts)
  opts = opts or {}
  check(path, opts)
  local text, message = t.run.read_file(path)
  if not text then return failed(message) end
  local sys = require "perilune.core.sys"
  local key = sys.sha256(text .. "\0" .. (opts.build or "")):sub(1, KEY_LENGTH)
  local base = ("%s/perilune-%s"):format(opts.dir or "/tmp", sys.user())
  local place = { base = base, dir = base .. "/" .. key, key = key }
  local name = path:match("[^/]*$")
  if opts.build then return copy_program(t, hosts or t.hosts, place, name, text, opts) end
  return copy_file(t, hosts or t.hosts, place, name, text, sys.sha256(text), opts)
end

return stage
