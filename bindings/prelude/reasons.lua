-- reasons.lua - why hosts failed, equal reasons folded: "unreachable (connect: refused): n[3-5]".

local reasons = {}

local function sentence(entry, why)
  if entry.phase and entry.phase ~= entry.outcome and entry.phase ~= "stream" then
    why = why == "" and entry.phase or entry.phase .. ": " .. why
  end
  return why == "" and entry.outcome or ("%s (%s)"):format(entry.outcome, why)
end

-- One reason in words. Equal reasons are equal, because `why` says nothing that is a host's alone.
local function words(entry)
  local outcome = entry.outcome
  if outcome == "signal" then return "signal " .. entry.signal end
  -- A copy is made under a name of its own, different on every host.
  local why = (entry.why or ""):gsub("%.%d+%-%d+%-[%w-]+%.[%w._-]+%.part", "")
  if outcome == "exit" then
    local said = why ~= "" and not why:find("^exit")
    return ("exit %d%s"):format(entry.code, said and (" (%s)"):format(why) or "")
  end
  if outcome == "canceled" and why:find("^cancell?ed$") then return outcome end
  return sentence(entry, why)
end

-- The reason of a host that has it alone: with its detail, where there is one.
local function words_alone(text, entry)
  if not entry.detail then return text end
  local inside = text:match("^(.*)%)$")
  return inside and ("%s; %s)"):format(inside, entry.detail)
    or ("%s (%s)"):format(text, entry.detail)
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
    local text = words(entry)
    local group = by_text[text]
    if not group then
      group = { text = text, alone = words_alone(text, entry), names = {}, first = #groups,
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
