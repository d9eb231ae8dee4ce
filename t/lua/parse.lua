-- What programs print, read as rows: the known formats, patterns of one's own, several outputs.
local spec = require "spec"

local csv = require "perilune.csv"
local parse = require "perilune.parse"
local sys = require "perilune.core.sys"

local NCCL = [[
# nThread 1 nGpus 1 minBytes 8 maxBytes 1073741824 step: 2(factor)
#  Rank  0 Group  0 Pid 1006102 on pool0-01806 device  0 [0000:19:00] NVIDIA H100 80GB HBM3
#  Rank  1 Group  0 Pid 1005853 on pool0-01806 device  1 [0000:2d:00] NVIDIA H100 80GB HBM3
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
     1048576        262144     float     sum      -1    27.37   38.31   67.04      0    26.93   38.94   68.14      0
  1073741824     268435456     float     sum      -1   4029.4  266.48  466.33    N/A   4016.4  267.34  467.85    N/A
  2147483648     536870912     float     sum
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 159.151
]]

spec.test("nccl-tests: by size, out of place and in place, ranks, the average", function()
  local rows = parse.rows(NCCL, "nccl-tests")
  spec.equal(#rows, 2)
  local row = rows:at "1G"
  spec.equal({ row.busbw, row.in_place.busbw, row.wrong, row.redop, row.root, row.type },
    { 466.33, 467.85, nil, "sum", -1, "float" })
  spec.equal({ rows:at(1048576).wrong, rows:at(2147483648) }, { 0 })
  spec.equal({ #rows.ranks, rows.ranks[2].bus, rows.ranks[2].name, rows.avg_busbw, rows.units.busbw },
    { 2, "0000:2d:00", "NVIDIA H100 80GB HBM3", 159.151, "GB/s" })
end)

spec.test("MLLOG: events by key, whatever else stands in the line", function()
  local rows = parse.rows([[
0: :::MLLOG {"namespace": "", "time_ms": 100, "key": "run_start", "value": null, "metadata": {"file": "a}b.py", "lineno": 3}}
noise :::MLLOG {broken
:::MLLOG {"namespace": "", "time_ms": 250, "key": "eval_accuracy", "value": 0.92, "metadata": {"epoch_num": 2}}
]], "mllog")
  spec.equal({ #rows, rows:at("run_start").time_ms, rows:at("run_start").metadata.file },
    { 2, 100, "a}b.py" })
  spec.equal(rows:at("eval_accuracy").value, 0.92)
end)

spec.test("torchrun: the first failure is the root cause, signals have names", function()
  local rows = parse.rows([[
train.py FAILED
------------------------------------------------------------
Failures:
[1]:
  time      : 2025-05-21_15:43:05
  host      : node2
  rank      : 9 (local_rank: 1)
  exitcode  : 1 (pid: 14751)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2025-05-21_15:43:03
  host      : node1
  rank      : 0 (local_rank: 0)
  exitcode  : -9 (pid: 14750)
  error_file: <N/A>
  traceback : Signal 9 (SIGKILL) received by PID 14750
============================================================
]], "torchrun")
  spec.equal({ #rows, rows:at(9).host, rows:at(9).root, rows:at(9).code }, { 2, "node2", false, 1 })
  local root = rows:where { root = true }[1]
  spec.equal({ root.rank, root.code, root.signal, root.error_file }, { 0, -9, "SIGKILL" })
  local agent = parse.rows("E0801 failed (exitcode: -6) local_rank: 3 (pid: 33054) of binary: x",
    "torchrun")
  spec.equal({ agent[1].local_rank, agent[1].code, agent[1].pid }, { 3, -6, 33054 })
end)

spec.test("ib_write_bw and its relatives: columns and units as the head says", function()
  local rows = parse.rows([[
---------------------------------------------------------------------------------------
 #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]
 65536      5000             392.55             391.92 		   0.747527
---------------------------------------------------------------------------------------
]], "ib_write_bw")
  local row = rows:at "64K"
  spec.equal({ row.bw_peak, row.bw_average, row.msgrate, row.iterations, rows.units.bw_average },
    { 392.55, 391.92, 0.747527, 5000, "Gb/sec" })
  local latency = parse.rows([[
 #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    99% percentile[usec]
 2       1000          0.97           4.52         1.02     	       1.03        	1.22
]], "ib_write_bw")
  spec.equal({ latency[1].t_typical, latency[1]["99_percentile"], latency.units.t_min },
    { 1.02, 1.22, "usec" })
end)

spec.test("JSON: one document, an array, or a line each", function()
  spec.equal(parse.rows('{"a": 1}', "json")[1].a, 1)
  spec.equal(#parse.rows('[{"a": 1}, {"a": 2}]', "json"), 2)
  local rows = parse.rows('starting\n{"a": 1}\n{"a": 2, "b": 3}\n{broken\n', "json", { key = "b" })
  spec.equal({ #rows, rows:at(3).a }, { 1, 2 })
end)

spec.test("CSV: quotes, numbers, and the units of nvidia-smi", function()
  local rows = parse.rows('name,n\n"a, ""b""\nc",1.5\nplain,"2"\n', "csv")
  spec.equal({ rows[1].name, rows[1].n, rows[2].n }, { 'a, "b"\nc', 1.5, "2" })
  rows = parse.rows("index, memory.used [MiB], name\r\n0, 81559 MiB, H100\r\n", "csv")
  spec.equal({ rows:at(0)["memory.used"], rows.units["memory.used"], rows[1].name },
    { 81559, "MiB", "H100" })
  spec.refuses("the quote that begins in line 3 has no end", csv.decode 'a\nb\n"c')
end)

spec.test("CSV is written as it is read", function()
  local rows = { { a = 'x "y", z', b = 1.5 }, { a = " led", b = 2 }, { b = 3 } }
  local text = csv.encode(rows, { "a", "b" })
  spec.equal(text, 'a,b\n"x ""y"", z",1.5\n" led",2\n,3\n')
  spec.equal(csv.decode(text)[1].a, rows[1].a)
  spec.equal(csv.encode({ { 1, 2 } }, { 2, 1 }, { header = false, separator = ";" }), "2;1\n")
  spec.raises("separator is one character", csv.decode, "", { separator = "ab" })
end)

spec.test("captures have names, units and types", function()
  local rows = parse.rows("step 1 took 1.5ms, moved 64K at 2.5\nstep 2 took 2ms, moved 1M at 3\n",
    "step (%d+) took (%S+), moved (%S+) at (%S+)", { "step", "time:duration", "bytes:size", "bw [GB/s]" })
  local row = rows:at(2)
  spec.equal({ row.time, row.bytes, row.bw, rows.units.bw }, { 0.002, 1 << 20, 3, "GB/s" })
  spec.raises("a capture is read as size", parse.rows, "", "(%d)", { "x:bytes" })
  spec.raises("there is no format 'nccl-test' (did you mean 'nccl-tests'?)", parse.rows, "", "nccl-test")
end)

spec.test("several outputs are read each for itself, and rows know where they come from", function()
  local rows = parse.entries({ { host = "n1", stdout = "bw=1" }, { host = "n2", stdout = "" },
    { host = "n3", stdout = "bw=3\nbw=4\n" } }, "key=value", nil, { 0, 1, 2 })
  spec.equal({ #rows, rows[1].host, rows[3].host, rows[3].rank, rows[3].bw }, { 3, "n1", "n3", 2, 4 })
  local failed = parse.entries({ { host = "n1", stdout = "nothing" } }, "nccl-tests")
  spec.equal({ failed.ok, failed.phase, failed.tail }, { false, "parse", "nothing" })
end)

local samples = sys.getenv "PERILUNE_SAMPLES"
if samples then
  spec.test("real outputs: nccl-tests on eight H100, torchrun's reports", function()
    local text = assert(sys.read_file(samples .. "/nccl-tests/all_reduce-8xH100.txt"))
    local rows = parse.rows(text, "nccl-tests")
    spec.equal({ #rows, #rows.ranks, rows:at("16G").busbw, rows.out_of_bounds }, { 32, 8, 479.9, 0 })
    text = assert(sys.read_file(samples .. "/misc/torchrun-childfailederror-single.txt"))
    rows = parse.rows(text, "torchrun")
    spec.equal({ rows[1].rank, rows[1].signal, rows[1].root, rows[1].pid }, { 0, "SIGKILL", true, 14750 })
    text = assert(sys.read_file(samples .. "/misc/torch-elastic-agent-lines.txt"))
    spec.equal(parse.rows(text, "torchrun")[2].code, -9)
  end)
else
  print "# skipped: real outputs (PERILUNE_SAMPLES is not set)"
end

return spec.done()
