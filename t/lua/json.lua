-- JSON both ways.
local tap = require "tap"
local json = require "perilune.core.json"

-- misuse

local cyclic = {}
cyclic[1] = cyclic
for _, case in ipairs {
  { "function", print }, { "NaN", 0 / 0 }, { "infinity", math.huge }, { "UTF%-8", "\xff" },
  { "names and numbers", { 1, a = 2 } }, { "holes", { 1, nil, 3 } }, { "in itself", cyclic },
  { "no key for a boolean", { [true] = 1 } },
} do
  tap.raises(case[1], "no JSON: " .. case[1], json.encode, case[2])
end
tap.raises("did you mean 'indent'", "an unknown option is refused", json.encode, {}, { indnt = 1 })
for _, text in ipairs { "", "[1,", "{'a':1}", "[1] x", "nul", "[1e999]" } do
  local value, message = json.decode(text)
  tap.ok(value == nil and message:find "no JSON: line %d+, column %d+", ("refused: %q"):format(text))
end

-- a table of cases

for _, case in ipairs {
  { 1, "1" }, { 1.0, "1.0" }, { 0.1, "0.1" }, { 1 / 3, "0.3333333333333333" },
  { math.maxinteger, "9223372036854775807" }, { math.mininteger, "-9223372036854775808" },
  { 1e300, "1e+300" }, { true, "true" }, { "a\"b\\\n\1é", [["a\"b\\\n\u0001é"]] },
  { {}, "{}" }, { json.array {}, "[]" }, { { 1, { 2 } }, "[1,[2]]" },
  { { b = 1, a = { c = json.null } }, [[{"a":{"c":null},"b":1}]] },
} do
  local text = json.encode(case[1])
  tap.is(text, case[2], "encodes " .. case[2])
  tap.is(json.encode(json.decode(text)), case[2], "and reads it back")
end
tap.is(json.encode(nil), "null", "nil alone is null")
tap.is(math.type(json.decode "1"), "integer", "integers stay integers")
tap.is(math.type(json.decode "1.0"), "float", "floats stay floats")
tap.is(json.decode "null", json.null, "null has a value")
tap.is(json.encode({ a = { 1 } }, { indent = 2 }), '{\n  "a": [\n    1\n  ]\n}', "indented")
tap.is(json.base64 "\0\1\2", "AAEC", "base64")
tap.is({ json.is_utf8 "é", json.is_utf8 "\xc0\x80" }, { true, false }, "is_utf8 knows overlong forms")

return tap.done()
