-- The RoCE cluster that Llama 3 405B was trained on, 24,576 H100 GPUs, as its paper tells it (The
-- Llama 3 Herd of Models, arXiv 2407.21783, section 3.3.1).
--   pods   pods of 3,072 GPUs (8)
--
-- Hosts of 8 GPUs, 400 Gb/s per GPU: 50 GB/s each way. A rack is two hosts, 16 GPUs, under one
-- switch; 192 racks make a pod with full bisection; above the pods the network is oversubscribed
-- 1:7. The training used 16,384 of the GPUs. NVLink 4 is 450 GB/s each way (H100 data sheet).
-- How many switches are above the racks is not told, so they are not counted. Latencies are those
-- of NCCL's tuner (2.30, Simple).

local p = ...
local pods = p.pods or 8
local racks = pods * 192
local digits = racks > 9999 and #(racks .. "") or 4

return {
  name = ("llama3-24k:pods=%d"):format(pods),
  hosts = (("rack[%%0%dd-%%0%dd]h[1-2]"):format(digits, digits)):format(1, racks),
  gpus_per_host = 8,
  adapters_per_host = 8,
  topology = {
    { name = "host", count = 8, link = "nvlink", bandwidth_gbyte_s = 450, latency_us = 3.4 },
    { name = "rack", count = 2, link = "ethernet", bandwidth_gbyte_s = 50, latency_us = 14 },
    { name = "pod", count = 192, link = "ethernet", bandwidth_gbyte_s = 50, latency_us = 14,
      oversubscription = 1 },
    { name = "fabric", count = pods, link = "ethernet", bandwidth_gbyte_s = 50, latency_us = 14,
      oversubscription = 7 },
  },
}
