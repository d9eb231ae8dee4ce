-- errors.lua - the two ways in which a verb gives up, as values that the command line understands.
--
-- Both are tables with a kind, as the cancel error of the scheduler (kind "cancel") is:
--   usage   the person asked for something that cannot be; exit status 2 and a pointer to --help
--   fail    the world said no; one line and a status
--   quiet   there is nobody to tell; a status
-- Anything else that is raised is a mistake of ours and is printed with its traceback.

local errors = {}

local Error = { __tostring = function(e) return e.message end }

local function raise(kind, status, fmt, ...)
  local message = select("#", ...) > 0 and fmt:format(...) or fmt
  error(setmetatable({ kind = kind, status = status, message = message }, Error), 0)
end

--- Ends the verb with exit status 2 and "see 'perilune VERB --help'".
function errors.usage(fmt, ...)
  raise("usage", 2, fmt, ...)
end

--- Ends the verb with `status` and one line.
---@param status integer
function errors.fail(status, fmt, ...)
  raise("fail", status, fmt, ...)
end

--- Ends the verb with `status` and no word: whoever read the output has left.
---@param status integer
function errors.quiet(status)
  raise("quiet", status, "")
end

--- The value, or a usage error from the message that came with nil.
function errors.checked(value, message)
  if value == nil then errors.usage(message) end
  return value
end

--- An error value as people should read it: Lua does not say where a value was too large.
function errors.told(e)
  if e ~= "not enough memory" then return e end
  local where = require("perilune.core.sched").out_of_memory()
  return ("%sout of memory: one value was too large for --max-memory"):format(
    where and where .. ": " or "")
end

--- Any error value as text: its message, what it prints as, or what it is.
---@return string
function errors.text(e)
  if type(e) ~= "table" then return tostring(e) end
  if type(e.message) == "string" then return e.message end
  local meta = getmetatable(e)
  local ok, text = pcall(tostring, meta and meta.__tostring and e or "an error that is a table")
  return ok and text or "an error that cannot be printed"
end

--- The kind of an error value: "usage", "fail", "cancel", ... or nil.
function errors.kind(e)
  return type(e) == "table" and e.kind or nil
end

return errors
