-- GB300 NVL72 racks on Quantum-X800 InfiniBand.
--   racks  racks (144: 10,368 GPUs)
--   su     racks in a scalable unit (8, as in NVIDIA's DGX SuperPOD reference architecture)
--
-- A rack is one NVLink domain of 18 trays with 4 GPUs: NVLink 5, 1.8 TB/s per GPU both ways, 900
-- GB/s each way (GB300 NVL72 data sheet). One ConnectX-8 of 800 Gb/s per GPU: 100 GB/s each way.
-- Quantum-X800 Q3400 switches have 144 ports: a leaf takes 72 GPUs of one rail and 72 uplinks, two
-- levels are non-blocking up to 10,368 ports. Which leaf a rail of a rack goes to is an assumption:
-- the four rails of a unit are taken to have leaves of their own.
-- No official latency per hop is published; the figures are those of NCCL's tuner (2.30, Simple).

local p = ...
local racks, su = p.racks or 144, p.su or 8
local units = (racks + su - 1) // su
local leaves = 4 * ((su * 18 + 71) // 72) -- in a unit
local spines = units > 1 and (units * leaves + 1) // 2 or 0
local digits = racks > 999 and #(racks .. "") or 3

return {
  name = ("gb300-nvl72:racks=%d,su=%d"):format(racks, su),
  hosts = (("r[%%0%dd-%%0%dd]t[01-18]"):format(digits, digits)):format(1, racks),
  gpus_per_host = 4,
  adapters_per_host = 4,
  topology = {
    { name = "tray", count = 4, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "rack", count = 18, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "su", count = su, link = "infiniband", bandwidth_gbyte_s = 100, latency_us = 14,
      rails = 4, switches = leaves },
    { name = "fabric", count = units, link = "infiniband", bandwidth_gbyte_s = 100,
      latency_us = 14, rails = 4, oversubscription = 1, switches = spines },
  },
}
