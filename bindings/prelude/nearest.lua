-- "Did you mean": the known name closest to a mistyped one. The rule is that of base/nearest.h.

local nearest = {}

-- Insertions, deletions, replacements and swaps of neighbours that lead from a to b.
local function distance(a, b)
	local before, last, row = {}, {}, {}
	for j = 0, #b do
		last[j] = j
	end
	for i = 1, #a do
		row[0] = i
		local c = a:byte(i)
		for j = 1, #b do
			local d = b:byte(j)
			local best = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (c == d and 0 or 1))
			if i > 1 and j > 1 and c == b:byte(j - 1) and a:byte(i - 1) == d then
				best = math.min(best, before[j - 2] + 1)
			end
			row[j] = best
		end
		before, last, row = last, row, before
	end
	return last[#b]
end

--- The entry of `names` closest to `word`, nil when none is near.
---@param word string
---@param names string[]
---@return string|nil
function nearest.find(word, names)
	local best, best_distance
	word = tostring(word):lower()
	for _, name in ipairs(names) do
		local d = distance(word, tostring(name):lower())
		local most = math.max(2, math.max(#word, #name) // 3)
		if d <= most and d < #name and (best == nil or d < best_distance) then
			best, best_distance = name, d
		end
	end
	return best
end

--- " (did you mean 'x'?)", or "" when nothing is near.
---@param word string
---@param names string[]
---@return string
function nearest.hint(word, names)
	local name = nearest.find(word, names)
	return name and (" (did you mean '%s'?)"):format(name) or ""
end

--- As nearest.find: nearest(word, names).
return setmetatable(nearest, {
	__call = function(_, word, names)
		return nearest.find(word, names)
	end,
})
