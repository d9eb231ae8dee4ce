-- copy.lua - copies to and from hosts, as the verbs and the methods of host sets both make them:
-- what the paths mean. What only the verbs do is in copy_verb.lua.

local files = require "perilune.files"

local copy = {}

-- True when a host's name will stand in the path.
local function names_host(path)
  return path:gsub("%%%%", ""):find("%h", 1, true) ~= nil
end

-- A folder of this machine, links to one included.
local function is_folder(path)
  return files.kind(path) == "dir"
end

local function into_folder(sources, dst)
  return #sources > 1 or dst:sub(-1) == "/"
end

--- The copies that bring local files and folders to hosts; nil and what is wrong.
---@param sources string[]
---@param dst string there: itself, or a folder that they go into
---@param opts { keep_times: boolean? }
---@return table[]? specs for fanout.start, without hosts
---@return string? message
function copy.to_hosts(sources, dst, opts)
  local specs = {}
  for i, source in ipairs(sources) do
    local kind, message = files.kind(source)
    if not kind then return nil, message end
    if kind ~= "file" and kind ~= "dir" then
      return nil, ("%s is neither a file nor a folder"):format(source)
    end
    specs[i] = { kind = "put", local_path = source, remote_path = dst,
      into_folder = into_folder(sources, dst), keep_times = opts.keep_times }
  end
  return specs
end

-- Several hosts must not write the same file.
local function check_target(sources, dst, count)
  if names_host(dst) then return true end
  if is_folder(dst) then return true end
  if into_folder(sources, dst) then return nil, ("%s: there is no such folder"):format(dst) end
  if count > 1 then
    return nil, ("%d hosts cannot all be copied to %s: put %%h into it, which becomes the host, or "
      .. "name a folder, where each gets '.HOST' after its name"):format(count, dst)
  end
  return true
end

--- The copies that bring files, folders or what patterns match from hosts; nil and what is wrong.
---@param sources string[]
---@param dst string here; "%h" is the host
---@param count integer how many hosts
---@param opts { keep_times: boolean? }
---@return table[]? specs
---@return string? message
function copy.from_hosts(sources, dst, count, opts)
  local ok, message = check_target(sources, dst, count)
  if not ok then return nil, message end
  local specs = {}
  for i, source in ipairs(sources) do
    if source == "" then return nil, "a path to copy from cannot be empty" end
    specs[i] = { kind = "get", local_path = dst, remote_path = source,
      into_folder = into_folder(sources, dst), name_host = not names_host(dst),
      keep_times = opts.keep_times }
  end
  return specs
end

return copy
