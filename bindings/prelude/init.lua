-- The module `perilune`: what recipes and verbs start from. A field is a module, loaded when it is
-- first used.

local names = {
	"cli", "cluster", "hosts", "json", "map", "recipe", "sandbox", "scope", "time", "topo",
}

local perilune = {}

return setmetatable(perilune, {
	__index = function(_, name)
		local known = false
		for _, n in ipairs(names) do
			known = known or n == name
		end
		if not known then
			local hint = require("perilune.nearest").hint(name, names)
			error(("perilune has no field '%s'%s"):format(tostring(name), hint), 2)
		end
		local module = require("perilune." .. name)
		rawset(perilune, name, module)
		return module
	end,
})
