local spec = require "spec"
local units = require "perilune.units"

spec.test("what is no duration is refused in one sentence that shows how", function()
  for _, text in ipairs { "", "x", "10x", "1..5s", "-3", "10 m", "s", "10m5", "0x10", "1e99" } do
    local value, message = units.parse_duration(text)
    spec.equal(value, nil, text)
    spec.contains(message, "is no duration; write 90, 90s, 200ms, 10m or 2h")
  end
end)

spec.test("what is no size is refused in one sentence that shows how", function()
  for _, text in ipairs { "", "K", "1X", "-1", "1.3", "64 K", "9999999T", "1e3" } do
    local value, message = units.parse_size(text)
    spec.equal(value, nil, text)
    spec.contains(message, "is no size; write 4096, 64K, 1M or 1G")
  end
end)

spec.test("durations are read as seconds", function()
  local cases = { ["90"] = 90, ["90s"] = 90, ["10m"] = 600, ["2h"] = 7200, ["1.5s"] = 1.5,
                  ["200ms"] = 0.2, ["1h30m"] = 5400, ["1d"] = 86400, ["0"] = 0, [".5"] = 0.5 }
  for text, seconds in pairs(cases) do spec.equal(units.parse_duration(text), seconds, text) end
  spec.equal(units.parse_duration(2.5), 2.5)
end)

spec.test("sizes are powers of two and integers", function()
  local cases = { ["0"] = 0, ["4096"] = 4096, ["64K"] = 65536, ["1M"] = 1 << 20, ["1G"] = 1 << 30,
                  ["1GiB"] = 1 << 30, ["2t"] = 1 << 41, ["1.5K"] = 1536 }
  for text, bytes in pairs(cases) do
    spec.equal(units.parse_size(text), bytes, text)
    spec.equal(math.type(units.parse_size(text)), "integer", text)
  end
end)

spec.test("durations are shown short, without a unit rolling over", function()
  local cases = { [0] = "0 s", [0.2] = "200 ms", [1] = "1 s", [1.5] = "1.5 s", [9.96] = "10 s",
                  [94] = "94 s", [119.6] = "2 m", [750] = "12 m 30 s", [7200] = "2 h",
                  [7500] = "2 h 5 m", [0.9999] = "1 s", [3599.9] = "60 m" }
  for seconds, text in pairs(cases) do spec.equal(units.format_duration(seconds), text) end
end)

spec.test("a value written as an option reads back as itself", function()
  for _, seconds in ipairs { 0.2, 1.5, 10, 90, 600, 5400, 7200, 86400 } do
    spec.equal(units.parse_duration(units.duration_option(seconds)), seconds)
  end
  for _, bytes in ipairs { 0, 1, 1000, 4096, 65536, 1 << 20, (1 << 30) + 1, 3 << 40 } do
    spec.equal(units.parse_size(units.size_option(bytes)), bytes)
  end
end)

spec.test("figures are shown for people, whole numbers in full", function()
  local cases = { [0.042] = "0.042", [1.23456] = "1.235", [83272548352.0] = "83272548352" }
  for value, text in pairs(cases) do spec.equal(units.figure(value), text) end
end)

spec.test("sizes are shown for people", function()
  spec.equal(units.format_size(512), "512")
  spec.equal(units.format_size(65536), "64K")
  spec.equal(units.format_size(1536 * 1024), "1.5M")
end)

return spec.done()
