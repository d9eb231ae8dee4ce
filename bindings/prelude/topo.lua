-- topo.lua - the machine: from a cluster file, a preset, files of other programs, or numbers.

local core = require "perilune.core.topo"

local topo = {}

local function from_cluster(name)
  local cluster, message = require("perilune.cluster").load(name)
  if not cluster then return nil, message end
  if not cluster.topo then
    return nil, ("cluster '%s' says nothing about GPUs: it needs gpus_per_host"):format(name)
  end
  local record = { facts = cluster.facts, inventory = cluster.inventory }
  return cluster.topo, cluster.notes or {}, cluster, record
end

local function from_files(files, opts)
  local made, notes, facts = require("perilune.survey").load(files, opts)
  if not made then return nil, notes end
  return made, notes, nil, topo.record(facts)
end

-- The files of other programs that a word names; nil where it names a cluster.
local function sources(name, opts)
  local survey = require "perilune.survey"
  local files = not name:find("%.lua$") and survey.files(name)
  if not files then return nil end
  if opts.format or #files > 1 or survey.recognises(files[1]) then return files end
  return not require("perilune.shelf").is_path(name) and files or nil
end

--- The machine of a cluster file, a preset, or files that other programs write (survey.lua), and
--- notes on what was found there. Nil and a message when there is none.
---@param name string "gb300-nvl72:racks=8", a path, or several joined by commas
---@param opts? perilune.SurveyOptions
---@return userdata? topo
---@return string[]|string notes or the message
---@return table? cluster when it is one
---@return perilune.TopoRecord? record
function topo.load(name, opts)
  local files = sources(name, opts or {})
  if files then return from_files(files, opts) end
  return from_cluster(name)
end

---@class perilune.TopoRecord what a machine file keeps besides the machine
---@field facts? perilune.Provenance[] who told what, and when
---@field inventory? perilune.InventoryEntry[] what stood where

--- What a machine file keeps of a survey.
---@param facts table of survey.machine
---@return perilune.TopoRecord
function topo.record(facts)
  return { facts = facts.told, inventory = require("perilune.inventory").of(facts) }
end

--- A machine from numbers alone, from the GPU outwards. Nil and a message when they make none.
---@param tree string "4:18:7:20"
---@param distance string "1:3:10:30"
---@return userdata? topo
---@return string? message
function topo.tree(tree, distance)
  local ok, made, message = pcall(core.tree, tree, distance)
  if not ok then return nil, tostring(made) end
  return made, message
end

--- A machine from a table: see lua_topo.c. Raises when it cannot be.
topo.new = core.new

return topo
