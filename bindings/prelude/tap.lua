-- tap.lua - the lines of a TAP 14 document: tests, subtests, and YAML blocks about them.

local json = require "perilune.core.json"

local tap = {}

-- '#' begins a directive, '\' escapes: both stand for themselves in a description.
--- A description, in one line.
---@param text string
---@return string
function tap.described(text)
  return (text:gsub("%c+", " "):gsub("[\\#]", "\\%0"))
end

--- One test line. test: { ok =, name =, skip = why? }.
function tap.test_line(number, test)
  local line = ("%s %d - %s"):format(test.ok and "ok" or "not ok", number, tap.described(test.name))
  return test.skip and ("%s # SKIP %s"):format(line, tap.described(test.skip)) or line
end

-- ---- diagnostics: a YAML block, whose strings are written as JSON's -------------------------

local function scalar(value)
  if type(value) == "string" then return json.encode(value) end
  if math.type(value) == "float" then return ("%.14g"):format(value) end
  return tostring(value)
end

-- Fields as { { name, value }, ... }, so that they keep their order; nil values are left out. A
-- value that is such an array of arrays is a list of mappings.
local function add_fields(out, indent, fields)
  for _, field in ipairs(fields) do
    local name, value = field[1], field[2]
    if type(value) == "table" and #value > 0 then
      out[#out + 1] = ("%s%s:"):format(indent, name)
      for _, inner in ipairs(value) do
        local first = #out + 1
        add_fields(out, indent .. "    ", inner)
        out[first] = ("%s  - %s"):format(indent, out[first]:sub(#indent + 5))
      end
    elseif value ~= nil and type(value) ~= "table" then
      out[#out + 1] = ("%s%s: %s"):format(indent, name, scalar(value))
    end
  end
end

--- Appends a YAML block of fields: { { name, value }, ... }, in their order; nil values are left
--- out.
---@param out string[] lines
---@param indent string of the test line that it is about
function tap.add_diagnostics(out, indent, fields)
  out[#out + 1] = indent .. "  ---"
  add_fields(out, indent .. "  ", fields)
  out[#out + 1] = indent .. "  ..."
end

--- Appends a subtest: its tests as for test_line, with `fields` about those that failed.
---@param out string[] lines
---@param name string
---@param tests table[]
function tap.add_subtest(out, name, tests)
  local indent = "    "
  out[#out + 1] = "# Subtest: " .. tap.described(name)
  out[#out + 1] = ("%s1..%d"):format(indent, #tests)
  for i, test in ipairs(tests) do
    out[#out + 1] = indent .. tap.test_line(i, test)
    if test.fields then tap.add_diagnostics(out, indent, test.fields) end
  end
end

return tap
