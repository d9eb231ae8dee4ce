-- Secrets: where they are found, how they are held, what strikes them out.
local spec = require "spec"

local options = require "perilune.options"
local report = require "perilune.report"
local secret = require "perilune.secret"
local sys = require "perilune.core.sys"


spec.test("the option says where a secret is, never what it is", function()
  spec.equal(options.validate({ { "k", type = "secret" } }, { k = "env:TOKEN" }), { k = "env:TOKEN" })
  for _, text in ipairs { "hunter2", "env:", "env:A B", "file:" } do
    spec.refuses("never the secret itself", options.validate({ { "k", type = "secret" } }, { k = text }))
  end
  spec.refuses("a secret has no default", options.check { k = { type = "secret", default = "prompt" } })
end)

spec.test("it is found in a file, in the environment, or not at all", function()
  local path = os.tmpname()
  assert(sys.write_file(path, "from a file\n", 384))
  spec.equal(secret.find("k", "file:" .. path, {}):reveal(), "from a file")
  os.remove(path)
  spec.equal(secret.find("k", "env:PATH", {}):reveal(), sys.getenv "PATH")
  spec.refuses("NOT_THERE_EITHER is not in the environment", secret.find("k", "env:NOT_THERE_EITHER", {}))
  spec.equal(table.pack(secret.find("k", nil, {})).n, 2)
  spec.equal(secret.find("k", "prompt", { rehearsal = true }):reveal(), "rehearsed-k")
end)

spec.test("it prints as its name and is joined with nothing", function()
  local token = secret.new("token", "hunter22")
  spec.equal(tostring(token), "[secret token]")
  spec.equal(("%s"):format(token), "[secret token]")
  spec.raises("a secret is not joined with text", function() return "x" .. token end)
  spec.raises("a secret has no 'vale'", function() return token.vale end)
  spec.equal(token:format("Bearer %s"):reveal(), "Bearer hunter22")
end)

spec.test("its bytes are struck out, also line by line", function()
  secret.new("key", "first line\nsecond line\nx")
  spec.equal(secret.redact("a first line b"), "a ********** b")
  spec.equal(secret.redact("hunter22hunter22 Bearer hunter22"), ("*"):rep(16) .. " " .. ("*"):rep(15))
  spec.equal(report.plain { why = "hunter22!" }.why, "********!")
  spec.equal(secret.stands_in "curl -H hunter22", true)
  spec.equal(secret.stands_in "curl -H hunter2", false)
end)

spec.test("one that is too short to be struck out is refused", function()
  local path = os.tmpname()
  assert(sys.write_file(path, "abc\n", 384))
  spec.refuses("cannot be kept out of what is printed", secret.find("k", "file:" .. path, {}))
  os.remove(path)
end)

return spec.done()
