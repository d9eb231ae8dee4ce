-- responders.lua - what answers in place of simulated hosts: lists of { match =, reply = }, as
-- recipes, tests and cluster files carry them under `sim`. The first whose pattern is found in the
-- command answers; `seconds` beside them is how long what nobody answers takes.

local chance = require "perilune.chance"
local nearest = require "perilune.nearest"

local responders = {}

---@class perilune.Responder
---@field match string a Lua pattern, tried on the command
---@field reply table|fun(host: string, rank: integer, cmd: string): table?

---@alias perilune.Answer fun(host: string, rank: integer, cmd: string): table?

local RESPONDER_KEYS = { "match", "reply" }
local REPLY_KEYS = { "stdout", "stderr", "code", "signal", "seconds", "hang", "drop", "refuse",
                     "phase" }

-- The first key that is not in the list, as a sentence; nil when all are.
local function unknown_key(what, given, list)
  for key in pairs(given) do
    local found = false
    for _, known in ipairs(list) do found = found or known == key end
    if not found then
      return ("%s has no '%s'%s"):format(what, tostring(key), nearest.hint(key, list))
    end
  end
  return nil
end

local function seconds_mistake(seconds)
  if seconds == nil then return nil end
  local _, message = chance.distribution(seconds)
  return message and "seconds: " .. message
end

-- What is wrong with a reply, or nil.
local function reply_mistake(reply)
  if reply == nil then return nil end
  if type(reply) ~= "table" then return "a reply is a table or nil, not a " .. type(reply) end
  return unknown_key("a reply", reply, REPLY_KEYS) or seconds_mistake(reply.seconds)
end

local function responder_mistake(responder)
  if type(responder) ~= "table" then return "write { match =, reply = }" end
  local ok, message = pcall(string.find, "", responder.match)
  if not ok then return message end
  local kind = type(responder.reply)
  if kind ~= "function" and kind ~= "table" then return "it needs a reply" end
  return unknown_key("a responder", responder, RESPONDER_KEYS)
    or kind == "table" and reply_mistake(responder.reply) or nil
end

--- What is wrong with a `sim` table, as a sentence; nil when nothing is.
---@param sim any
---@return string?
function responders.mistake(sim)
  if type(sim) ~= "table" then return "sim is an array of { match =, reply = }" end
  for key in pairs(sim) do
    if math.type(key) ~= "integer" and key ~= "seconds" then
      return ("sim has no '%s'%s"):format(tostring(key), nearest.hint(key, { "seconds" }))
    end
  end
  for i, responder in ipairs(sim) do
    local mistake = responder_mistake(responder)
    if mistake then return ("responder %d: %s"):format(i, mistake) end
  end
  return seconds_mistake(sim.seconds) and "sim." .. seconds_mistake(sim.seconds) or nil
end

-- What a responder answers; a mistake in it goes to `on_mistake`, and the command fails.
local function ask(responder, on_mistake, ...)
  local reply = responder.reply
  if type(reply) == "table" then return reply end
  local ok, value = pcall(reply, ...)
  local mistake = ok and reply_mistake(value)
  if ok and not mistake then return value end
  if type(value) == "table" and value.kind then error(value, 0) end -- a cancel is nobody's mistake
  value = tostring(mistake or value)
  on_mistake(("sim of '%s': %s"):format(responder.match, value))
  return { code = 255, stderr = value }
end

--- A function that answers by a checked `sim` table; it answers nil to what nothing matches.
---@param sim perilune.Responder[]
---@param on_mistake fun(sentence: string) hears of a reply that makes no sense
---@return perilune.Answer
function responders.answer(sim, on_mistake)
  return function(host, rank, cmd)
    for _, responder in ipairs(sim) do
      if cmd:find(responder.match) then return ask(responder, on_mistake, host, rank, cmd) end
    end
    return nil
  end
end

return responders
