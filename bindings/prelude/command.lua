-- command.lua - a command and its environment as recipes write them: checked, and as the core takes
-- them.

local blame = require "perilune.blame"
local secret = require "perilune.secret"

local command = {}

-- A value as a word: numbers as one would write them.
local function word_of(value)
  if math.type(value) == "float" then return ("%.14g"):format(value) end
  if type(value) == "string" or type(value) == "number" then return tostring(value) end
  return nil
end

-- A command line is seen by everybody on the host, and recorded.
local function refuse_secret(what)
  blame.raise("%s: a secret does not belong into a command: give it with env or stdin", what)
end

--- The exact words of a command, or its line for the login shell there; raises with the recipe's
--- line when it is neither.
---@param what string "hosts:exec", "t:launch"
---@param cmd string|table
---@return string[]? argv
---@return string? line
function command.read(what, cmd)
  if secret.is(cmd) then refuse_secret(what) end
  if type(cmd) == "string" then
    if secret.stands_in(cmd) then refuse_secret(what) end
    return nil, cmd
  end
  if type(cmd) ~= "table" or #cmd == 0 then
    blame.raise("%s needs a command: a string for the shell there, or a table of exact words", what)
  end
  local argv = {}
  for i = 1, #cmd do
    argv[i] = word_of(cmd[i])
    if secret.is(cmd[i]) or argv[i] and secret.stands_in(argv[i]) then refuse_secret(what) end
    if not argv[i] then blame.raise("%s: word %d of the command is a %s", what, i, type(cmd[i])) end
  end
  return argv, nil
end

--- The variables of an environment, every value as text; raises for what can be none.
---@param what string
---@param env? table<string, string|number>
---@return table<string, string>?
function command.environment(what, env)
  if env == nil then return nil end
  if type(env) ~= "table" then blame.raise("%s: env is a table NAME = value", what) end
  local checked = {}
  for name, value in pairs(env) do
    if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
      blame.raise("%s: '%s' is no name of a variable", what, tostring(name))
    end
    checked[name] = word_of(secret.bytes(value))
    if not checked[name] then
      blame.raise("%s: env.%s is a %s, not text or a number", what, name, type(value))
    end
  end
  return checked
end

return command
