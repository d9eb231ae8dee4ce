-- An AI factory of two islands: 72 racks of GB300 NVL72 on Quantum-X800 InfiniBand and 72 on
-- Spectrum-X Ethernet, 5,184 GPUs each. Racks, trays and NVLink as in ai-factory.
--
-- Between the islands there is only the network for storage and users: a BlueField-3 of 400 Gb/s
-- per tray (GB300 NVL72 data sheet), 12.5 GB/s for each of its 4 GPUs. So only pipeline or data
-- parallelism may cross. That this network is non-blocking is an assumption.
--
-- Switches, 420: InfiniBand has 72 leaves and 36 spines, as in ai-factory; of Ethernet's two planes
-- each has 12 leaves a unit and 48 spines with 108 ports in use, as two levels of 128 ports allow.

return {
  name = "ai-factory-mixed",
  hosts = "ib[01-72]t[01-18],eth[01-72]t[01-18]",
  gpus_per_host = 4,
  adapters_per_host = 4,
  topology = {
    { name = "tray", count = 4, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "rack", count = 18, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    -- one island's link is InfiniBand, the other's Ethernet; what they give a GPU is the same
    { name = "su", count = 8, bandwidth_gbyte_s = 100, latency_us = 14, rails = 4 },
    { name = "island", count = 9, bandwidth_gbyte_s = 100, latency_us = 14, rails = 4,
      oversubscription = 1 },
    { name = "site", count = 2, link = "ethernet", bandwidth_gbyte_s = 12.5,
      switches = 72 + 36 + 2 * (9 * 12 + 48), islands = { "infiniband", "ethernet" } },
  },
}
