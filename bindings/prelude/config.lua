-- config.lua - defaults that a person and an administrator set down in files.
--
-- Both files return one table of data: keys are the long options of the fleet ("connect_timeout"),
-- plus `limits` (limits.lua). What is nearer to the person wins, except limits: there the tighter
-- one wins, so that an administrator's can be tightened, never loosened.

local errors = require "perilune.errors"
local sys = require "perilune.core.sys"

local config = {}

local SYSTEM_FILE = "/etc/perilune/config.lua"
local MAX_BYTES = 1 << 20

--- The folder of a person's own files: PERILUNE_CONFIG, else $XDG_CONFIG_HOME/perilune.
---@return string?
function config.folder()
  local own = sys.getenv("PERILUNE_CONFIG")
  if own and own ~= "" then return own end
  local base = sys.getenv("XDG_CONFIG_HOME")
  if base and base:sub(1, 1) == "/" then return base .. "/perilune" end
  local home = sys.home()
  return home and home .. "/.config/perilune"
end

--- The folder of state: PERILUNE_STATE, else $XDG_STATE_HOME/perilune.
---@return string?
function config.state_folder()
  local own = sys.getenv("PERILUNE_STATE")
  if own and own ~= "" then return own end
  local base = sys.getenv("XDG_STATE_HOME")
  if base and base:sub(1, 1) == "/" then return base .. "/perilune" end
  local home = sys.home()
  return home and home .. "/.local/state/perilune"
end

-- The table that a file returns, evaluated as data; {} when there is no such file.
local function read_data(file)
  if not file or not sys.stat(file) then return {} end
  local text, message = sys.read_file(file, MAX_BYTES)
  if not text then errors.fail(2, "%s: %s", file, message) end
  local chunk, syntax = load(text, "@" .. file, "t", {})
  if not chunk then errors.fail(2, "%s", syntax) end
  local ok, data = pcall(chunk)
  if not ok then errors.fail(2, "%s", tostring(data)) end
  if type(data) ~= "table" then errors.fail(2, "%s must return a table", file) end
  return data
end

local function checked(spec, data, file)
  local values, message = require("perilune.options").validate(spec, data)
  if not values then errors.fail(2, "%s: %s", file, message) end
  return values
end

-- The same options without defaults: a file sets only what it names.
local function without_defaults(spec)
  local bare = { { "limits", type = "table" } }
  for _, option in ipairs(spec) do
    local copy = {}
    for field, value in pairs(option) do copy[field] = value end
    copy.default = nil
    bare[#bare + 1] = copy
  end
  return bare
end

--- Values of the files over `spec` (a table of options), and the limits in force.
---@param spec table[]
---@param files? { user: string, system: string }   for tests
---@return table values
---@return table limits   { fanout = { value, file }, ... }
function config.load(spec, files)
  local folder = config.folder()
  files = files or { user = folder and folder .. "/config.lua", system = SYSTEM_FILE }
  local tighter = require "perilune.limits"
  local bare, values, limits
  for _, file in ipairs { files.system or false, files.user or false } do
    local data = read_data(file or nil)
    if next(data) then
      bare, values, limits = bare or without_defaults(spec), values or {}, limits or {}
      for key, value in pairs(checked(bare, data, file)) do values[key] = value end
      tighter.merge(limits, checked(tighter.options, data.limits or {}, file .. ": limits"), file)
    end
  end
  return values or {}, limits or {}
end

return config
