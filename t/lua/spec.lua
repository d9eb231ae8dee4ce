-- spec.lua - tests as a sentence and a function that raises when it does not hold, over tap.lua.
--
--   local spec = require "spec"
--   spec.test("a range needs a step", function() spec.refuses("needs a step", parse(...)) end)
--   return spec.done()

local tap = require "tap"

local spec = {}

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
function spec.equal(actual, expected)
  local a, e = show(actual), show(expected)
  if a ~= e then error(("%s, not %s"):format(a, e), 2) end
end

--- Raises unless the text contains `part` as it stands.
function spec.contains(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%s does not say %s"):format(show(text), show(part)), 2)
  end
end

--- Raises unless fn raises something that contains `part`.
function spec.raises(part, fn, ...)
  local ok, message = pcall(fn, ...)
  if ok then error(("nothing was raised, expected: %s"):format(part), 2) end
  if not tostring(message):find(part, 1, true) then
    error(("raised %s, expected: %s"):format(show(tostring(message)), part), 2)
  end
end

--- Raises unless fn answers nil and a message that contains `part`.
function spec.refuses(part, value, message)
  if value ~= nil then error(("%s, expected it refused: %s"):format(show(value), part), 2) end
  if not tostring(message):find(part, 1, true) then
    error(("refused with %s, expected: %s"):format(show(message), part), 2)
  end
end

--- Runs fn; the sentence holds when it does not raise.
function spec.test(name, fn)
  local ok, message = xpcall(fn, debug.traceback)
  tap.ok(ok, name)
  if not ok then print((("# " .. tostring(message)):gsub("\n", "\n# "))) end
end

spec.done = tap.done

return spec
