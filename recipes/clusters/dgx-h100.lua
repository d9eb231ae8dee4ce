-- DGX H100 hosts on Quantum-2 InfiniBand.
--   nodes  hosts (32: 256 GPUs)
--   su     hosts in a scalable unit (32, as in NVIDIA's DGX SuperPOD H100 reference architecture)
--
-- A host is one NVLink domain of 8 GPUs: NVLink 4, 900 GB/s per GPU both ways, 450 each way. One
-- adapter of 400 Gb/s per GPU: 50 GB/s each way. Quantum-2 switches have 64 ports: a leaf takes the
-- 32 GPUs of one rail of a unit and 32 uplinks. Beyond 2,048 GPUs there is a third level whose
-- switches are not counted here.

local p = ...
local nodes, su = p.nodes or 32, p.su or 32
local units = (nodes + su - 1) // su
local leaves = 8 * ((su + 31) // 32)
local spines = units > 1 and units * leaves <= 64 and (units * leaves + 1) // 2 or 0
local digits = nodes > 999 and #(nodes .. "") or 3

return {
  name = ("dgx-h100:nodes=%d,su=%d"):format(nodes, su),
  hosts = (("dgx[%%0%dd-%%0%dd]"):format(digits, digits)):format(1, nodes),
  gpus_per_host = 8,
  adapters_per_host = 8,
  topology = {
    { name = "host", count = 8, link = "nvlink", bandwidth_gbyte_s = 450, latency_us = 3.4 },
    { name = "su", count = su, link = "infiniband", bandwidth_gbyte_s = 50, latency_us = 14,
      rails = 8, switches = leaves },
    { name = "fabric", count = units, link = "infiniband", bandwidth_gbyte_s = 50,
      latency_us = 14, rails = 8, oversubscription = 1, switches = spines },
  },
}
