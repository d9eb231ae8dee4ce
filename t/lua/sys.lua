-- Files, descriptors, who and where we are.
local tap = require "tap"
local sys = require "perilune.core.sys"

local dir = sys.mkdtemp "/tmp/perilune-sys."
local file = dir .. "/file"

-- the world failing

for name, call in pairs {
  stat = function() return sys.stat(file) end,
  read_file = function() return sys.read_file(file) end,
  readdir = function() return sys.readdir(file) end,
  realpath = function() return sys.realpath(file) end,
  unlink = function() return sys.unlink(file) end,
  rmdir = function() return sys.rmdir(file) end,
  sha256_file = function() return sys.sha256_file(file) end,
  write_file = function() return sys.write_file(dir .. "/no/file", "") end,
  mkdir = function() return sys.mkdir(dir .. "/no/dir") end,
} do
  local value, message, code = call()
  tap.ok(value == nil and message:find(dir, 1, true) and code == "noent", name .. " of nothing")
end
tap.is(select(3, sys.write(1000, "x")), "sys", "a write to no descriptor")
tap.raises("string expected", "wrong use raises", sys.stat)

-- files

tap.ok(sys.write_file(file, "hello\0", 384), "a file is written")
tap.is(sys.read_file(file), "hello\0", "and read back, with its zero byte")
tap.is(sys.stat(file).mode, 384, "with its mode")
tap.is({ sys.stat(file).type, sys.stat(file).size }, { "file", 6 }, "type and size")
tap.is(sys.readdir(dir), { "file" }, "nothing else is left behind")
tap.like(select(2, sys.read_file(file, 5)), "larger than 5 bytes", "a file that is too large")
tap.is(#sys.read_file "/proc/self/status" > 100, true, "a file without a size")
tap.ok(sys.write_file("/dev/null", "x"), "what is no file is written in place")
tap.ok(sys.mkdir(dir .. "/a/b/c", 448, true) and sys.mkdir(dir .. "/a/b/c", 448, true),
  "folders with their parents, twice")
tap.is(sys.stat(dir .. "/a/b").type, "dir", "they are there")
tap.is(sys.sha256 "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sha256")
tap.is(sys.sha256_file(file), sys.sha256 "hello\0", "sha256 of a file")
tap.ok(sys.rename(file, file .. "2") and sys.unlink(file .. "2"), "renamed and removed")

-- descriptors

do
  -- a pipe to ourselves, that nobody reads until it is full
  local fifo = dir .. "/fifo"
  os.execute("mkfifo " .. fifo)
  local both = io.open(fifo, "r+")
  local fd
  for _, name in ipairs(sys.readdir "/proc/self/fd") do
    if sys.realpath("/proc/self/fd/" .. name) == sys.realpath(fifo) then fd = math.tointeger(name) end
  end
  local sched = require "perilune.core.sched"
  local text = ("0123456789abcde\n"):rep(20000)
  local writer = sched.spawn(sys.write, fd, text)
  sched.sleep(0)
  tap.is(writer:status(), "waiting", "a write to a full pipe waits")
  local parts, n = {}, 0
  while n < #text do
    local part = sys.read(fd)
    parts[#parts + 1] = part
    n = n + #part
  end
  tap.ok(writer:join() and table.concat(parts) == text, "and goes on when it is read")
  local reader = sched.spawn(sys.read, fd)
  sched.sleep(0)
  reader:cancel()
  tap.is(select(2, reader:join()).kind, "cancel", "a read that waits can be cancelled")
  both:close()
  sys.unlink(fifo)
end

tap.ok(sys.pid() > 1 and sys.user() and sys.hostname() ~= "" and sys.uid() >= 0, "who and where")
tap.ok(sys.terminal_width() > 0 and sys.nofile_limit() >= 256 and sys.cpu_seconds() > 0, "limits")
tap.is(sys.getenv "PERILUNE_NO_SUCH_VARIABLE", nil, "a variable that is not set")

for _, name in ipairs { "/a/b/c", "/a/b", "/a", "" } do sys.rmdir(dir .. name) end
tap.is(select(3, sys.stat(dir)), "noent", "the test leaves nothing behind")

return tap.done()
