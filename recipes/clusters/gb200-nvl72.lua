-- GB200 NVL72 racks on 400 Gb/s InfiniBand.
--   racks  racks (8: 576 GPUs)
--   su     racks in a scalable unit (8, as in NVIDIA's DGX SuperPOD reference architecture)
--
-- As GB300, but each GPU has an adapter of 400 Gb/s: 50 GB/s each way (GB200 NVL72 data sheet). How
-- leaves and spines are laid out differs from site to site, so switches are not counted.

local p = ...
local racks, su = p.racks or 8, p.su or 8
local units = (racks + su - 1) // su
local digits = racks > 999 and #(racks .. "") or 3

return {
  name = ("gb200-nvl72:racks=%d,su=%d"):format(racks, su),
  hosts = (("r[%%0%dd-%%0%dd]t[01-18]"):format(digits, digits)):format(1, racks),
  gpus_per_host = 4,
  adapters_per_host = 4,
  topology = {
    { name = "tray", count = 4, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "rack", count = 18, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "su", count = su, link = "infiniband", bandwidth_gbyte_s = 50, latency_us = 14,
      rails = 4 },
    { name = "fabric", count = units, link = "infiniband", bandwidth_gbyte_s = 50,
      latency_us = 14, rails = 4, oversubscription = 1 },
  },
}
