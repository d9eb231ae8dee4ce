-- DGX B300 hosts on Spectrum-X Ethernet.
--   nodes  hosts (64: 512 GPUs)
--   su     hosts in a scalable unit (64, as in NVIDIA's B300 Spectrum-X reference architecture)
--
-- A host is one NVLink domain of 8 GPUs: NVLink 5, 900 GB/s each way. Each GPU has 2 x 400 Gb/s on
-- two planes: 100 GB/s each way, half of it when a plane is lost. How leaves and spines are laid
-- out differs from site to site, so switches are not counted.

local p = ...
local nodes, su = p.nodes or 64, p.su or 64
local units = (nodes + su - 1) // su
local digits = nodes > 999 and #(nodes .. "") or 3

return {
  name = ("dgx-b300:nodes=%d,su=%d"):format(nodes, su),
  hosts = (("dgx[%%0%dd-%%0%dd]"):format(digits, digits)):format(1, nodes),
  gpus_per_host = 8,
  adapters_per_host = 8,
  topology = {
    { name = "host", count = 8, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "su", count = su, link = "ethernet", bandwidth_gbyte_s = 100, latency_us = 14,
      rails = 8 },
    { name = "fabric", count = units, link = "ethernet", bandwidth_gbyte_s = 100,
      latency_us = 14, rails = 8, oversubscription = 1 },
  },
}
