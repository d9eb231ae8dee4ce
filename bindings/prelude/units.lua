-- units.lua - durations and sizes as people write them, and as we print them.
--
-- Durations are seconds (90, 90s, 200ms, 10m, 2h, 1d; parts add up: 1h30m). Sizes are bytes in
-- powers of two (64K, 1M, 1G, 1T) and always integers. Parsing answers nil and one sentence.

local units = {}

local SECONDS = { us = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600, d = 86400 }
local SIZE_LETTERS = "KMGTPE"
local DURATION_MAX = 1e9 -- over 31 years: certainly a slip

local function whole(n)
  return math.tointeger(n) or n
end

--- Seconds from "90", "90s", "1.5s", "200ms", "10m", "1h30m" or a number.
---@param text string|number
---@return number? seconds
---@return string? message
function units.parse_duration(text)
  local bad = ("'%s' is no duration; write 90, 90s, 200ms, 10m or 2h"):format(tostring(text))
  local total = type(text) == "number" and text or tonumber(tostring(text):match("^%d*%.?%d+$"))
  if not total then
    local parts = 0
    total = 0
    local rest = tostring(text):gsub("(%d*%.?%d+)(%a+)", function(number, unit)
      local value = tonumber(number)
      if not value or not SECONDS[unit] then return nil end
      total, parts = total + value * SECONDS[unit], parts + 1
      return ""
    end)
    if rest ~= "" or parts == 0 then return nil, bad end
  end
  if total ~= total or total < 0 or total > DURATION_MAX then return nil, bad end
  return whole(total)
end

--- Bytes from "64K", "1M", "1G", "1GiB", "4096" or an integer.
---@param text string|integer
---@return integer? bytes
---@return string? message
function units.parse_size(text)
  local bad = ("'%s' is no size; write 4096, 64K, 1M or 1G"):format(tostring(text))
  local number, unit = tostring(text):match("^(%d+%.?%d*)([%a]*)$")
  if not number then return nil, bad end
  local letter = unit:upper():match("^([KMGTPE]?)I?B?$")
  if not letter then return nil, bad end
  local shift = letter == "" and 0 or 10 * SIZE_LETTERS:find(letter, 1, true)
  local bytes = tonumber(number) * 2.0 ^ shift
  if bytes >= 2.0 ^ 63 then return nil, bad end
  return math.tointeger(bytes) or nil, bad
end

--- "94 s", "1.5 s", "200 ms", "12 m 30 s", "2 h 5 m": short, for people.
---@param seconds number
---@return string
function units.format_duration(seconds)
  if seconds <= 0 then return "0 s" end
  if seconds < 0.9995 then return ("%.3g ms"):format(seconds * 1e3) end
  if seconds < 9.95 then return (("%.1f"):format(seconds):gsub("%.0$", "")) .. " s" end
  local rounded = math.floor(seconds + 0.5)
  if rounded < 120 then return rounded .. " s" end
  local big, small, big_name, small_name = rounded // 60, rounded % 60, "m", "s"
  if rounded >= 7200 then
    local minutes = (rounded + 30) // 60
    big, small, big_name, small_name = minutes // 60, minutes % 60, "h", "m"
  end
  if small == 0 then return big .. " " .. big_name end
  return ("%d %s %d %s"):format(big, big_name, small, small_name)
end

--- A duration as an option reads it: "10s", "1.5s", "10m", "2h".
---@param seconds number
---@return string
function units.duration_option(seconds)
  for _, unit in ipairs { "h", "m" } do
    local count = seconds / SECONDS[unit]
    if count >= 1 and count == math.floor(count) then return whole(count) .. unit end
  end
  if seconds > 0 and seconds < 1 then return ("%.14gms"):format(seconds * 1e3) end
  return ("%.14gs"):format(seconds)
end

--- For people: "512", "64K", "1.5M", "1G".
---@param bytes integer
---@return string
function units.format_size(bytes)
  local power = 0
  local value = bytes
  while value >= 1024 and power < #SIZE_LETTERS do
    value, power = value / 1024, power + 1
  end
  if power == 0 then return ("%d"):format(bytes) end
  local digits = ("%.1f"):format(value):gsub("%.0$", "")
  return digits .. SIZE_LETTERS:sub(power, power)
end

--- A size as an option reads it, exactly: the largest unit that divides it.
---@param bytes integer
---@return string
function units.size_option(bytes)
  for power = #SIZE_LETTERS, 1, -1 do
    local unit = 1 << (10 * power)
    if bytes >= unit and bytes % unit == 0 then
      return bytes // unit .. SIZE_LETTERS:sub(power, power)
    end
  end
  return ("%d"):format(bytes)
end

--- "1 host", "3 hosts".
---@param n integer
---@param noun string
---@return string
function units.count(n, noun)
  return ("%d %s%s"):format(n, noun, n == 1 and "" or "s")
end

--- A figure for people: whole numbers in full, others with four digits.
---@param value number
---@return string
function units.figure(value)
  if math.tointeger(value) and math.abs(value) < 1e15 then return ("%d"):format(value) end
  return ("%.4g"):format(value)
end

return units
