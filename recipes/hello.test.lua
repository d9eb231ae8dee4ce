-- Tests of hello: perilune test recipes/hello.test.lua

return {
  recipe = "./hello.lua",
  hosts = "node[1-4]",

  { name = "every host is asked once",
    expect = { calls = { { match = "^uname %-sm$", hosts = 4, times = 4 } },
      outcomes = { ok = 4 } } },

  { name = "another command is asked with",
    options = { cmd = "cat /etc/issue" },
    expect = { calls = { "issue" }, never = { "uname" } } },

  { name = "a host that is down fails the run as unreachable",
    faults = { events = { { fault = "crash", hosts = "node3" } } },
    expect = { verdict = "fail", status = 3, why = "node3", outcomes = { unreachable = 1 } } },

  { name = "a command that fails is the run's failure",
    sim = { { match = "uname", reply = function(host)
      return { code = host == "node2" and 1 or 0, seconds = { "exponential", mean = "1s" } }
    end } },
    expect = { verdict = "fail", status = 1, outcomes = { ok = 3, exit = 1 } } },
}
