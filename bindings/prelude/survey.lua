-- survey.lua - machines from files of other programs: Slurm's topology, ibnetdiscover and more.
--
-- Several files make one machine: each adds what it knows. What contradicts, is broken or was taken
-- otherwise than written comes back as notes, sentences for a person.

local core = require "perilune.core.survey"

local survey = {}

local MAX_BYTES = 256 << 20

local function sys() return require "perilune.core.sys" end

--- The formats that can be read: { name, about }.
---@return { name: string, about: string }[]
survey.formats = core.formats

-- A pipe, as in <(scontrol show topology), can be read once: what was looked at is kept for import.
local looked_at = {}

local function text_of(path)
  local text = looked_at[path]
  looked_at[path] = nil
  if text then return text end
  return sys().read_file(path == "-" and "/dev/stdin" or path, MAX_BYTES)
end

local function is_file(path)
  local found = sys().stat(path)
  return path == "-" or (found and found.type ~= "dir") or false
end

--- The files that a word names: one, or several joined by commas; nil where it names none. "-" is
--- standard input.
---@param word string
---@return string[]?
function survey.files(word)
  if is_file(word) then return { word } end
  local list = {}
  for part in (word .. ","):gmatch("(.-),") do
    if not is_file(part) then return nil end
    list[#list + 1] = part
  end
  return list
end

--- True when a file looks to be of one of the formats, or is at least no Lua, as a cluster file is.
---@param path string
---@return boolean
function survey.recognises(path)
  local text = text_of(path)
  looked_at[path] = text
  return text ~= nil and (core.recognise(text) ~= nil or load(text, "=", "t", {}) == nil)
end

-- Formats that describe one host do not name it: the file's name does, "r001t01.xml".
local function host_of(path)
  return path:match("([^/]+)$"):match("^[^.]+")
end

local function import(s, path, format)
  local text, message = text_of(path)
  if not text then return nil, message end
  local found = sys().stat(path)
  return s:import(text, {
    name = path == "-" and "standard input" or path, host = host_of(path), format = format,
    taken_at = found and found.type == "file" and math.floor(found.mtime) or 0,
  })
end

---@class perilune.SurveyOptions
---@field format? string of every file; recognised by content where it is left out
---@field gpus_per_host? integer where no file tells

--- The machine that files describe, and notes. Nil and a message when they make none.
---@param paths string[]
---@param opts? perilune.SurveyOptions
---@return userdata? topo
---@return string[]|string notes or the message
function survey.load(paths, opts)
  local _ = require "perilune.core.topo" -- what it makes is of that class
  local s = core.new()
  opts = opts or {}
  for _, path in ipairs(paths) do
    local ok, message = import(s, path, opts.format)
    if not ok then return nil, message end
  end
  local topo, message = s:topo(opts.gpus_per_host or 0)
  if not topo then return nil, message end
  return topo, s:notes()
end

return survey
