-- An AI factory of 10,368 Blackwell Ultra GPUs: 144 racks of GB300 NVL72 on Quantum-X800
-- InfiniBand, in 18 scalable units of 8 racks. It has no parameters: gb300-nvl72 has.
--
-- A rack is one NVLink domain of 18 trays with 4 GPUs: NVLink 5, 900 GB/s per GPU each way, and one
-- ConnectX-8 of 800 Gb/s per GPU, 100 GB/s each way (GB300 NVL72 data sheet). Units of 8 racks are
-- those of NVIDIA's DGX SuperPOD reference architecture for NVL72.
--
-- A Quantum-X800 Q3400 has 144 ports of 800 Gb/s. A unit has 8 leaves, two for each of 4 rails (the
-- GPU's index in its tray), each with 72 GPUs below and 72 uplinks; 18 units make 144 leaves, and
-- 144 x 72 uplinks fill 72 spines: non-blocking, and at 10,368 ports as large as two levels of this
-- switch get. Which leaf a rail of a rack goes to is an assumption.
-- No official latency per hop is published; the figures are those of NCCL's tuner (2.30, Simple).

return {
  name = "ai-factory",
  hosts = "r[001-144]t[01-18]",
  gpus_per_host = 4,
  adapters_per_host = 4,
  topology = {
    { name = "tray", count = 4, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "rack", count = 18, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "su", count = 8, link = "infiniband", bandwidth_gbyte_s = 100, latency_us = 14,
      rails = 4, switches = 8 },
    { name = "fabric", count = 18, link = "infiniband", bandwidth_gbyte_s = 100, latency_us = 14,
      rails = 4, oversubscription = 1, switches = 72 },
  },
}
