-- One rack, chosen by lot, goes away after ten minutes and comes back an hour later.

return {
  summary = "a rack goes away after ten minutes, for an hour",
  events = { { at = "10m", fault = "rack", size = 18, back = "1h" } },
}
