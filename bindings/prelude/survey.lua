-- survey.lua - machines from files of other programs: Slurm's topology, ibnetdiscover and more.
--
-- Several files make one machine: each adds what it knows. What contradicts, is broken or was taken
-- otherwise than written comes back as notes, sentences for a person.

local core = require "perilune.core.survey"
local files = require "perilune.survey_files"
local provenance = require "perilune.provenance"

local survey = {}

local MAX_BYTES = 256 << 20

local function sys() return require "perilune.core.sys" end

--- The formats that can be read: { name, about }.
---@return { name: string, about: string }[]
survey.formats = core.formats

--- The files that a word names, nil where it names none; see survey_files.lua.
---@type fun(word: string): perilune.SurveyFile[]?
survey.files = files.find

-- A pipe, as in <(scontrol show topology), can be read once: what was looked at is kept for import.
local looked_at = {}

local function text_of(path)
  local text = looked_at[path]
  looked_at[path] = nil
  if text then return text end
  return sys().read_file(path == "-" and "/dev/stdin" or path, MAX_BYTES)
end

--- True when a file looks to be of one of the formats, or is at least no Lua, as a cluster file is.
---@param file perilune.SurveyFile
---@return boolean
function survey.recognises(file)
  local text = text_of(file.path)
  looked_at[file.path] = text
  return text ~= nil and (core.recognise(text) ~= nil or load(text, "=", "t", {}) == nil)
end

local function import(s, file, format)
  local text, message = text_of(file.path)
  if not text then return nil, message end
  local found = sys().stat(file.path)
  return s:import(text, {
    name = file.path == "-" and "standard input" or file.path, host = file.host, format = format,
    taken_at = found and found.type == "file" and math.floor(found.mtime) or 0,
  })
end

---@class perilune.SurveyOptions
---@field format? string of every file; recognised by content where it is left out
---@field gpus_per_host? integer where no file tells

--- The machine of a survey to which everything was imported, its notes, and who told what. Nil and
--- a message when there is none.
---@param s userdata a survey
---@param gpus_per_host? integer
---@return userdata? topo
---@return string[]|string notes or the message
---@return table? facts
function survey.machine(s, gpus_per_host)
  local _ = require "perilune.core.topo" -- what it makes is of that class
  local topo, message = s:topo(gpus_per_host or 0)
  if not topo then return nil, message end
  local notes, facts = s:notes(), s:facts()
  facts.told = provenance.fold(facts)
  topo:set_source(provenance.text(facts.told) .. provenance.guesses(facts, gpus_per_host))
  notes[#notes + 1] = provenance.warning(facts.told)
  return topo, notes, facts
end

--- The machine that files describe, and notes. Nil and a message when they make none.
---@param list perilune.SurveyFile[]|string[]
---@param opts? perilune.SurveyOptions
---@return userdata? topo
---@return string[]|string notes or the message
---@return table? facts who told what (survey:facts() of the core)
function survey.load(list, opts)
  local s = core.new()
  opts = opts or {}
  if type(list[1]) == "string" then list = files.of_paths(list) end
  for _, file in ipairs(list) do
    local ok, message = import(s, file, opts.format)
    if not ok then return nil, message end
  end
  return survey.machine(s, opts.gpus_per_host)
end

return survey
