-- reasons.lua - why hosts failed, equal reasons folded: "unreachable (connect: refused): n[3-5]".

local reasons = {}

-- A reason without what differs from host to host: its name, where that stands as a word, and the
-- key that it shows.
local function without_host(why, entry)
  if entry.outcome == "hostkey" then why = why:gsub(" %(SHA256:[%w+/]+%)", "") end
  local host, out, from = entry.host, {}, 1
  local first, last = why:find(host, from, true)
  while first do
    local part_of_word = why:sub(first - 1, first - 1):find("[%w_-]") and first > 1
      or why:find("^[%w_-]", last + 1)
    out[#out + 1] = why:sub(from, first - 1) .. (part_of_word and host or "the host")
    from = last + 1
    first, last = why:find(host, from, true)
  end
  return ((table.concat(out) .. why:sub(from)):gsub("^the host port ", "port "))
end

local function sentence(entry, why)
  if entry.phase and entry.phase ~= entry.outcome and entry.phase ~= "stream" then
    why = why == "" and entry.phase or entry.phase .. ": " .. why
  end
  return why == "" and entry.outcome or ("%s (%s)"):format(entry.outcome, why)
end

-- One reason in words, such that equal reasons are equal; and, where that is another, as it reads
-- when one host alone has it.
local function words(entry)
  local outcome = entry.outcome
  if outcome == "signal" then return "signal " .. entry.signal end
  -- A copy is made under a name of its own, different on every host.
  local why = (entry.why or ""):gsub("%.[%w-]+%.%d+%.%d+%.part", "")
  if outcome == "exit" then
    local said = why ~= "" and not why:find("^exit")
    return ("exit %d%s"):format(entry.code, said and (" (%s)"):format(why) or "")
  end
  if outcome == "canceled" and why:find("^cancell?ed$") then return outcome end
  return sentence(entry, without_host(why, entry)), sentence(entry, why)
end

-- What was canceled is a consequence: it comes after what happened by itself.
local function comes_before(a, b)
  if a.canceled ~= b.canceled then return b.canceled end
  if #a.names ~= #b.names then return #a.names > #b.names end
  return a.first < b.first
end

--- Groups the tasks `indexes` of a run by reason, the largest group first.
---@return { text: string, hosts: userdata, line: string, count: integer }[]
function reasons.fold(run, indexes)
  local groups, by_text = {}, {}
  for _, index in ipairs(indexes) do
    local entry = run:result(index)
    local text, alone = words(entry)
    local group = by_text[text]
    if not group then
      group = { text = text, alone = alone or text, names = {}, first = #groups,
                canceled = entry.outcome == "canceled" }
      by_text[text] = group
      groups[#groups + 1] = group
    end
    group.names[#group.names + 1] = entry.host
  end
  table.sort(groups, comes_before)
  local hostset = require "perilune.core.hostset"
  for _, group in ipairs(groups) do
    group.hosts, group.count = hostset.new(group.names), #group.names
    if group.count == 1 then group.text = group.alone end
    group.line = ("%s: %s"):format(group.text, group.hosts:fold())
  end
  return groups
end

--- The tasks that did not end ok, in order.
---@return integer[]
function reasons.failed(run)
  local summary, failed = run:summary(), {}
  if summary.ok == summary.tasks then return failed end
  for i = 1, run:count() do
    if run:outcome(i) ~= "ok" then failed[#failed + 1] = i end
  end
  return failed
end

--- Those of them that have failed so far and are not in `seen`, which gets them too.
---@param seen table<integer, boolean>
---@return integer[]
function reasons.newly_failed(run, seen)
  local summary, failed = run:summary(), {}
  if summary.ended == summary.ok then return failed end
  for i = 1, run:count() do
    local outcome = run:outcome(i)
    if outcome ~= "ok" and outcome ~= "none" and not seen[i] then
      seen[i] = true
      failed[#failed + 1] = i
    end
  end
  return failed
end

return reasons
