-- files.lua - files of this machine that verbs read and write.

local sys = require "perilune.core.sys"

local files = {}

local STDIN_MAX = 1 << 30

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

--- All of standard input, read before anything is started.
---@return string
function files.read_stdin()
  local text, message = sys.read_file("/dev/stdin", STDIN_MAX)
  if not text then require("perilune.errors").fail(2, "standard input: %s", message) end
  return text
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
