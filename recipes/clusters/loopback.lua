-- A fleet of loopback addresses on this machine, for trying things out: scripts/dev/fleet answers
-- SSH on every one of them.
--   hosts  addresses (64)
--   slots  ranks a host takes (4); there are no GPUs
--
-- Four hosts make a rack. The distances are made up, so that maps have something to choose.

local p = ...
local hosts, slots = p.hosts or 64, p.slots or 4
if hosts > 51200 then hosts = 51200 end -- 127.1.0.1 to 127.1.255.200
local names = {}
for first = 0, hosts - 1, 200 do
  local n = hosts - first < 200 and hosts - first or 200
  names[#names + 1] = ("127.1.%d.[1-%d]"):format(first // 200, n)
end
local list = ""
for i = 1, #names do list = list .. (i > 1 and "," or "") .. names[i] end

return {
  name = ("loopback:hosts=%d,slots=%d"):format(hosts, slots),
  hosts = list,
  gpus_per_host = slots,
  topology = {
    { name = "host", count = slots, distance = 1 },
    { name = "rack", count = 4, distance = 3 },
    { name = "row", count = (hosts + 3) // 4, distance = 10 },
  },
}
