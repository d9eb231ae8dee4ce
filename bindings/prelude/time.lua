-- time.lua - clocks and how times are written. In a rehearsal all of them are virtual.

local sched = require "perilune.core.sched"
local units = require "perilune.units"

local time = {}

--- Seconds of a clock that only goes on, for measuring how long something takes.
---@return number
function time.now()
  return sched.now()
end

--- Seconds since 1970.
---@return number
function time.wall()
  return sched.wall()
end

--- "2026-11-22T18:05:00Z" of seconds since 1970, now when left out.
---@param seconds? number
---@return string
function time.iso(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(seconds or sched.wall())) --[[@as string]]
end

--- Seconds since 1970 of "2026-11-22T18:05:00Z" (also with a fraction, or an offset like +01:00);
--- nil when it is none.
---@param text string
---@return number?
function time.parse_iso(text)
  local y, mo, d, h, mi, s, zone =
    text:match("^(%d%d%d%d)-(%d%d)-(%d%d)[T ](%d%d):(%d%d):(%d%d%.?%d*)(.*)$")
  if not y then return nil end
  local year, month = tonumber(y), tonumber(mo)
  -- days from 1970-01-01 in the Gregorian calendar, years beginning in March
  local shifted = month <= 2 and year - 1 or year
  local era = shifted // 400
  local day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + tonumber(d) - 1
  local year_of_era = shifted - era * 400
  local days = era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100
    + day_of_year - 719468
  local sign, zone_h, zone_m = zone:match("^([+-])(%d%d):?(%d%d)$")
  if not sign and zone ~= "Z" and zone ~= "" then return nil end
  local offset = sign and (tonumber(zone_h) * 60 + tonumber(zone_m)) * 60 or 0
  return days * 86400 + tonumber(h) * 3600 + tonumber(mi) * 60 + tonumber(s)
    - (sign == "-" and -offset or offset)
end

--- Seconds of "90s", "10m", "1h30m"; nil and a message when it is no duration.
---@param text string|number
---@return number? seconds
---@return string? message
function time.duration(text)
  return units.parse_duration(text)
end

--- For people: "12 ms", "1.5 s", "2 m 5 s".
---@param seconds number
---@return string
function time.format(seconds)
  return units.format_duration(seconds)
end

--- A function that says how many seconds have passed since.
---@return fun(): number
function time.stopwatch()
  local begun = sched.now()
  return function() return sched.now() - begun end
end

return time
