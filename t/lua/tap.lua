-- A small writer of TAP for tests in Lua: `local tap = require "tap"`. A test file ends with
-- `return tap.done()`, whose result is the exit status.

local tap = {}

local count, failures = 0, 0

local function shown(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function note(fmt, ...)
  for line in (fmt:format(...) .. "\n"):gmatch("(.-)\n") do
    print("# " .. line)
  end
end

--- Passes when `pass` is true; returns it.
function tap.ok(pass, name)
  count = count + 1
  print(("%s %d - %s"):format(pass and "ok" or "not ok", count, name))
  if not pass then
    failures = failures + 1
    local info = debug.getinfo(2, "Sl")
    if info.short_src:find("tap.lua$") then
      info = debug.getinfo(3, "Sl")
    end
    note("at %s:%d", info.short_src, info.currentline)
  end
  return pass
end

--- Tables are compared by what is in them.
local function same(a, b)
  if a == b then
    return true
  elseif type(a) ~= "table" or type(b) ~= "table" then
    return false
  end
  for k, v in pairs(a) do
    if not same(v, b[k]) then
      return false
    end
  end
  for k in pairs(b) do
    if a[k] == nil then
      return false
    end
  end
  return true
end

local function dump(value)
  if type(value) ~= "table" then
    return shown(value)
  end
  local parts = {}
  for k, v in pairs(value) do
    parts[#parts + 1] = ("[%s] = %s"):format(shown(k), dump(v))
  end
  table.sort(parts)
  return "{ " .. table.concat(parts, ", ") .. " }"
end

function tap.is(got, wanted, name)
  if not tap.ok(same(got, wanted), name) then
    note("got    %s", dump(got))
    note("wanted %s", dump(wanted))
  end
end

--- The text contains the Lua pattern.
function tap.like(text, pattern, name)
  if not tap.ok(type(text) == "string" and text:find(pattern) ~= nil, name) then
    note("got     %s", shown(text))
    note("pattern %s", shown(pattern))
  end
end

--- fn(...) raises, and the words of the error contain the pattern.
function tap.raises(pattern, name, fn, ...)
  local ok, err = pcall(fn, ...)
  if not tap.ok(not ok and tostring(err):find(pattern) ~= nil, name) then
    note("got     %s", ok and "no error" or tostring(err))
    note("pattern %s", shown(pattern))
  end
  return err
end

--- Says why the rest, or one thing, is not tested.
function tap.skip(why, name)
  count = count + 1
  print(("ok %d - %s # SKIP %s"):format(count, name or "", why))
end

tap.note = note

--- Prints the plan; returns the exit status.
function tap.done()
  print("1.." .. count)
  return failures == 0 and 0 or 1
end

return tap
