-- What host sets can do: exec, stream, push over the local transport.
local fanout = require "perilune.fanout"
local hosts = require "perilune.hosts"
local sched = require "perilune.core.sched"
local spec = require "spec"
local sys = require "perilune.core.sys"

local calls = 0
-- A session that keeps no record.
local unrecorded = {
  next_call = function()
    calls = calls + 1
    return calls, "test-" .. calls
  end,
  add_sink = function(_, sinks) return sinks end,
  spill_dir = function() return nil end,
  check = function() end,
}

local transport = require("perilune.core.transport")["local"]()
fanout.use({ transport = transport, settings = { fanout = 8 } }, unrecorded)

local n3 = hosts.new { "n1", "n2", "n3" }

spec.test("misuse raises with the line of the caller", function()
  spec.raises("hosts.lua:", function() n3:exec() end)
  spec.raises("needs a command", n3.exec, n3, 3)
  spec.raises("needs a command", n3.exec, n3, {})
  spec.raises("unknown option 'timout' (did you mean 'timeout'?)", n3.exec, n3, "true", { timout = 1 })
  spec.raises("'timeout' must be a time", n3.exec, n3, "true", { timeout = "soon" })
  spec.raises("needs a path, or a list of them", n3.push, n3, "x")
end)

spec.test("a string goes to the shell there, a table is exact words", function()
  spec.equal(n3:exec("echo $((1+1))").n2.stdout, "2\n")
  spec.equal(n3:exec({ "printf", "%s", "$((1+1))" }).n2.stdout, "$((1+1))")
  spec.equal(n3:exec({ "printf", "%d", 7 })[1].stdout, "7")
end)

spec.test("what the world does is a result", function()
  local r = n3:exec("exit 3")
  spec.equal(r.ok, false)
  spec.equal(r.why, "exit 3: n[1-3]")
  spec.equal(#r:failures(), 3)
  spec.equal(r.status, 1)
  spec.raises("exit 3: n[1-3]", r.must, r)
end)

spec.test("env, cwd, stdin, merge and timeouts reach the command", function()
  local r = n3:exec("echo $A; pwd; cat; echo err >&2",
    { env = { A = "x" }, cwd = "/", stdin = "in\n", merge = true })
  spec.equal(r[1].stdout, "x\n/\nin\nerr\n")
  spec.equal(n3:exec("exec sleep 60", { timeout = "100ms" })[1].outcome, "timeout")
  spec.equal(n3:exec("exec sleep 60", { idle_timeout = 0.1 })[1].outcome, "idle")
end)

spec.test("max_output caps what is kept", function()
  local r = n3:exec("head -c 5000 /dev/zero", { max_output = "1K" })
  spec.equal(#r[1].stdout, 1024)
  spec.equal(r[1].truncated, true)
end)

spec.test("tasks inherit the fleet, and calls may go on at once", function()
  local a = sched.spawn(function() return n3:exec("echo a").n1.stdout end)
  local b = sched.spawn(function() return n3:exec("echo b").n1.stdout end)
  local _, text_a = a:join()
  local _, text_b = b:join()
  spec.equal(text_a .. text_b, "a\nb\n")
end)

spec.test("stream gives whole lines of standard output as they come", function()
  local lines = {}
  for host, line in n3:stream("echo one; echo no >&2; printf two") do
    lines[#lines + 1] = host .. " " .. line
  end
  table.sort(lines)
  spec.equal(table.concat(lines, ","), "n1 one,n1 two,n2 one,n2 two,n3 one,n3 two")
end)

spec.test("leaving the loop of a stream ends the command", function()
  local begun, seen = sched.now(), 0
  for _, line in n3:stream("echo one; exec sleep 60") do
    spec.equal(line, "one")
    seen = seen + 1
    if seen == 1 then break end
  end
  assert(sched.now() - begun < 30)
end)

spec.test("push copies a file, a folder takes its name, and says why it could not", function()
  local dir = assert(sys.mkdtemp "/tmp/perilune-push.")
  assert(sys.write_file(dir .. "/from", "bytes", 384))
  spec.equal(hosts.new({ "n1" }):push(dir .. "/from", dir .. "/to").ok, true)
  spec.equal(sys.read_file(dir .. "/to"), "bytes")
  assert(sys.mkdir(dir .. "/sub", 448))
  spec.equal(hosts.new({ "n1" }):push(dir .. "/from", dir .. "/sub/").ok, true)
  spec.equal(sys.read_file(dir .. "/sub/from"), "bytes")
  local r = n3:push(dir .. "/from", dir .. "/nowhere/x")
  spec.equal(r.ok, false)
  spec.contains(r.why, "nowhere")
  for _, name in ipairs { "from", "to", "sub/from" } do sys.unlink(dir .. "/" .. name) end
  sys.rmdir(dir .. "/sub")
  sys.rmdir(dir)
end)

transport:close()
return spec.done()
