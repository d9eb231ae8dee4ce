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

-- C functions put the line of their caller in front of what they raise: here that is ours.
local function pass(ok, ...)
  if ok then return ... end
  local message = ...
  if type(message) ~= "string" then error(message, 0) end
  blame.raise("%s", (message:gsub("^perilune/[%w_]+%.lua:%d+: ", "")))
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
  if type(given) ~= "table" then
    blame.raise("%s: options are a table, not a %s", what, type(given))
  end
  local is_known = {}
  for _, key in ipairs(known) do is_known[key] = true end
  for key in pairs(given) do
    if not is_known[key] then
      blame.raise("%s has no '%s'%s", what, tostring(key),
        require("perilune.nearest").hint(tostring(key), known))
    end
  end
end

-- ---- objects that recipes get ----------------------------------------------------------------

local function is_a(value, class)
  local meta = type(value) == "table" and getmetatable(value) or nil
  while meta and meta ~= class do
    local parent = getmetatable(meta)
    meta = parent and parent.__index
  end
  return meta == class
end

--- Makes every method of `class` refuse what is no object of it: t.check(x) instead of t:check(x).
---@param class table complete; its metamethods are left alone
---@param name string how recipes call an object: "t"
function blame.guard_methods(class, name)
  for key, method in pairs(class) do
    if type(method) == "function" and not key:find("^__") then
      class[key] = function(self, ...)
        if not is_a(self, class) then
          blame.raise("%s.%s is a method: write %s:%s(...)", name, key, name, key)
        end
        return method(self, ...)
      end
    end
  end
end

-- The names of what `class` has, and of `fields`, sorted.
local function names_of(class, fields)
  local names = {}
  for _, name in ipairs(fields) do names[#names + 1] = name end
  for name in pairs(class) do
    if not name:find("^__") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- Raises for a field that an object of `class` does not have, suggesting the nearest; `fields` are
--- the names of those that are no methods.
---@param what string "t", "a host set"
function blame.unknown_field(what, key, class, fields)
  blame.raise("%s has no '%s'%s", what, tostring(key),
    require("perilune.nearest").hint(key, names_of(class, fields)))
end

--- The same where other fields may be: raises only for what is nearly one of the names.
function blame.misspelt_field(what, key, class, fields)
  if type(key) ~= "string" then return end
  for _, name in ipairs(fields) do
    if name == key then return end
  end
  if require("perilune.nearest").find(key, names_of(class, fields)) then
    blame.unknown_field(what, key, class, fields)
  end
end

return blame
