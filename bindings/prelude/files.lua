-- files.lua - files of this machine that verbs read and write.

local sys = require "perilune.core.sys"

local files = {}

--- The text of a file; nil and a message.
---@param path string
---@return string? text
---@return string? message
function files.read(path)
  return sys.read_file(path)
end

--- Writes a file, all of it or nothing; nil and a message.
---@param path string
---@param text string
---@return true? ok
---@return string? message
function files.write(path, text)
  return sys.write_file(path, text, 420) -- 0644
end

--- True when a file can be written there; makes it, empty, when it is not there.
---@param path string
---@return true? ok
---@return string? message
function files.writable(path)
  local file, message = io.open(path, "a")
  if not file then return nil, message end
  file:close()
  return true
end

--- Gives a file another name, in place of one that has it; nil and a message.
---@return true? ok
---@return string? message
function files.rename(from, to)
  return sys.rename(from, to)
end

local Feeder = {}
Feeder.__index = Feeder

-- The commands have ended, whether or not our input has.
function Feeder:__close()
  self.task:cancel()
  self.task:join()
end

local function feed(run)
  local bytes = sys.read(0)
  while bytes and bytes ~= "" and run:write(bytes) do bytes = sys.read(0) end
  run:close_stdin()
end

--- Copies standard input to every task of a run (started with stdin = true) as it comes, until it
--- is closed.
---@return table closeable
function files.feed_stdin(run)
  return setmetatable({ task = require("perilune.core.sched").spawn(feed, run) }, Feeder)
end

--- What a path names: "file", "dir", ...; nil and a message.
---@return string? type
---@return string? message
function files.kind(path)
  local found, message = sys.stat(path)
  if not found then return nil, message end
  return found.type
end

return files
