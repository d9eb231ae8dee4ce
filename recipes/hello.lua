-- hello: ask every host one thing and print equal answers once.

local pl = require "perilune"

return pl.recipe {
  name = "hello",
  summary = "Ask every host who it is; equal answers are printed once.",

  options = {
    cmd = { type = "string", default = "uname -sm", help = "the command to ask with" },
  },

  run = function(t, o)
    local answers = t.hosts:exec(o.cmd)
    for _, group in ipairs(answers:fold()) do
      if group.outcome == "ok" then
        print(("%s: %s"):format(group.hosts, group.stdout:gsub("\n$", "")))
      end
    end
    answers:must()
  end,

  sim = {
    { match = "^uname", reply = { stdout = "Linux x86_64\n", seconds = 0.02 } },
  },
}
