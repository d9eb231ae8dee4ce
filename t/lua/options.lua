local help = require "perilune.help"
local options = require "perilune.options"
local spec = require "spec"

local SPEC = {
  { "hosts", short = "w", type = "hostlist", unresolved = true, help = "the hosts" },
  { "fanout", short = "f", type = "int", min = 1, max = 4096, default = 64, help = "at once" },
  { "connect-timeout", short = "t", type = "duration", default = "10s", help = "bounds a phase" },
  { "bytes", type = "size", min = "1K", help = "message size" },
  { "floor", type = "number", unit = "GB/s", help = "least bandwidth" },
  { "gather", short = "b", type = "bool", help = "fold" },
  { "color", type = "bool", default = true, help = "paint" },
  { "quiet", short = "q", type = "bool", help = "less" },
  { "progress", type = "choice", choices = { "auto", "always", "never" }, default = "auto" },
  { "tags", type = "list", help = "words" },
  { "max-fail", type = "limit" },
  { "detach", short = "d", type = "bool", later = true },
}

local function parse(line, settings)
  local argv = {}
  for word in line:gmatch("%S+") do argv[#argv + 1] = word end
  return options.parse(SPEC, argv, settings)
end

-- ---- misuse --------------------------------------------------------------------------------

spec.test("misuse of the command line is told in one sentence", function()
  local cases = {
    ["--fanuot 3"] = "unknown option --fanuot (did you mean '--fanout'?)",
    ["--xyzzy-quux"] = "unknown option --xyzzy-quux",
    ["-z"] = "unknown option -z",
    ["-qz"] = "unknown option -z",
    ["--fanout"] = "--fanout needs a value (N)",
    ["-f"] = "-f needs a value (N)",
    ["--fanout three"] = "--fanout must be a whole number, not 'three'",
    ["--fanout 0"] = "--fanout must be at least 1, not 0",
    ["--fanout 9999"] = "--fanout must be at most 4096, not 9999",
    ["--bytes 12"] = "--bytes must be at least 1K, not 12",
    ["--bytes much"] = "--bytes must be a size such as 4096, 64K, 1M or 1G, not 'much'",
    ["-t soon"] = "-t must be a time such as 90, 90s, 200ms, 10m or 2h, not 'soon'",
    ["--floor nan"] = "--floor must be a number of GB/s, not 'nan'",
    ["--floor 0x10"] = "--floor must be a number of GB/s, not '0x10'",
    ["--quiet=maybe"] = "--quiet must be yes or no, not 'maybe'",
    ["--no-quiet=yes"] = "--no-quiet takes no value",
    ["--no-fanout"] = "unknown option --no-fanout",
    ["--progress alwys"] = "--progress must be one of auto, always, never, not 'alwys' (did you "
      .. "mean 'always'?)",
    ["--max-fail 101%"] = "--max-fail must be a number or a percentage, not '101%'",
    ["--detach"] = "--detach is not in this version",
    ["-d"] = "-d is not in this version",
  }
  for line, wanted in pairs(cases) do
    local values, message = parse(line)
    spec.equal(values, nil, line)
    spec.contains(message, wanted)
  end
end)

spec.test("misuse from Lua is told in one sentence", function()
  local cases = {
    { { fanuot = 3 }, "unknown option 'fanuot' (did you mean 'fanout'?)" },
    { { 3 }, "unknown option '1'" },
    { { fanout = 1.5 }, "'fanout' must be a whole number, not 1.5" },
    { { fanout = {} }, "'fanout' must be a whole number, not a table" },
    { { hosts = 3 }, "'hosts' must be a string, not 3" },
    { { quiet = 1 }, "'quiet' must be yes or no, not 1" },
    { { floor = 0 / 0 }, "'floor' must be a number" },
    { { detach = true }, "'detach' is not in this version" },
  }
  for _, case in ipairs(cases) do
    local values, message = options.validate(SPEC, case[1])
    spec.equal(values, nil, case[2])
    spec.contains(message, case[2])
  end
end)

spec.test("a wrong table of options is told, with the nearest word", function()
  local cases = {
    { { n = { type = "int", defalt = 3 } }, "has an unknown field 'defalt' (did you mean 'default'?)" },
    { { n = { type = "itn" } }, "option 'n' has no known type ('itn') (did you mean 'int'?)" },
    { { n = {} }, "option 'n' has no known type" },
    { { n = { type = "choice" } }, "option 'n' is a choice and needs choices" },
    { { n = { type = "int", default = "x" } }, "the default of 'n' must be a whole number" },
    { { n = { type = "int", default = 1, min = 2 } }, "the default of 'n' must be at least 2" },
  }
  for _, case in ipairs(cases) do
    local ok, message = options.check(case[1])
    spec.equal(ok, nil, case[2])
    spec.contains(message, case[2])
  end
end)

spec.test("a required option that is left out is named", function()
  local values, message = options.parse({ { "n", type = "int", required = true } }, {})
  spec.equal(values, nil)
  spec.equal(message, "--n is required")
end)

-- ---- what is read --------------------------------------------------------------------------

spec.test("values come by '=', by a space, and attached to a short name", function()
  for _, line in ipairs { "--fanout=8", "--fanout 8", "-f 8", "-f8", "-qf8", "-bqf 8" } do
    spec.equal(parse(line).fanout, 8, line)
  end
  spec.equal(parse("--connect_timeout 2m").connect_timeout, 120)
end)

spec.test("defaults are values of their type, and 'given' tells them apart", function()
  local values, _, given = parse("-q")
  spec.equal(values.fanout, 64)
  spec.equal(values.connect_timeout, 10)
  spec.equal(values.bytes, nil)
  spec.equal(values.quiet, true)
  spec.equal(given.quiet, true)
  spec.equal(given.fanout, nil)
end)

spec.test("bools are negated by --no-", function()
  spec.equal(parse("--no-color").color, false)
  spec.equal(parse("--color=no").color, false)
  spec.equal(parse("").color, true)
  spec.equal(parse("--no_quiet").quiet, false)
end)

spec.test("sets and lists add up, of everything else the last one wins", function()
  spec.equal(parse("-w a -w b --hosts=c").hosts, "a,b,c")
  spec.equal(table.concat(parse("--tags a,b --tags c").tags, " "), "a b c")
  spec.equal(parse("-f1 -f2").fanout, 2)
end)

spec.test("a limit is a number or a percentage", function()
  spec.equal(parse("--max-fail 3").max_fail.count, 3)
  spec.equal(parse("--max-fail 5%").max_fail.percent, 5)
end)

spec.test("options may stand between words, '--' ends them, '-' is a word", function()
  local values, rest = parse("a -q b - -- -f --gather")
  spec.equal(values.quiet, true)
  spec.equal(values.gather, nil)
  spec.equal(table.concat(rest, " "), "a b - -f --gather")
end)

spec.test("with stop_at_word, options end at the first word", function()
  local values, rest = parse("-q uname -r --quiet", { stop_at_word = true })
  spec.equal(values.quiet, true)
  spec.equal(table.concat(rest, " "), "uname -r --quiet")
  values, rest = parse("-q -- -x", { stop_at_word = true })
  spec.equal(values.quiet, true)
  spec.equal(table.concat(rest, " "), "-x")
end)

spec.test("--help ends the reading before anything is required", function()
  local needed = { { "n", type = "int", required = true } }
  spec.equal(options.parse(needed, { "--help", "--unknown" }).help, true)
  spec.equal(options.parse(needed, { "-h" }).help, true)
end)

spec.test("strings from Lua are read as on the command line", function()
  local values = options.validate(SPEC, { connect_timeout = "10m", bytes = "1M", floor = 2 })
  spec.equal(values.connect_timeout, 600)
  spec.equal(values.bytes, 1 << 20)
  spec.equal(values.floor, 2)
  spec.equal(values.fanout, 64)
end)

spec.test("a recipe's map of options is read as well, in the order of names", function()
  local map = { n = { type = "int", default = 16, min = 2 }, bytes = { type = "size", default = "1G" } }
  local values = options.parse(map, { "--n", "4" })
  spec.equal(values.n, 4)
  spec.equal(values.bytes, 1 << 30)
  spec.equal(options.list(map)[1][1], "bytes")
  spec.equal(options.check(map), true)
end)

-- ---- types of recipes ----------------------------------------------------------------------

spec.test("every type of the contract is read, with its range and unit", function()
  local map = {
    a = { type = "int", min = 2, max = "9" }, b = { type = "number", unit = "GB/s", max = 800 },
    c = { type = "string" }, d = { type = "bool" }, e = { type = "size", min = "1K", max = "1G" },
    f = { type = "duration", max = "1h" }, g = { type = "hostlist" },
    h = { type = "choice", choices = { "ring", "tree" } }, i = { type = "path" },
    j = { type = "list" }, k = { type = "job" }, l = { type = "secret" },
  }
  spec.equal(options.check(map), true)
  local values = options.parse(map, { "--a=3", "--b", "400 GB/s", "--c", "x", "--d", "--e", "64K",
    "--f", "10m", "--g", "n[1-3]", "--h", "tree", "--i", "/tmp", "--j", "a,b", "--k", "tp=4 dp=8",
    "--l", "env:TOKEN" })
  spec.equal({ values.a, values.b, values.e, values.f, #values.g, values.k },
    { 3, 400, 65536, 600, 3, "tp=4 dp=8" })
  for text, said in pairs {
    ["--a=10"] = "--a must be at most 9, not 10", ["--b=3 MB/s"] = "a number of GB/s, not '3 MB/s'",
    ["--e=512"] = "--e must be at least 1K", ["--f=2h"] = "--f must be at most 1h, not 2h",
    ["--h=trea"] = "did you mean 'tree'?", ["--k=tp=4 dpp=8"] = "did you mean 'pp'",
    ["--l=hunter2"] = "never the secret itself", ["--g=n[1-"] = "--g: ",
  } do spec.refuses(said, options.parse(map, { text })) end
  local text = help.options(map, false)
  for _, part in ipairs { "[2 to 9]", "[GB/s, at most 800]", "[1K to 1G]", "[at most 1h]",
    "ring|tree", "--k JOB", "[env:NAME, file:PATH or" } do spec.contains(text, part) end
end)

spec.test("what an option cannot have is refused with its name", function()
  for said, option in pairs {
    ["'x': a string has no min"] = { type = "string", min = "3" },
    ["'x': a list has no max"] = { type = "list", max = 3 },
    ["'x': min 5 is more than max 4"] = { type = "int", min = 5, max = 4 },
    ["'x' has choices, and its type is 'string'"] = { type = "string", choices = { "a" } },
    ["'x': a unit is text, and of an int or a number"] = { type = "size", unit = "KB" },
    ["the default of 'x' must be at most 4"] = { type = "int", max = 4, default = 5 },
    ["the default of 'x' must be one of a, b"] = { type = "choice", choices = { "a", "b" }, default = "c" },
  } do spec.refuses(said, options.check { x = option }) end
end)

-- ---- help ----------------------------------------------------------------------------------

spec.test("help stays within 80 columns, names every option, hides what is not built", function()
  local text = help.verb({ name = "x", summary = "does x", usage = { "x" }, options = SPEC }, false)
  for line in text:gmatch("[^\n]+") do assert(#line <= 80, line) end
  for _, part in ipairs { "-w, --hosts SET", "--fanout N", "(default 64)", "(default 10s)",
                          "--[no-]color", "auto|always|never", "[GB/s]", "--tags A,B" } do
    spec.contains(text, part)
  end
  spec.equal(text:find("detach", 1, true), nil)
end)

return spec.done()
