-- secret.lua - what nobody may see: where it is found, how recipes hold it, what strikes it out.
--
-- A secret is found where its option says (env:NAME, file:PATH, prompt), else in the variable
-- PERILUNE_SECRET_NAME, else a person is asked on the terminal. Recipes hold it as a value that
-- prints as [secret NAME] and goes to hosts through `env` and `stdin` only. Its bytes, wherever
-- else they turn up (streams of hosts, journal, report, print), are stars.

local blame = require "perilune.blame"

local secret = {}

local LEAST = 4 -- bytes; see core/run/redact.h
local LINE_LEAST = 8 -- of a secret of several lines, what each must have to be struck alone

---@class perilune.Secret
---@field name string
local Secret = {}
Secret.__name = "perilune.secret"

local values = setmetatable({}, { __mode = "k" }) -- by object, which so has no field to print
local words, known = {}, {} -- all bytes that are struck, longest first

local function add_word(word)
  if #word < LEAST or known[word] then return end
  known[word] = true
  words[#words + 1] = word
  table.sort(words, function(a, b) return #a > #b end)
end

local function remember(value)
  add_word(value)
  if not value:find("\n", 1, true) then return end
  for line in value:gmatch("[^\r\n]+") do
    if #line >= LINE_LEAST then add_word(line) end
  end
end

--- Holds a value as a secret; its bytes are struck out from now on.
---@param name string
---@param value string
---@return perilune.Secret
function secret.new(name, value)
  local self = setmetatable({ name = name }, Secret)
  values[self] = value
  remember(value)
  return self
end

---@return boolean
function secret.is(value)
  return getmetatable(value) == Secret
end

-- ---- what recipes do with it ---------------------------------------------------------------

Secret.__index = function(_, key)
  local method = Secret[key]
  if method ~= nil then return method end
  blame.unknown_field("a secret", key, Secret, { "name" })
end

function Secret:__tostring()
  return ("[secret %s]"):format(self.name)
end

function Secret.__concat()
  blame.raise("a secret is not joined with text: secret:format(\"Bearer %%s\") makes another one, "
    .. "which goes to hosts through env or stdin")
end

--- A secret of more text with this one in it: token:format("Authorization: Bearer %s").
---@param fmt string with one %s
---@return perilune.Secret
function Secret:format(fmt)
  return secret.new(self.name, blame.call(string.format, fmt, values[self]))
end

--- The bytes, for what the recipe computes from them. Still struck out wherever they turn up, and
--- refused in commands.
---@return string
function Secret:reveal()
  return values[self]
end

-- ---- where it is found ---------------------------------------------------------------------

--- The text when it says where a secret is; nil and what was expected.
---@param text string
---@return string? source
---@return string? expected
function secret.source(text)
  if text == "prompt" or text:find("^env:[%a_][%w_]*$") or text:find("^file:.") then return text end
  return nil, "where the secret is found, never the secret itself: env:NAME, file:PATH or prompt"
end

local function variable_of(name)
  return "PERILUNE_SECRET_" .. name:upper():gsub("[^%w]", "_")
end

local function ask(name)
  local value, message = require("perilune.core.sys").ask_secret(("secret '%s': "):format(name))
  if value then return value end
  return nil, ("%s; set %s, or say where it is (env:NAME, file:PATH)"):format(message,
    variable_of(name))
end

local function look(name, source)
  local sys = require "perilune.core.sys"
  if source == "prompt" then return ask(name) end
  local kind, where = (source or ""):match("^(%a+):(.+)$")
  if kind == "file" then
    local text, message = sys.read_file(where)
    return text and (text:gsub("\r?\n$", "")), message
  end
  where = where or variable_of(name)
  local value = sys.getenv(where)
  if value or not kind then return value end
  return nil, ("%s is not in the environment"):format(where)
end

--- The secret of this name. Nil without a message when nothing says where it is and it is not
--- `needed`. A rehearsal asks nobody: what is not there is made up.
---@param name string
---@param source string? as on the command line
---@param opts { needed: boolean?, rehearsal: boolean? }
---@return perilune.Secret?
---@return string? message
function secret.find(name, source, opts)
  local value, message
  if opts.rehearsal and (source == "prompt" or not look(name, source)) then
    value = "rehearsed-" .. name
  else
    value, message = look(name, source)
  end
  if not value and not source and opts.needed then value, message = ask(name) end
  if not value then return nil, message and ("secret '%s': %s"):format(name, message) end
  if #value < LEAST then
    return nil, ("secret '%s' has %d bytes: fewer than %d cannot be kept out of what is printed")
      :format(name, #value, LEAST)
  end
  return secret.new(name, value)
end

-- ---- keeping it so -------------------------------------------------------------------------

--- The text with every secret in it struck out, byte for byte.
---@param text string
---@return string
function secret.redact(text)
  for _, word in ipairs(words) do
    local from, to = text:find(word, 1, true)
    while from do
      text = text:sub(1, from - 1) .. ("*"):rep(#word) .. text:sub(to + 1)
      from, to = text:find(word, to + 1, true)
    end
  end
  return text
end

--- Whether a secret stands in the text.
---@param text string
---@return boolean
function secret.stands_in(text)
  for _, word in ipairs(words) do
    if text:find(word, 1, true) then return true end
  end
  return false
end

--- The bytes of a secret; any other value as it is.
function secret.bytes(value)
  return secret.is(value) and values[value] or value
end

--- All that is struck, for the streams of a run; nil when there is nothing.
---@return string[]?
function secret.words()
  return words[1] and words or nil
end

return secret
