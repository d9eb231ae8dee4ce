-- nearest.lua - "did you mean": the known name closest to a mistyped one.

local boot = require "perilune.core.boot"

local nearest = {}

--- The entry of `names` closest to `word`; nil when none is near. The same rule everywhere: see
--- core/base/nearest.h.
---@param word any
---@param names string[]
---@return string?
function nearest.find(word, names)
  return boot.nearest(tostring(word), names)
end

--- " (did you mean 'x'?)", or "" when nothing is near.
---@param word any
---@param names string[]
---@return string
function nearest.hint(word, names)
  local name = nearest.find(word, names)
  return name and (" (did you mean '%s'?)"):format(name) or ""
end

return setmetatable(nearest, {
  __call = function(_, word, names) return nearest.find(word, names) end,
})
