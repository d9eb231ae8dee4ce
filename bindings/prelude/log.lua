-- log.lua - lines for whoever looks into a run later: all go into its journal, those from info on
-- also to standard error. t:note is for what belongs into the report.

local log = {}

local LEVELS = { "debug", "info", "warn", "error" }

local function line_of(what, fmt, ...)
  if type(fmt) ~= "string" then return tostring(fmt) end
  if select("#", ...) == 0 then return fmt end
  local blame, arguments = require "perilune.blame", table.pack(...)
  for i = 1, arguments.n do
    local kind = type(arguments[i])
    if kind == "table" or kind == "userdata" then arguments[i] = tostring(arguments[i]) end
  end
  local ok, text = pcall(string.format, fmt, table.unpack(arguments, 1, arguments.n))
  if not ok then blame.raise("log.%s: %s", what, text) end
  return text
end

local function add(level, text)
  local _, session = require("perilune.fanout").current()
  text = require("perilune.secret").redact(text)
  session:append("log", { level = level, text = require("perilune.report").plain(text),
    where = require("perilune.blame").position() })
  if level ~= "debug" then require("perilune.terminal").tell(("%s: %s\n"):format(level, text)) end
end

for _, level in ipairs(LEVELS) do
  log[level] = function(fmt, ...) add(level, line_of(level, fmt, ...)) end
end

---@class perilune.Log
---@field debug fun(fmt: string, ...: any) into the journal only
---@field info fun(fmt: string, ...: any)
---@field warn fun(fmt: string, ...: any)
---@field error fun(fmt: string, ...: any)
return log
