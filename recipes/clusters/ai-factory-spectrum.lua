-- The AI factory's twin on Spectrum-X Ethernet: 144 racks of GB300 NVL72, 10,368 GPUs, each with
-- 2 x 400 Gb/s on two planes that share nothing. 100 GB/s each way; a job survives the loss of a
-- plane with half of it (NVIDIA's Spectrum-X reference architecture, which is twin-plane for B300).
-- Racks, trays and NVLink as in ai-factory.
--
-- A Spectrum-4 SN5600 has 128 ports of 400 Gb/s, so that two levels end at 8,192 GPUs a plane: this
-- machine needs three. How they are laid out is our assumption, non-blocking at every level:
--   leaf   a unit has 3 for each of 4 rails and each plane, with 48 GPUs below and 48 uplinks
--   spine  a pod of 3 units has 48 a plane, with a link from each of its 36 leaves, and 36 uplinks
--   core   96 a plane, two for the spines of one number, with 18 links from each of 6 pods
-- Together 432 + 576 + 192 = 1,200 switches.

return {
  name = "ai-factory-spectrum",
  hosts = "r[001-144]t[01-18]",
  gpus_per_host = 4,
  adapters_per_host = 4,
  topology = {
    { name = "tray", count = 4, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "rack", count = 18, link = "nvlink", bandwidth_gbyte_s = 900, latency_us = 3.4 },
    { name = "su", count = 8, link = "ethernet", bandwidth_gbyte_s = 100, latency_us = 14,
      rails = 4, switches = 2 * 12 },
    { name = "pod", count = 3, link = "ethernet", bandwidth_gbyte_s = 100, latency_us = 14,
      rails = 4, oversubscription = 1, switches = 2 * 48 },
    { name = "fabric", count = 6, link = "ethernet", bandwidth_gbyte_s = 100, latency_us = 14,
      rails = 4, oversubscription = 1, switches = 2 * 96 },
  },
}
