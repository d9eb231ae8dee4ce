-- retelling.lua - what a run said and what its commands wrote, from the events of its journal.

local retelling = {}

---@class perilune.Retelling
---@field several boolean the run has several points: they are announced
local Retelling = {}
Retelling.__index = Retelling

---@param folder string of the run
---@return perilune.Retelling
function retelling.new(folder)
  return setmetatable({ folder = folder, noted = {}, nth = {} }, Retelling)
end

-- ---- what was said -------------------------------------------------------------------------

local said = {}

function said.begin(self, event)
  self.head, self.several = event, (event.points or 1) > 1
  for i, index in ipairs(event.chosen or {}) do self.nth[index] = i end
end

function said.point(self, event)
  if not self.several then return nil end
  return ("point %d of %d: %s"):format(self.nth[event.point] or event.point, self.head.points,
    event.name)
end

function said.point_end(self, event)
  if not self.several or not event.entry then return nil end
  return require("perilune.report_text").point(event.entry)
end

function said.check(_, event)
  return ("check failed: %s (%s)"):format(event.text, event.where or "?")
end

-- Repeats note the same again: it is said once.
function said.note(self, event)
  if self.noted[event.text] then return nil end
  self.noted[event.text] = true
  return event.text
end

function said.print(_, event)
  return event.text
end

function said.interrupt(_, event)
  if event.point then return nil end
  return event.by and "canceled by " .. event.by or "interrupted"
end

function said.diverged(_, event)
  return ("%s: the rest of point %d runs anew"):format(event.where or "?", event.point)
end

function said.resume()
  return "resumed"
end

--- The text that an event stands for, as the run said it, without a newline at its end; nil when
--- it stands for none.
---@param event table
---@return string?
function Retelling:said(event)
  local tell = said[event.ev]
  return tell and tell(self, event)
end

-- ---- what commands wrote -------------------------------------------------------------------

local DIGITS = {}
for i = 1, 64 do
  DIGITS[("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):byte(i)] = i - 1
end

local function from_base64(text)
  local out = {}
  for four in text:gmatch "...." do
    local bits, pad = 0, 0
    for i = 1, 4 do
      local digit = DIGITS[four:byte(i)]
      bits = bits << 6 | (digit or 0)
      pad = pad + (digit and 0 or 1)
    end
    out[#out + 1] = string.pack(">I3", bits):sub(1, 3 - pad)
  end
  return table.concat(out)
end

local function read_whole(path)
  local file, message = io.open(path, "rb")
  if not file then return ("(%s)\n"):format(message) end
  local text = file:read "a"
  file:close()
  return text
end

-- The bytes of "stdout" or "stderr" of a result: in its line, else in a file that it names.
function Retelling:bytes(event, stream)
  if event[stream] then return event[stream] end
  if event[stream .. "_base64"] then return from_base64(event[stream .. "_base64"]) end
  local path = event[stream .. "_file"] or event[stream == "stdout" and "out_path" or "err_path"]
  if not path then return "" end
  return read_whole(path:sub(1, 1) == "/" and path or self.folder .. "/" .. path)
end

-- "exit 3"; "unreachable: connection refused"; nil when it went well.
local function failure(event)
  if event.outcome == "ok" then return nil end
  if event.code then return ("%s %d"):format(event.outcome, event.code) end
  if event.signal then return ("%s %s"):format(event.outcome, event.signal) end
  return event.why and ("%s: %s"):format(event.outcome, event.why) or event.outcome
end

local function add_lines(out, prefix, text)
  for line in text:gmatch "([^\n]*)\n?" do out[#out + 1] = prefix .. line end
  if out[#out] == prefix then out[#out] = nil end -- after the last newline
end

-- Those of one rank have no prefix; else each line says its host.
function Retelling:result_lines(event, plain)
  local out, prefix = {}, plain and "" or event.host .. ": "
  for _, stream in ipairs { "stdout", "stderr" } do
    add_lines(out, prefix, self:bytes(event, stream))
  end
  local why = failure(event)
  if why then out[#out + 1] = ("%s: (%s)"):format(event.host, why) end
  return out
end

-- The calls of launches: their tasks are ranks.
function Retelling:note_launch(event)
  if event.ev == "launch" then
    self.ranks = event.ranks
  elseif event.ev == "call" and self.ranks == event.tasks then
    self.launched, self.ranks = self.launched or {}, nil
    self.launched[event.call] = true
  end
end

--- Lines of the output of one rank of launches that an event holds.
---@param event table
---@param rank integer
---@return string[]
function Retelling:rank_lines(event, rank)
  self:note_launch(event)
  if event.ev ~= "result" or not (self.launched or {})[event.call] or event.task ~= rank + 1 then
    return {}
  end
  return self:result_lines(event, true)
end

--- All lines that an event stands for: what was said, which commands began, what they wrote.
---@param event table
---@return string[]
function Retelling:lines(event)
  if event.ev == "result" then return self:result_lines(event) end
  if event.ev == "call" then
    local words = event.argv and table.concat(event.argv, " ") or event.command or event.kind
    return { ("[call %d on %s] %s"):format(event.call, event.hosts, (words:gsub("%s+", " "))) }
  end
  if event.ev == "step" then return { ("[step %s]"):format(event.name) } end
  local out, text = {}, self:said(event)
  if text then add_lines(out, "", text) end
  return out
end

return retelling
