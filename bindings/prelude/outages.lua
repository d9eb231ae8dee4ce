-- outages.lua - when a simulated host is away, hangs, or is slow. Each is a sequence of its own on
-- the rehearsal's clock that follows from the seed alone: it is the same whatever the recipe does,
-- and costs nothing while nobody asks. Times are seconds from the start of the rehearsal.

local outages = {}

-- ---- events that come at random --------------------------------------------------------------

---@class perilune.Outage
---@field from number when it begins
---@field to number when it is over; math.huge: never
local Process = {}
Process.__index = Process

local function schedule(self, after)
  self.from = after + self.stream:wait(self.mean)
  self.to = self.from + (self.back and self.back:draw(self.stream) or math.huge)
end

--- Outages so far apart on average. back: how long they last, nil for ever.
---@param stream perilune.Stream
---@param mean number seconds
---@param back perilune.Distribution?
function outages.process(stream, mean, back)
  local self = setmetatable({ stream = stream, mean = mean, back = back }, Process)
  schedule(self, 0)
  return self
end

--- The outage that goes on now, or the next one. `now` may not go back.
---@param now number
---@return number from
---@return number to
function Process:at(now)
  while self.to <= now do schedule(self, self.to) end
  return self.from, self.to
end

-- ---- one event -------------------------------------------------------------------------------

local Once = {}
Once.__index = Once

--- One outage.
---@param from number
---@param to number
function outages.once(from, to)
  return setmetatable({ from = from, to = to }, Once)
end

function Once:at(now)
  if self.to <= now then return math.huge, math.huge end
  return self.from, self.to
end

-- ---- what becomes of a command -----------------------------------------------------------------

-- The first of several, counted from now.
local function first(list, now)
  local from = math.huge
  for _, outage in ipairs(list) do
    local begins = outage:at(now)
    if begins < from then from = begins end
  end
  return from
end

-- A host that is gone answers nobody: who asks waits as long as a connection may take.
local function unreachable(patience)
  return { refuse = "unreachable", phase = "connect", seconds = patience }
end

--- What becomes of a command that would get `reply` and take reply.seconds.
---@param host { away: table[], hangs: table[], factor: number? } of this host
---@param now number seconds from the start of the rehearsal
---@param reply table
---@param patience number seconds a connection may take
---@return table reply
function outages.befall(host, now, reply, patience)
  local away = first(host.away, now)
  if away <= now then return unreachable(patience) end
  if reply.refuse then return reply end
  local seconds = reply.hang and math.huge or reply.seconds * (host.factor or 1)
  if first(host.hangs, now) < now + seconds then seconds = math.huge end
  if away < now + seconds then return { drop = true, seconds = away - now } end
  if seconds == math.huge then return { hang = true } end
  if seconds == reply.seconds then return reply end
  local slower = {}
  for key, value in pairs(reply) do slower[key] = value end
  slower.seconds = seconds
  return slower
end

return outages
