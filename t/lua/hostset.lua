-- Host sets as Lua values: parsing with a resolver, reading, parts, algebra.
local tap = require "tap"
local hostset = require "perilune.core.hostset"

local parse, new = hostset.parse, hostset.new

-- misuse

local set, message, code = parse "n[1-"
tap.is(set, nil, "malformed text is no set")
tap.like(message, "column 2: .* is never closed", "and says where")
tap.is(code, "usage", "and whose fault it is")
tap.is(select(3, parse "^/nonexistent/hosts"), "noent", "a missing file is the world's")
tap.raises("string expected", "parse wants text", parse, {})
tap.raises("NUL", "parse wants no NUL", parse, "a\0b")
tap.raises("inventry", "a resolver has known keys only", parse, "a", { inventry = 1 })
tap.raises("name 2 of a host set must be a string", "new wants names", new, { "a", 7 })
tap.raises("not empty", "new wants names of at least a byte", new, { "" })
tap.raises("table expected", "new wants a table", new, "a")

local four = new { "n1", "n2", "n3", "n10" }

tap.raises("number 1", "a slice starts at 1", four.slice, four, 0)
tap.raises("negative", "a slice has no negative count", four.slice, four, 1, -1)
tap.raises("1 part or more", "no split into nothing", four.split, four, 0)
tap.raises("sample of 5 names from a set of 4", "a sample is not larger than its set",
	four.sample, four, 5)
tap.raises("column 2", "an operand that is malformed raises", function() return four + "a]" end)
tap.raises("perilune.hostset expected", "a number is no operand", function() return four + 1 end)
tap.raises("index a", "a set cannot be written to", function() four[1] = "x" end)

-- reading

tap.is(#four, 4, "# counts")
tap.is(four[1] .. four[4], "n1n10", "integers index names from 1")
tap.is({ four[0], four[5], four[-1], four[1.5], four.nothing }, {}, "there is nothing else")
tap.is(four:find "n10", 4, "find gives the place")
tap.is(four:find "n4", nil, "or nil")
tap.ok(four:contains "n3" and not four:contains "n[1-3]", "contains takes a literal name")
tap.is(tostring(four), "n[1-3,10]", "tostring folds")
tap.is("on " .. four .. "!", "on n[1-3,10]!", "and so does ..")
tap.is(four:join() .. " " .. four:join " ", "n1,n2,n3,n10 n1 n2 n3 n10", "join")
tap.is(four:names(), { "n1", "n2", "n3", "n10" }, "names")
tap.is(tostring(new {}), "", "an empty set folds to nothing")
tap.is(new({ "b", "a", "b" }):names(), { "b", "a" }, "a name comes once, in order of mention")

local seen = {}
for i, name in four:each() do seen[i] = name end
tap.is(seen, four:names(), "each visits all, in order")
seen = {}
for i, name in ipairs(four) do seen[i] = name end
tap.is(seen, four:names(), "ipairs too")

-- parts

tap.is(four:slice(2):join(), "n2,n3,n10", "a slice to the end")
tap.is(four:slice(2, 2):join(), "n2,n3", "a slice of two")
tap.is(#four:slice(9), 0, "a slice past the end")
tap.ok(four:copy() == four and not rawequal(four:copy(), four), "a copy is equal and another")

local function sizes(parts)
	local list = {}
	for i, part in ipairs(parts) do list[i] = part:join() end
	return list
end

tap.is(sizes(four:split(3)), { "n1,n2", "n3", "n10" }, "parts differ by one name at most")
tap.is(sizes(four:split(9)), { "n1", "n2", "n3", "n10" }, "no part is empty")
tap.is(new({}):split(2), {}, "of an empty set there are none")

local hundred = parse "n[1-100]"
math.randomseed(7)
local sample = hundred:sample(10)
math.randomseed(7)
tap.ok(sample == hundred:sample(10), "a sample follows the seed")
tap.ok(#sample == 10 and #(sample - hundred) == 0, "it has as many names of the set")
local ordered = true
for i = 2, #sample do
	ordered = ordered and hundred:find(sample[i - 1]) < hundred:find(sample[i])
end
tap.ok(ordered, "in its order")
tap.ok(hundred:sample(100) == hundred and #hundred:sample(0) == 0, "all and nothing can be had")

local count = 0
for _ = 1, 1000 do count = count + (four:sample(1):contains "n3" and 1 or 0) end
tap.ok(count > 180 and count < 320, "each name is as likely as the others")

-- algebra

local a, b = new { "x", "y" }, new { "y", "z" }
tap.is((a + b):join(), "x,y,z", "+ unites")
tap.is((a - b):join(), "x", "- takes away")
tap.is((a * b):join(), "y", "* is what both have")
tap.is((a ~ b):join(), "x,z", "~ is what one of them has")
tap.is((a + "w,n[1-2]"):join(), "x,y,w,n1,n2", "an expression is an operand")
tap.is(("w" + a):join(), "w,x,y", "on either side")
tap.is(a:join() .. b:join(), "x,yy,z", "operands stay as they were")
tap.ok(a == new { "y", "x" } and a ~= b and a ~= new { "x" }, "== wants the same names")

-- resolvers

local asked = {}
local resolver = {
	group = function(source, name)
		asked[#asked + 1] = source .. "/" .. name
		if name == "bug" then error("a bug in the group") end
		if name == "odd" then return "n1" end
		if name == "none" then return nil, "there is no group 'none'" end
		return new { "n2", "g-" .. name }
	end,
	inventory = function()
		asked[#asked + 1] = "inventory"
		return four
	end,
	no_files = true,
}

tap.is(parse("x,@web,@slurm:gpu", resolver):join(), "x,n2,g-web,g-gpu", "groups")
tap.is(asked, { "/web", "slurm/gpu" }, "are asked for by source and name")
asked = {}
tap.is(parse("n1*!?1,n3*", resolver):join(), "n10,n3", "wildcards choose from the inventory")
tap.is(asked, { "inventory" }, "which is asked for once")
set, message, code = parse("x,@none", resolver)
tap.is({ set, message, code },
	{ nil, "host set 'x,@none', column 3: there is no group 'none'", "noent" },
	"a group that is not there says so")
tap.raises("a bug in the group", "an error of the resolver goes through", parse, "@bug", resolver)
tap.like(select(2, parse("@odd", resolver)), "gave a string where a host set is expected",
	"a resolver gives sets")
tap.like(select(2, parse("@web", { inventory = resolver.inventory })), "no groups are known",
	"what the resolver lacks is said")
tap.like(select(2, parse("^/etc/hosts", resolver)), "files cannot be named", "files are refused")

-- methods that others add; memory

hostset.methods.twice = function(self) return #self * 2 end
tap.is(four:twice(), 8, "methods can be added")
hostset.methods.twice = nil

-- a set is a few bytes to Lua's collector and a megabyte to the process
local alive = setmetatable({}, { __mode = "v" })
for i = 1, 200 do alive[i] = parse "node[1-50000]" end
local survivors = 0
for _ in pairs(alive) do survivors = survivors + 1 end
tap.ok(survivors < 100, "large sets are collected as they come")

return tap.done()
