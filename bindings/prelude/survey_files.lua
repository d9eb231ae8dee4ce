-- survey_files.lua - the files that a word of the command line names, and the host each is of.
--
-- Many formats describe one host without naming it: the file's name does (r001t01.xml), or the
-- word, HOST=FILE; smi/%h.xml is every file of that form, with its host where %h stands; a folder
-- is what `exec --outdir` filled, HOST.out of each host.

local survey_files = {}

---@class perilune.SurveyFile
---@field path string "-" is standard input
---@field host? string that it was taken on

local function sys() return require "perilune.core.sys" end

local function kind_of(path)
  local found = sys().stat(path)
  return found and found.type
end

local function is_file(path)
  local kind = kind_of(path)
  return path == "-" or (kind ~= nil and kind ~= "dir")
end

-- The host that a file is called by: up to the first dot, but whole where it is an address.
local function host_of(path)
  local base = path:match "([^/]+)$"
  return base:match "^%d+%.%d+%.%d+%.%d+" or base:match "^[^.]+"
end

local function plain(text) return (text:gsub("%p", "%%%0")) end

-- The files of a form with %h in one of its parts: smi/%h.xml, out/%h/nvidia-smi.xml.
local function matching(form)
  local folder, before, after, rest = form:match "^(.-)([^/]*)%%h([^/]*)(.*)$"
  local names = sys().readdir(folder == "" and "." or folder)
  local found, pattern = {}, "^" .. plain(before) .. "(.+)" .. plain(after) .. "$"
  for _, name in ipairs(names or {}) do
    local host, path = name:match(pattern), folder .. name .. rest
    if host and is_file(path) then found[#found + 1] = { path = path, host = host } end
  end
  return found
end

-- Whatever wrote nothing there is left out: the command failed, and said so when it ran.
local function written(files)
  local found = {}
  for _, file in ipairs(files) do
    if sys().stat(file.path).size > 0 then found[#found + 1] = file end
  end
  return found
end

-- The files that one word names; nil where it names none.
local function of_word(word)
  if is_file(word) then return { { path = word, host = host_of(word) } } end
  local host, path = word:match "^([^=:/%%]+)=(.+)$"
  if host and is_file(path) then return { { path = path, host = host } } end
  local found = {}
  if word:find("%h", 1, true) then
    found = matching(word)
  elseif word:find("/", 1, true) and kind_of(word) == "dir" then
    found = written(matching(word:gsub("/*$", "") .. "/%h.out"))
  end
  return found[1] and found
end

--- The files that a word names, or several joined by commas; nil where it names none.
---@param word string
---@return perilune.SurveyFile[]?
function survey_files.find(word)
  local list = of_word(word)
  if list then return list end
  list = {}
  for part in (word .. ","):gmatch "(.-)," do
    local files = of_word(part)
    if not files then return nil end
    table.move(files, 1, #files, #list + 1, list)
  end
  return list
end

--- Files of paths alone, as a cluster file names them.
---@param paths string[]
---@return perilune.SurveyFile[]
function survey_files.of_paths(paths)
  local list = {}
  for i, path in ipairs(paths) do list[i] = { path = path, host = host_of(path) } end
  return list
end

return survey_files
