-- scriptfile.lua - a script of this machine as a command for hosts: --script.
--
-- The text travels on standard input, so that no list of processes shows it and its size has no
-- limit. A shell reads it into itself and needs no writable folder there. Any other interpreter
-- needs a file: it is made in the first folder that allows it, for us alone, and goes when the
-- script ends. One line each, without quotes of their own kind: csh has no word with a newline.

local errors = require "perilune.errors"
local files = require "perilune.files"

local scriptfile = {}

local SHELLS = { sh = true, bash = true, dash = true, ash = true, ksh = true, mksh = true,
                 zsh = true, busybox = true }

-- The script's own words are "$@"; `exit`, "$0" and line numbers are those of the script.
local READ_AND_EVAL = 'perilune_text=$(cat; echo .) && exec </dev/null && '
  .. 'eval "unset perilune_text; ${perilune_text%.}"'

-- $1 is the number of the interpreter's words that follow.
local FILE_AND_RUN = 'umask 077; f=; for d in "${TMPDIR:-/tmp}" "$XDG_RUNTIME_DIR" /var/tmp '
  .. '/dev/shm "$HOME" .; do [ -n "$d" ] && f=$(mktemp "$d/perilune.XXXXXX" 2>/dev/null) && break; '
  .. 'f=; done; [ -n "$f" ] || { echo "perilune: no folder to put the script into: tried TMPDIR, '
  .. '/tmp, /var/tmp, /dev/shm and HOME" >&2; exit 126; }; trap "rm -f \\"\\$f\\"" EXIT; '
  .. 'trap "exit 129" HUP; trap "exit 130" INT; trap "exit 143" TERM; '
  .. 'cat >"$f" || exit 126; chmod 700 "$f"; n=$1; shift; case $n in 0) "$f" "$@" </dev/null ;; '
  .. '1) a=$1; shift; "$a" "$f" "$@" </dev/null ;; '
  .. '*) a=$1 b=$2; shift 2; "$a" "$b" "$f" "$@" </dev/null ;; esac'

-- The interpreter that the first line names and the rest of that line, which is one word, as
-- execve(2) takes it; nil without such a line.
local function first_line(text)
  local line = text:match("^#![ \t]*([^\n]*)")
  if not line then return nil end
  local carriage = line:sub(-1) == "\r"
  line = line:gsub("[ \t\r]+$", "")
  local interpreter, rest = line:match("^([^ \t]+)[ \t]*(.*)$")
  return interpreter, rest ~= "" and rest or nil, carriage
end

-- The words that run a shell as the first line asks, nil when it is none.
local function shell_words(interpreter, rest)
  local name = interpreter:match("[^/]*$")
  if name == "env" and rest and not rest:find("[ \t=-]") then
    interpreter, name, rest = rest, rest, nil
  end
  if not SHELLS[name] or name == "busybox" and rest ~= "sh" then return nil end
  if rest and name ~= "busybox" and not rest:find("^[-+]%a+$") then return nil end
  return { interpreter, rest }
end

local function append(words, more)
  table.move(more, 1, #more, #words + 1, words)
  return words
end

local function refuse_dos_lines(path)
  errors.usage("--script: %s has lines that end in carriage return and newline, which shells take "
    .. "for part of the words; sed -i 's/\\r$//' %s makes it right", path, path)
end

--- The words and the standard input that run the script `path` with `args` there. Ends the verb
--- when it cannot be read.
---@param path string
---@param args string[]
---@return string[] argv
---@return string stdin
function scriptfile.command(path, args)
  local text, message = files.read(path)
  if not text then errors.usage("--script: %s", message) end
  local name = path:match("[^/]*$")
  local interpreter, rest, dos = first_line(text)
  local is_text = not text:find("\0", 1, true)
  local shell = is_text and shell_words(interpreter or "sh", rest)
  if shell then
    if dos or text:match("^[^\n]*\r\n") then refuse_dos_lines(path) end
    return append(append(shell, { "-c", READ_AND_EVAL, name }), args), text
  end
  local words = interpreter and { interpreter, rest } or {}
  local argv = { "sh", "-c", FILE_AND_RUN, name, ("%d"):format(#words) }
  return append(append(argv, words), args), text
end

return scriptfile
