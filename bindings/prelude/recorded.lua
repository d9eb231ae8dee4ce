-- recorded.lua - a simulated fleet that answers as a recorded run did (--sim-from). A command gets
-- what the same text got on that host then, in that order, and the last of it again once there is
-- no more; on a host that did not run it, what others got, in turn. A host that could not be
-- reached cannot be now; what ran into a limit of time hangs.

local recorded = {}

-- ---- the journal -------------------------------------------------------------------------------

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- RFC 4648.
local function from_base64(text)
  local bits, n, out = 0, 0, {}
  for c in text:gmatch "[^=]" do
    bits, n = bits << 6 | DIGITS:find(c, 1, true) - 1, n + 6
    if n >= 8 then
      n = n - 8
      out[#out + 1] = string.char(bits >> n & 255)
    end
  end
  return table.concat(out)
end

-- The bytes of a stream as its result has them; nil where it has none.
local function bytes_of(event, name, folder)
  if event[name] then return event[name] end
  local coded = event[name .. "_base64"]
  if coded then return from_base64(coded) end
  local file = event[name .. "_file"]
  if not file then return nil end
  local path = file:sub(1, 1) == "/" and file or folder .. "/" .. file
  return require("perilune.core.sys").read_file(path)
end

local REFUSED = { unreachable = true, auth = true, hostkey = true }

-- What a result says the host would answer; nil for one that nobody waited for.
local function reply_of(event, folder)
  local outcome = event.outcome
  if outcome == "canceled" then return nil end
  if outcome == "timeout" or outcome == "idle" then return { hang = true } end
  if REFUSED[outcome] then
    return { refuse = outcome, phase = event.phase, seconds = event.seconds }
  end
  return { stdout = bytes_of(event, "stdout", folder), stderr = bytes_of(event, "stderr", folder),
    code = event.code, signal = event.signal, seconds = event.seconds,
    drop = outcome == "lost" or nil }
end

local function text_of(call)
  return call.command or call.argv and table.concat(call.argv, " ")
end

-- ---- what was answered -------------------------------------------------------------------------

---@class perilune.Recorded
---@field by_host table<string, table> text and host -> { replies, next = integer }
---@field by_text table<string, table>
---@field bare boolean its results have no output
local Recorded = {}
Recorded.__index = Recorded

local function add(into, key, reply)
  local list = into[key]
  if not list then
    list = { next = 1 }
    into[key] = list
  end
  list[#list + 1] = reply
end

local function take_result(self, event, text)
  local reply = text and reply_of(event, self.folder)
  if not reply then return end
  if (event.out or 0) > 0 and not reply.stdout and not reply.hang then self.bare = true end
  add(self.by_host, text .. "\0" .. event.host, reply)
  add(self.by_text, text, reply)
end

--- What a run was answered.
---@param events table[] of its journal
---@param folder string where it lies
---@return perilune.Recorded
function recorded.read(events, folder)
  local self = setmetatable({ by_host = {}, by_text = {}, folder = folder, bare = false }, Recorded)
  local texts = {}
  for _, event in ipairs(events) do
    if event.ev == "call" then
      texts[event.call] = event.kind == "exec" and text_of(event) or nil
    elseif event.ev == "result" then
      take_result(self, event, texts[event.call])
    end
  end
  return self
end

--- What a run that is on record was answered. Ends the verb when there is none of that name.
---@param word string the beginning of its id, "last", or its folder
---@return perilune.Recorded
function recorded.load(word)
  local history = require "perilune.history"
  local folder = word:find("/", 1, true) and word or history.find(word)
  local self = recorded.read(history.read(folder), folder)
  if self.bare then
    require("perilune.terminal").note("the record of %s lacks output of its commands: what it "
      .. "lacks is empty here", word)
  end
  return self
end

-- The next, and the last one again.
local function in_order(list)
  local i = math.min(list.next, #list)
  list.next = i + 1
  return list[i]
end

-- One after the other, and from the first again.
local function in_turn(list)
  local i = list.turn or 1
  list.turn = i % #list + 1
  return list[i]
end

--- What the host answers; nil where the run has nothing like it.
---@return table?
function Recorded:answer(host, cmd)
  local own = self.by_host[cmd .. "\0" .. host]
  if own then return in_order(own) end
  local any = self.by_text[cmd]
  return any and in_turn(any)
end

return recorded
