-- stage.lua - t:stage: a file of the controller on every host, copied once by checksum.
--
-- No shared disk is assumed, and none is harmed: the file goes over the connection of each host
-- that lacks it, under a name of its own, is checked there and renamed into place; hosts that are
-- one machine or share a disk may do that at the same time. It stays for the next run, in
-- /tmp/perilune-USER/CHECKSUM/NAME (`dir` chooses another folder than /tmp). A program stays one.
--
-- With `build` the file is a source: compiled here, once, for hosts of this machine's type, and
-- on the others themselves.

local blame = require "perilune.blame"
local result = require "perilune.result"
local sys = require "perilune.core.sys"

local stage = {}

local KEYS = { "build", "name", "dir", "timeout" }
local KEY_LENGTH = 16 -- hex digits of the checksum: enough to tell a user's files apart
local NO_COMPILER = 127
local BUILD_TIMEOUT_S = 300

---@class perilune.Staged: perilune.Result
---@field path string where it is, on every host
---@field sent integer hosts that it was copied to
---@field built integer hosts that compiled it

-- ---- what the hosts are told ---------------------------------------------------------------

-- BASE KEY NAME SUM: the type of the machine, and "here" when the file is there.
local PROBE = [[
uname -sm
cd "$1/$2" 2>/dev/null && test -O . && echo "$4  $3" | sha256sum -c --status && echo here
true
]]

-- BASE KEY NAME SUM MODE, bytes on standard input. Only folders of our own are trusted: /tmp is
-- everybody's.
local RECEIVE = [[
umask 077
mkdir -p "$1/$2" && cd "$1/$2" && test -O .. && test -O . || {
	echo "$1/$2 is not ours" >&2
	exit 1
}
t=$(mktemp .new.XXXXXX) || exit 1
trap 'rm -f "$t"' EXIT
cat >"$t" && echo "$4  $t" | sha256sum -c --status || {
	echo "the copy of $3 is not what was sent" >&2
	exit 1
}
chmod "$5" "$t" && mv -f "$t" "$3" && rm -f ".$3.type" || exit 1
]]

-- BASE KEY SOURCE SUM MODE PROGRAM COMMAND: compiles, unless that was done there before; in a
-- folder of its own, then renamed, as others may run the program that is there.
local BUILD = [[
is_there() {
	cd "$1/$2" && test -O . && test -x "$6" && test "$(cat ".$6.type")" = "$(uname -sm)"
}
(is_there "$@") 2>/dev/null && exit 0
]] .. RECEIVE .. [[
d=$(mktemp -d "$PWD/.build.XXXXXX") && trap 'rm -rf "$d"' EXIT && cp "$3" "$d" && cd "$d" &&
{ eval "$7"; } >&2 && mv -f "$6" .. && uname -sm >"../.$6.type" && echo built
]]

local FILE, PROGRAM = "644", "755"

-- ---- steps ---------------------------------------------------------------------------------

-- `from`: the result set whose failure it is.
local function failed(what, from)
  if not from then return result.failed { why = what, phase = "stage", status = 1 } end
  local said = from:failures()[1].stderr or ""
  local why = ("%s: %s\n%s"):format(what, from.why, said):gsub("%s+$", "")
  return result.failed { why = why, phase = "stage", status = from.status, run = from.run }
end

local function shell(hosts, script, place, arguments, opts, stdin)
  local argv = { "sh", "-c", script, "stage", place.base, place.key }
  table.move(arguments, 1, #arguments, #argv + 1, argv)
  return hosts:exec(argv, { stdin = stdin, timeout = opts.timeout })
end

-- Puts bytes on the hosts that lack them: how many, or nil and a failed result.
local function send(hosts, place, file, opts)
  if #hosts == 0 then return 0 end
  local sent = shell(hosts, RECEIVE, place, { file.name, file.sum, file.mode }, opts, file.bytes)
  if sent.ok then return #hosts end
  return nil, failed("staging " .. file.name, sent)
end

local function new_set(names)
  return require("perilune.core.hostset").new(names)
end

-- The type of each host's machine and who lacks the file.
local function probe(hosts, place, file, opts)
  local asked = shell(hosts, PROBE, place, { file.name, file.sum }, opts)
  if not asked.ok then
    return nil, failed("staging " .. file.name, asked)
  end
  local lacks, types = {}, {}
  for host, one in asked:each() do
    types[host] = one.stdout:match("^[^\n]*")
    if one.stdout ~= "" and not one.stdout:find("\nhere", 1, true) then lacks[#lacks + 1] = host end
  end
  return { lacks = new_set(lacks), types = types }
end

local function staged(t, place, file, sent, built)
  local path = ("%s/%s/%s"):format(place.base, place.key, file.name)
  t:record("stage", { name = file.name, path = path, sum = file.sum, sent = sent, built = built })
  return result.passed { path = path, sent = sent, built = built }
end

-- ---- files as they are ---------------------------------------------------------------------

local function copy_file(t, hosts, place, file, opts)
  local seen, failure = probe(hosts, place, file, opts)
  if not seen then return failure end
  local sent
  sent, failure = send(seen.lacks, place, file, opts)
  if not sent then return failure end
  return staged(t, place, file, sent, 0)
end

-- ---- programs that are built ---------------------------------------------------------------

-- The program for this machine's type: its bytes, or nil where nothing can be compiled here (why
-- is nil then), or nil and why.
local function build_here(run, source, opts, place)
  local dir = run.scratch("stage/" .. place.key)
  local program = dir .. "/" .. opts.name
  local kept = sys.read_file(program)
  if kept then return kept end
  assert(sys.write_file(dir .. "/" .. source.name, source.bytes))
  local built = run.here(opts.build, { cwd = dir, timeout = opts.timeout or BUILD_TIMEOUT_S })
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
local function build_there(hosts, place, source, opts)
  if #hosts == 0 then return 0 end
  local done = shell(hosts, BUILD, place,
    { source.name, source.sum, source.mode, opts.name, opts.build }, opts, source.bytes)
  if not done.ok then
    return nil, failed(("building %s there"):format(opts.name), done)
  end
  local built = 0
  for _, one in done:each() do
    if one.stdout:find("built", 1, true) then built = built + 1 end
  end
  return built
end

-- The program as a file to send. Nothing runs on a simulated fleet: there the source will do.
local function make_program(t, source, opts, place)
  local bytes, why
  if t.run.transport:name() == "sim" then
    bytes = source.bytes
  else
    bytes, why = build_here(t.run, source, opts, place)
    if why then return nil, failed(why) end
  end
  return { name = opts.name, bytes = bytes, mode = PROGRAM, sum = sys.sha256(bytes or "") }
end

local function copy_program(t, hosts, place, source, opts)
  local program, failure = make_program(t, source, opts, place)
  if not program then return failure end
  local seen, sent, built
  seen, failure = probe(hosts, place, program, opts)
  if not seen then return failure end
  local uname = sys.uname()
  local ours = program.bytes and uname.sysname .. " " .. uname.machine or "none"
  local same, other = by_type(hosts, seen.types, ours)
  sent, failure = send(same * seen.lacks, place, program, opts)
  if not sent then return failure end
  built, failure = build_there(other, place, source, opts)
  if not built then return failure end
  return staged(t, place, program, sent, built)
end

-- ---- t:stage -------------------------------------------------------------------------------

local function check(path, opts)
  if type(path) ~= "string" then blame.raise("t:stage needs a file name") end
  if type(opts) ~= "table" then blame.raise("t:stage: options are a table") end
  blame.check_keys("t:stage", opts, KEYS)
  if opts.build and not opts.name then
    blame.raise("t:stage with build needs name, the program that it makes")
  end
  for _, name in ipairs { path:match("[^/]*$"), opts.name } do
    if not name:find("^[%w_][%w_.+-]*$") then
      blame.raise("t:stage: '%s' is no plain file name", name)
    end
  end
  if opts.dir and opts.dir:sub(1, 1) ~= "/" then
    blame.raise("t:stage: dir is an absolute path, not '%s'", opts.dir)
  end
end

--- Brings a file to hosts, those of the run when none are given. The result has `path`, the same
--- on every host.
---@param t perilune.Point
---@param path string beside the recipe, or from the working directory
---@param opts? { build: string?, name: string?, dir: string?, timeout: number|string|nil }
---@param hosts? userdata host set
---@return perilune.Staged
function stage.stage(t, path, opts, hosts)
  opts = opts or {}
  check(path, opts)
  local bytes, message, executable = t.run.read_file(path)
  if not bytes then return failed(message) end
  local mode = executable and PROGRAM or FILE
  local key = sys.sha256(bytes .. "\0" .. (opts.build or mode)):sub(1, KEY_LENGTH)
  local place = { base = ("%s/perilune-%s"):format(opts.dir or "/tmp", sys.user()), key = key }
  local file = { name = path:match("[^/]*$"), bytes = bytes, sum = sys.sha256(bytes), mode = mode }
  if opts.build then return copy_program(t, hosts or t.hosts, place, file, opts) end
  file.name = opts.name or file.name
  return copy_file(t, hosts or t.hosts, place, file, opts)
end

return stage
