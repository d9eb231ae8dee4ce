-- A bad day, made up, so that everything that can go wrong does within minutes.

return {
  summary = "everything goes wrong within minutes",
  hang = { per_hour = 0.2 },
  crash = { per_hour = 0.2, back = { "lognormal", median = "10m", sigma = 0.5 } },
  cut = { per_hour = 0.5, back = { "uniform", min = "5s", max = "1m" } },
  slow = { share = 0.05, factor = { "uniform", min = 1.5, max = 4 } },
  rack = { per_hour = 0.05, size = 18, back = "20m" },
}
