-- ring-allreduce: the main job in one file. Map ranks onto hosts, bring a program there, start one
-- process per rank in mapped order, check where each of them ran, measure, gate.
--
-- The program is ring-allreduce/ring.c: float32 sums over TCP on CPUs, so that it runs on anything
-- that has a C compiler here. For GPUs, put your collective benchmark in its place.

local pl = require "perilune"

local BUILD = "cc -O2 -o ring ring.c"
local PORT_TAKEN = 98 -- exit code of ring.c: try again with another MASTER_PORT

-- Each rank says by which address its SSH server was reached: that must be the mapped host's.
local function check_places(t, pool, map, ranks)
  local addresses = t:addresses(pool)
  if not addresses.ok then
    t:note("placement is not checked: %s", addresses.why)
    return
  end
  for _, row in ipairs(ranks) do
    local host = map:host(row.rank)
    t:check(addresses:is(host, row.server), "rank %d ran on %s, the map says %s", row.rank,
      row.server, host)
  end
  t:check(#ranks == map.size, "%d ranks said where they are, not %d", #ranks, map.size)
end

return pl.recipe {
  name = "ring-allreduce",
  summary = "Ring all-reduce over TCP on CPUs: mapped, launched, placement checked, gated.",

  options = {
    hosts = { type = "int", default = 16, min = 1, help = "hosts to use, from the first" },
    slots = { type = "int", default = 4, min = 1, help = "ranks on each host" },
    bytes = { type = "size", default = "1M", min = 4, max = "16G", help = "summed on each rank" },
    iterations = { type = "int", default = 5, min = 1, help = "timed all-reduces" },
    warmup = { type = "int", default = 1, min = 0, help = "untimed ones before" },
    floor = { type = "number", unit = "GB/s", help = "least bus bandwidth; none when left out" },
    timeout = { type = "duration", default = "2m", help = "for the whole job" },
  },

  run = function(t, o)
    t:expect(#t.hosts >= o.hosts, "%d hosts are needed and %d were given", o.hosts, #t.hosts)
    local pool = t.hosts:slice(1, o.hosts)
    local map = t:map(pool, { dp = o.hosts * o.slots }, { gpus_per_host = o.slots }):must()
    t:attach("map.json", map:format "json")

    local ring = t:stage("ring-allreduce/ring.c", { build = BUILD, name = "ring" }, pool)
      :must()
    local job <close> = t:launch(map, {
      via = "env", timeout = o.timeout, port_taken = PORT_TAKEN,
      cmd = { ring.path, "--bytes", o.bytes, "--iterations", o.iterations, "--warmup", o.warmup },
    })
    local out = job:wait():must()

    check_places(t, pool, map, out:parse("key=value", { key = "rank" }):must())
    local row = out:parse("key=value", { key = "busbw_gb_s" }):must()[1]
    t:metric("busbw", row.busbw_gb_s, { unit = "GB/s", better = "higher" })
    t:metric("time", row.seconds, { unit = "s", better = "lower" })
    t:gate("busbw", { stat = "median", min = o.floor })
  end,

  sim = {
    { match = "/ring ", reply = function(host, rank, cmd)
      local lines = { ("rank=%d host=%s local_rank=0 server=%s"):format(rank, host, host) }
      local bytes = tonumber(cmd:match("%-%-bytes (%d+)"))
      local seconds = 20e-6 + bytes / 1e9
      if rank == 0 then
        lines[2] = ("bytes=%d seconds=%.9f algbw_gb_s=%.6f busbw_gb_s=%.6f"):format(bytes, seconds,
          bytes / seconds / 1e9, 2 * bytes / seconds / 1e9)
      end
      return { stdout = table.concat(lines, "\n") .. "\n", seconds = 1 + 10 * seconds }
    end },
  },
}
