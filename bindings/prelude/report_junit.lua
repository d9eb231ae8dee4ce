-- report_junit.lua - a run's report as JUnit XML, as CI servers read it: a test suite per run, a
-- test case per point. What the recipe or the code measured is to blame for (a regression, an
-- expectation, a command that failed) is a failure; what kept the point from telling (unreachable
-- hosts, a bug of the recipe, an interrupt) is an error. The type is the cause.

local report_text = require "perilune.report_text"
local sys = require "perilune.core.sys"

local junit = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
                  ["\n"] = "&#10;", ["\t"] = "&#9;" }

-- Text of an element; XML has no place for other control characters.
local function escaped(text)
  return (text:gsub("[%z\1-\8\11-\31\127]", "?"):gsub("[&<>]", ESCAPES))
end

local function attribute_value(text)
  return (escaped(text):gsub('["\n\t]', ESCAPES))
end

-- { { name, value }, ... } as ' name="value"', those without a value left out.
local function attributes(pairs_in_order)
  local words = {}
  for _, pair in ipairs(pairs_in_order) do
    local name, value = pair[1], pair[2]
    if value ~= nil then
      words[#words + 1] = (' %s="%s"'):format(name, attribute_value(tostring(value)))
    end
  end
  return table.concat(words)
end

local function seconds(value)
  return ("%.3f"):format(value)
end

local ERRORS = { infrastructure = true, bug = true }

-- "failure", "error", "skipped", or nil for a point that passed.
local function element_of(point)
  if point.verdict == "pass" then return nil end
  if point.verdict == "skipped" then return "skipped" end
  return (point.verdict ~= "fail" or ERRORS[point.cause]) and "error" or "failure"
end

local function add_case(out, r, point)
  local element = element_of(point)
  out[#out + 1] = ("    <testcase%s>"):format(attributes { { "name", point.name },
    { "classname", r.name }, { "time", seconds(point.seconds) } })
  local details = escaped(report_text.details(point))
  if element == "skipped" then
    out[#out + 1] = ("      <skipped%s/>"):format(attributes { { "message", point.why } })
  elseif element then
    out[#out + 1] = ("      <%s%s>%s</%s>"):format(element,
      attributes { { "message", (point.why or point.verdict):match("^[^\n]*") },
        { "type", point.cause or point.verdict } }, details, element)
  end
  if details ~= "" and element ~= "skipped" then
    out[#out + 1] = ("      <system-out>%s</system-out>"):format(details)
  end
  out[#out + 1] = "    </testcase>"
end

local function count(points)
  local counts = { failure = 0, error = 0, skipped = 0 }
  for _, point in ipairs(points) do
    local element = element_of(point)
    if element then counts[element] = counts[element] + 1 end
  end
  return counts
end

local function add_properties(out, r)
  out[#out + 1] = "    <properties>"
  for _, name in ipairs { "run", "recipe", "hosts", "transport", "verdict", "status" } do
    out[#out + 1] = ("      <property%s/>"):format(
      attributes { { "name", name }, { "value", r[name] } })
  end
  out[#out + 1] = "    </properties>"
end

--- The report as a JUnit document.
---@param r table as in report.json
---@return string
function junit.report(r)
  r = require("perilune.report").plain(r)
  local n = count(r.points)
  local totals = { { "name", r.name }, { "tests", #r.points }, { "failures", n.failure },
    { "errors", n.error }, { "skipped", n.skipped }, { "time", seconds(r.seconds) } }
  local out = { '<?xml version="1.0" encoding="UTF-8"?>',
    ("<testsuites%s>"):format(attributes(totals)) }
  totals[#totals + 1] = { "timestamp", os.date("!%Y-%m-%dT%H:%M:%S", math.floor(r.began)) }
  totals[#totals + 1] = { "hostname", sys.hostname() }
  out[#out + 1] = ("  <testsuite%s>"):format(attributes(totals))
  add_properties(out, r)
  for _, point in ipairs(r.points) do add_case(out, r, point) end
  out[#out + 1] = "  </testsuite>\n</testsuites>"
  return table.concat(out, "\n") .. "\n"
end

return junit
