-- tap.lua - TAP from plain Lua: a test is a sentence and a function that raises when it is wrong.
--
--   local tap = require "tap"
--   tap.test("a range needs a step", function() tap.equal(sweep.parse_axis(...), nil) end)
--   tap.done()

local tap = { count = 0, failed = 0 }

local SRC = os.getenv("PERILUNE_SRCDIR") or "."

-- Modules of the prelude come from the source folder, as they are now.
table.insert(package.searchers, 2, function(name)
  local file = name:match("^perilune%.([%w_]+)$")
  if not file then return nil end
  local loader, message = loadfile(("%s/bindings/prelude/%s.lua"):format(SRC, file))
  return loader or message
end)

local function show(value)
  if type(value) ~= "table" then
    return type(value) == "string" and ("%q"):format(value) or tostring(value)
  end
  local keys, words = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local word = show(value[key])
    words[#words + 1] = math.type(key) == "integer" and word or tostring(key) .. "=" .. word
  end
  return "{ " .. table.concat(words, ", ") .. " }"
end

--- Raises unless both show the same, tables by content.
function tap.equal(actual, expected)
  local a, e = show(actual), show(expected)
  if a ~= e then error(("%s, not %s"):format(a, e), 2) end
end

--- Raises unless the text contains `part` as it stands.
function tap.contains(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%s does not say %s"):format(show(text), show(part)), 2)
  end
end

--- Raises unless fn raises something that contains `part`.
function tap.raises(part, fn, ...)
  local ok, message = pcall(fn, ...)
  if ok then error(("nothing was raised, expected: %s"):format(part), 2) end
  if not tostring(message):find(part, 1, true) then
    error(("raised %s, expected: %s"):format(show(tostring(message)), part), 2)
  end
end

--- Raises unless fn answers nil and a message that contains `part`.
function tap.refuses(part, value, message)
  if value ~= nil then error(("%s, expected it refused: %s"):format(show(value), part), 2) end
  if not tostring(message):find(part, 1, true) then
    error(("refused with %s, expected: %s"):format(show(message), part), 2)
  end
end

function tap.test(name, fn)
  tap.count = tap.count + 1
  local ok, message = xpcall(fn, debug.traceback)
  if not ok then tap.failed = tap.failed + 1 end
  print(("%s %d - %s"):format(ok and "ok" or "not ok", tap.count, name))
  if not ok then print((("# " .. message):gsub("\n", "\n# "))) end
end

function tap.done()
  print("1.." .. tap.count)
  os.exit(tap.failed == 0)
end

return tap
