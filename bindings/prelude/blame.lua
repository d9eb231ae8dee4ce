-- blame.lua - misuse is raised with the line of whoever called the prelude, not with ours.

local blame = {}

-- Every chunk of the prelude is named like this one.
local PRELUDE = debug.getinfo(1, "S").source:match("^(.*)blame")
local DEPTH_MAX = 100

local function is_ours(source)
  return source:sub(1, #PRELUDE) == PRELUDE
end

--- "recipe.lua:12" of the innermost caller outside the prelude; "?" when there is none.
---@return string
function blame.position()
  for level = 2, DEPTH_MAX do
    local info = debug.getinfo(level, "Sl")
    if not info then break end
    if info.what ~= "C" and not is_ours(info.source) then
      return ("%s:%d"):format(info.short_src, info.currentline)
    end
  end
  return "?"
end

--- Raises the sentence with that position in front.
function blame.raise(fmt, ...)
  local message = select("#", ...) > 0 and fmt:format(...) or fmt
  error(("%s: %s"):format(blame.position(), message), 0)
end

local function pass(ok, ...)
  if ok then return ... end
  local message = ...
  if type(message) ~= "string" then error(message, 0) end
  blame.raise("%s", message)
end

--- Calls fn; a sentence that it raises without a position gets the caller's. fn may not wait.
function blame.call(fn, ...)
  return pass(pcall(fn, ...))
end

--- For what is promised and not built.
function blame.not_yet(what)
  blame.raise("%s is not in this version", what)
end

--- Raises for keys of `given` that are not in the array `known`, suggesting the nearest.
---@param what string "a recipe", "t:launch"
---@param given table
---@param known string[]
function blame.check_keys(what, given, known)
  local is_known = {}
  for _, key in ipairs(known) do is_known[key] = true end
  for key in pairs(given) do
    if not is_known[key] then
      blame.raise("%s has no '%s'%s", what, tostring(key),
        require("perilune.nearest").hint(tostring(key), known))
    end
  end
end

return blame
