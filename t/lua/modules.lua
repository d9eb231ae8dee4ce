-- The modules that recipes need: paths, files, templates, time, statistics, log.
local pl = require "perilune"
local spec = require "spec"

local file, path, stats, template, time = pl.file, pl.path, pl.stats, pl.template, pl.time

spec.test("names of files are joined and taken apart", function()
  spec.equal({ path.join("a", "b/", "c"), path.join("a", "/b"), path.join("", "a"), path.join("/", "a") },
    { "a/b/c", "/b", "a", "/a" })
  for name, parts in pairs {
    ["/a/b.tar.gz"] = { "/a", "b.tar.gz", ".gz", "b.tar" }, ["b"] = { ".", "b", "", "b" },
    ["/a/"] = { "/", "a", "", "a" }, ["/"] = { "/", "", "", "" }, [".profile"] = { ".", ".profile", "", ".profile" },
    ["x.c"] = { ".", "x.c", ".c", "x" },
  } do spec.equal({ path.dir(name), path.base(name), path.ext(name), path.stem(name) }, parts) end
  spec.equal({ path.normal "/a/./b/../c", path.normal "../a", path.normal "a/..", path.normal "/.." },
    { "/a/c", "../a", ".", "/" })
end)

spec.test("files are read and written whole; what is missing is no raise", function()
  local dir = os.tmpname()
  os.remove(dir)
  spec.equal({ file.make_dir(dir .. "/x"), file.write(dir .. "/x/f", "one\ntwo\n") }, { true, true })
  spec.equal({ file.read(dir .. "/x/f"), file.size(dir .. "/x/f"), file.kind(dir .. "/x") },
    { "one\ntwo\n", 8, "dir" })
  spec.equal(file.lines(dir .. "/x/f"), { "one", "two" })
  spec.equal(file.list(dir .. "/x"), { "f" })
  spec.equal({ file.remove(dir .. "/x/f"), file.kind(dir .. "/x/f") }, { true })
  spec.refuses("No such file", file.read(dir .. "/x/f"))
  spec.raises("file.read needs the name of a file", file.read, 3)
  spec.raises("needs a string, not a table", file.write, dir, {})
end)

spec.test("templates have every place filled, or say which is not", function()
  spec.equal(template.fill("a=${a} b=${b.c} d=${d|shell} e=${e|json} $$1 $HOME",
    { a = 1.0, b = { c = "x" }, d = "it's", e = { 1, 2 } }),
    "a=1 b=x d='it'\\''s' e=[1,2] $1 $HOME")
  spec.raises("there is no value 'nods' (did you mean 'nodes'?)", template.fill, "${nods}", { nodes = 1 })
  spec.raises("'x' is no filter", template.fill, "${a|x}", { a = 1 })
  spec.raises("'k' is a secret", template.fill, "${k}", { k = require("perilune.secret").new("k", "hidden") })
end)

spec.test("times are written and read", function()
  spec.equal({ time.iso(0), time.iso(951827696), time.parse_iso "2000-02-29T12:34:56Z" },
    { "1970-01-01T00:00:00Z", "2000-02-29T12:34:56Z", 951827696 })
  spec.equal({ time.parse_iso "2000-02-29T13:34:56.5+01:00", time.parse_iso "yesterday" }, { 951827696.5 })
  spec.equal(time.parse_iso(time.iso(4102444799)), 4102444799)
  spec.equal({ time.duration "1h30m", time.format(90) }, { 5400, "90 s" })
  spec.equal(time.stopwatch()() >= 0, true)
end)

spec.test("statistics of samples", function()
  local x = { 4, 1, 3, 2 }
  spec.equal({ stats.median(x), stats.mean(x), stats.min(x), stats.max(x), stats.sum(x) },
    { 2.5, 2.5, 1, 4, 10 })
  spec.equal({ stats.percentile(x, 25), stats.percentile(x, 0), stats.percentile(x, 100) }, { 1.75, 1, 4 })
  spec.equal(("%.6f"):format(stats.stddev(x)), "1.290994")
  spec.raises("stats.percentile needs an array of numbers", stats.median, {})
  spec.raises("stats.percentile: 101 is not between", stats.percentile, x, 101)
  spec.raises("stats.sum: number 2 is x", stats.sum, { 1, "x" })
end)

spec.test("a bootstrap interval holds the median, narrows with samples, is the same for a seed", function()
  local few, many = {}, {}
  for i = 1, 400 do
    many[i] = 100 + (i * 37 % 101) / 10
    if i <= 10 then few[i] = many[i] end
  end
  local low, high = stats.bootstrap(few)
  local low2, high2 = stats.bootstrap(many)
  spec.equal(low <= stats.median(few) and stats.median(few) <= high, true)
  spec.equal(high2 - low2 < high - low, true)
  spec.equal({ stats.bootstrap(few, { seed = 7 }) }, { stats.bootstrap(few, { seed = 7 }) })
  spec.equal({ stats.bootstrap({ 5, 5, 5 }) }, { 5.0, 5.0 })
  spec.raises("there is no statistic 'medain'", stats.bootstrap, few, { stat = "medain" })
  -- the true median of a uniform sample lies inside about as often as promised
  local inside = 0
  math.randomseed(11)
  for _ = 1, 200 do
    local s = {}
    for i = 1, 30 do s[i] = math.random() end
    local a, b = stats.bootstrap(s, { rounds = 200 })
    if a <= 0.5 and 0.5 <= b then inside = inside + 1 end
  end
  spec.equal(inside > 175, true)
end)

return spec.done()
