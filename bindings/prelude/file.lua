-- file.lua - files of the controller, for recipes. A file that is not as it should be is the
-- world's fault: nil and a sentence, never a raise. Reads and writes hold up what else runs: keep
-- them to configuration and results, not to data sets.

local blame = require "perilune.blame"
local sys = require "perilune.core.sys"

local file = {}

local PRIVATE = 448 -- 0700

local function check(what, path)
  if type(path) ~= "string" or path == "" then blame.raise("%s needs the name of a file", what) end
end

--- All bytes of a file.
---@param path string
---@return string? bytes
---@return string? message
function file.read(path)
  check("file.read", path)
  return sys.read_file(path)
end

--- The lines of a file, without their ends.
---@param path string
---@return string[]? lines
---@return string? message
function file.lines(path)
  check("file.lines", path)
  local text, message = sys.read_file(path)
  if not text then return nil, message end
  local lines = {}
  for line in text:gsub("\r?\n$", ""):gmatch("([^\n]*)\n?") do lines[#lines + 1] = line end
  if lines[#lines] == "" then lines[#lines] = nil end
  return lines
end

--- Writes a file, all of it or nothing, in place of one that is there.
---@param path string
---@param bytes string
---@return true? ok
---@return string? message
function file.write(path, bytes)
  check("file.write", path)
  if type(bytes) ~= "string" then
    blame.raise("file.write '%s' needs a string, not a %s", path, type(bytes))
  end
  return sys.write_file(path, bytes, 420) -- 0644
end

--- "file", "dir", ... of what is there; nil when nothing is.
---@param path string
---@return string?
function file.kind(path)
  check("file.kind", path)
  local stat = sys.stat(path)
  return stat and stat.type
end

--- Bytes of a file.
---@param path string
---@return integer? bytes
---@return string? message
function file.size(path)
  check("file.size", path)
  local stat, message = sys.stat(path)
  return stat and stat.size, message
end

--- The names in a folder, sorted.
---@param path string
---@return string[]? names
---@return string? message
function file.list(path)
  check("file.list", path)
  local names, message = sys.readdir(path)
  if names then table.sort(names) end
  return names, message
end

--- Makes a folder and those above it; one that is there is fine.
---@param path string
---@return true? ok
---@return string? message
function file.make_dir(path)
  check("file.make_dir", path)
  return sys.mkdir(path, PRIVATE, true)
end

--- Removes a file.
---@param path string
---@return true? ok
---@return string? message
function file.remove(path)
  check("file.remove", path)
  return sys.unlink(path)
end

--- The SHA-256 of a file's bytes, in hexadecimal.
---@param path string
---@return string? digest
---@return string? message
function file.sha256(path)
  check("file.sha256", path)
  return sys.sha256_file(path)
end

return file
