-- gather.lua - what hosts said, equal output together: --gather, and --diff, where all but the
-- largest group are shown as what makes them differ from it.
--
-- Each stream is folded by itself, however the commands ended: that is in the summary. Differences
-- are found by diff(1), one process for each group, a few at a time.

local sys = require "perilune.core.sys"
local terminal = require "perilune.terminal"

local gather = {}

local RULE = ("-"):rep(15)
local DIFFS_AT_ONCE = 4

local function with_newline(text)
  return text:sub(-1) == "\n" and text or text .. "\n"
end

local function label(group)
  local count = #group.hosts
  return group.hosts:fold() .. (count > 1 and (" (%d)"):format(count) or "")
end

local function block(group, text)
  return ("%s\n%s\n%s\n%s"):format(RULE, label(group), RULE, with_newline(text))
end

-- The blocks of one stream of folded groups.
local function blocks(groups, stream, bare)
  local out = {}
  for _, group in ipairs(groups) do
    local text = group[stream]
    if text and text ~= "" then
      out[#out + 1] = bare and with_newline(text) or block(group, text)
    end
  end
  return table.concat(out)
end

--- Folded groups as `exec --gather` prints them, standard output before standard error.
---@return string
function gather.text(groups)
  return blocks(groups, "stdout") .. blocks(groups, "stderr")
end

-- ---- differences ---------------------------------------------------------------------------

local RAN = { ok = true, exit = true, signal = true }

-- What is compared. Hosts whose command ran and wrote nothing differ from those that wrote; on
-- standard error silence is what one expects.
local function groups_to_compare(run, stream)
  local groups = {}
  for _, group in ipairs(run:fold { by = stream }) do
    if group[stream] ~= "" or (stream == "stdout" and RAN[group.outcome]) then
      groups[#groups + 1] = group
    end
  end
  return groups
end

-- A folder for the texts to compare; they are gone at its close.
local function open_folder()
  local folder = sys.mkdtemp((sys.getenv("TMPDIR") or "/tmp") .. "/perilune-diff.")
  if not folder then return nil end
  return setmetatable({ path = folder, files = {} }, { __close = function(self)
    for _, file in ipairs(self.files) do sys.unlink(file) end
    sys.rmdir(folder)
  end })
end

-- The file that holds the text of a group: where it was parked, else one made for it.
local function file_of(folder, group, stream)
  if group[stream .. "_path"] then return group[stream .. "_path"] end
  local file = ("%s/%d"):format(folder.path, #folder.files + 1)
  folder.files[#folder.files + 1] = file
  return sys.write_file(file, group[stream], 384) and file
end

-- Runs diff(1) of the first group against each other one: a run of the local transport, nil when
-- the texts could not be written.
local function compare(folder, groups, stream)
  local first, tasks = file_of(folder, groups[1], stream), {}
  for i = 2, #groups do
    local file = first and file_of(folder, groups[i], stream)
    if not file then return nil end
    tasks[i - 1] = { host = "diff", index = i, argv = { "diff", "-u", first, file } }
  end
  local run = require("perilune.core.run").start { id = "diff", tasks = tasks,
    transport = require("perilune.core.transport")["local"](), fanout = DIFFS_AT_ONCE,
    env = { LC_ALL = "C" } }
  return run and run:wait()
end

-- The block of a group from what diff said, whose first two lines name its files.
local function difference(first, group, said)
  return ("%s\n%s\n%s\n--- %s\n+++ %s\n%s"):format(RULE, label(group), RULE, first.hosts:fold(),
    group.hosts:fold(), with_newline(said:gsub("^%-%-%-[^\n]*\n%+%+%+[^\n]*\n", "")))
end

local function compared_blocks(groups, run, stream)
  local out, whole = { block(groups[1], groups[1][stream]) }, false
  for i = 2, #groups do
    local result = run and run:result(i - 1)
    if result and result.code == 1 then
      out[i] = difference(groups[1], groups[i], result.stdout)
    else
      out[i], whole = block(groups[i], groups[i][stream]), true
    end
  end
  if whole then terminal.note("diff(1) could not be run: output is shown as it is") end
  return table.concat(out)
end

-- The largest group with output comes first; the others differ from it.
local function largest_first(groups, stream)
  for i, group in ipairs(groups) do
    if group[stream] ~= "" then
      table.insert(groups, 1, table.remove(groups, i))
      return groups
    end
  end
  return {}
end

local function diff_text(run, stream)
  local groups = largest_first(groups_to_compare(run, stream), stream)
  if #groups < 2 then return blocks(groups, stream), groups end
  local folder <close> = open_folder()
  return compared_blocks(groups, folder and compare(folder, groups, stream), stream), groups
end

-- ---- printing ------------------------------------------------------------------------------

-- What hosts wrote to standard error: other than notes of ours it is data when nobody looks.
local function print_errors(text, raw)
  if raw or not sys.isatty(2) then
    io.stderr:write(text)
  else
    terminal.tell(text)
  end
end

local function note_truncated(groups, stream)
  for _, group in ipairs(groups) do
    local path = group[stream .. "_path"]
    if path or (group.truncated and stream == "stdout" and not group.stderr_path) then
      terminal.note("%s: output exceeded memory; all of it: %s", group.hosts:fold(),
        path or "dropped")
    end
  end
end

local function stream_text(run, stream, o)
  if o.diff then return diff_text(run, stream) end
  local groups = run:fold { by = stream }
  return blocks(groups, stream, o.no_prefix), groups
end

--- Prints what the hosts of a run that has ended said.
---@param o table values of the OUTPUT options: diff, no_prefix, raw
function gather.print(run, o)
  local text, groups = stream_text(run, "stdout", o)
  local errors, error_groups = stream_text(run, "stderr", o)
  terminal.print(text, o.raw)
  print_errors(errors, o.raw)
  note_truncated(groups, "stdout")
  note_truncated(error_groups, "stderr")
end

return gather
