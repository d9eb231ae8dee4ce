-- copy.lua - copies to and from hosts, as the verbs and the methods of host sets both make them:
-- what the paths mean, and the runs that come of it.

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

--- Makes copies one after the other, for a verb.
---@param on perilune.Fleet
---@param record perilune.Session
---@param o table values of the verb's options
---@param specs table[]
---@return integer status
function copy.run(on, record, o, specs)
  local errors, fanout = require "perilune.errors", require "perilune.fanout"
  local output = require "perilune.output"
  local status = 0
  for _, spec in ipairs(specs) do
    local printer = output.printer(o)
    spec.hosts, spec.sinks = on.hosts, { printer }
    local run = errors.checked(fanout.start(on, record, spec))
    status = fanout.worse_status(status, output.watch(run, o, printer, true))
    if fanout.interrupted_status() then break end
  end
  return status
end

-- Of OUTPUT only what makes sense where nothing is printed.
--- Refuses what a copy cannot do.
---@param o table values of copy.options()
function copy.check(o)
  if o.sudo then
    require("perilune.errors").usage("--sudo is for commands; a copy has the rights of the login: "
      .. "copy where it may, then move it there with perilune exec --sudo")
  end
end

local OUTPUT = { json = true, quiet = true, progress = true }

--- The options of a verb that copies.
---@return table[]
function copy.options()
  local fleet, options = require "perilune.fleet", require "perilune.options"
  local some = {
    { "preserve", short = "p", type = "bool", help = "the copies have the times of the files" },
  }
  for _, option in ipairs(require("perilune.output").options) do
    if OUTPUT[option[1]] then some[#some + 1] = option end
  end
  return options.join(fleet.options, some)
end

return copy
