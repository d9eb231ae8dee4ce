-- terminal.lua - what a person sees on standard error and whether colour is welcome.

local sys = require "perilune.core.sys"

local terminal = {}

local prefix = "perilune"

--- Sets what notes begin with: "perilune: exec".
function terminal.set_verb(verb)
  prefix = verb and "perilune: " .. verb or "perilune"
end

-- While a person is asked for something nothing else is written: it would tear the question apart.
local asking = false
local held = {}

--- The question of another program (ssh-add) stands on the terminal, or no longer does.
---@param begins boolean
function terminal.set_asking(begins)
  if begins and sys.isatty(2) then io.stderr:write("\r\27[K") io.stderr:flush() end
  asking = begins
  if asking then return end
  for _, text in ipairs(held) do io.stderr:write(text) end
  held = {}
end

function terminal.is_asking() return asking end

-- Who writes instead of us: a line that is being typed must not be torn apart.
local writer

--- All that is told goes to `fn` from now on; nil: to standard error again.
---@param fn? fun(text: string)
function terminal.divert(fn)
  writer = fn
end

local function write(...)
  if writer then return writer(table.concat { ... }) end
  if asking then held[#held + 1] = table.concat { ... } else io.stderr:write(...) end
end

--- Text on standard error, as it is but for what a terminal would obey: that is shown, because a
--- host may have said some of it.
---@param text string
function terminal.tell(text)
  write(sys.visible(text))
end

--- The same for one line: a newline inside is shown too.
---@param line string without its newline
function terminal.tell_line(line)
  write(sys.visible(line, true), "\n")
end

--- One line on standard error, "perilune: exec: ...".
function terminal.note(fmt, ...)
  local text = select("#", ...) > 0 and fmt:format(...) or fmt
  terminal.tell_line(prefix .. ": " .. text)
end

--- Whether to colour what goes to descriptor fd: NO_COLOR, CLICOLOR_FORCE, else a terminal.
---@param fd integer
---@return boolean
function terminal.color(fd)
  local forced = sys.getenv("CLICOLOR_FORCE")
  local refused = sys.getenv("NO_COLOR")
  if refused and refused ~= "" then return false end
  if forced and forced ~= "" and forced ~= "0" then return true end
  return sys.isatty(fd) and sys.getenv("TERM") ~= "dumb"
end

--- Writes to standard output, waiting while nobody reads. A reader that went away ends the verb
--- quietly, as it does other programs. On a terminal what it would obey is shown, unless `raw`.
---@param text string
---@param raw? boolean
function terminal.print(text, raw)
  local ok, message = sys.write(1, not raw and sys.isatty(1) and sys.visible(text) or text)
  if ok then return end
  local errors = require "perilune.errors"
  if message:find("Broken pipe", 1, true) then errors.quiet(terminal.READER_LEFT) end
  errors.fail(2, "%s", message)
end

--- The exit status when nobody reads any more: that of SIGPIPE.
terminal.READER_LEFT = 141

--- Columns of the terminal, 80 when there is none.
function terminal.width()
  return sys.terminal_width() or 80
end

return terminal
