-- topo.lua - the machine: from a cluster file, a preset, or numbers.

local core = require "perilune.core.topo"

local topo = {}

--- The machine of a cluster file or preset. Nil and a message when there is none.
---@param name string "gb300-nvl72:racks=8", or a path
---@return userdata? topo
---@return string? message
function topo.load(name)
  local cluster, message = require("perilune.cluster").load(name)
  if not cluster then return nil, message end
  if not cluster.topo then
    return nil, ("cluster '%s' says nothing about GPUs: it needs gpus_per_host"):format(name)
  end
  return cluster.topo
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
