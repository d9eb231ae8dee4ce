#!/bin/sh

test_description='Rehearsals of large machines'
. /usr/share/sharness/sharness.sh

cost="$PERILUNE_BUILDDIR/t/bench/cost"

cat >train.lua <<-\EOF
local pl = require "perilune"
return pl.recipe { name = "train", run = function(t)
  local hosts = t.hosts
  for _ = 1, 3 do
    local map = t:map(hosts, { tp = 4, pp = 20, dp = 128 }):must()
    local job <close> = t:launch(map, { cmd = "train" })
    local out = job:wait()
    if out.ok then return t:note("%d ranks after %d hosts", #out, #hosts) end
    local gone = {}
    for i, f in ipairs(hosts:exec("true"):failures()) do gone[i] = f.host end
    hosts = hosts - pl.hosts.new(gone)
  end
  t:expect(false, "no job came to its end")
end,
sim = { { match = "train", reply = function(_, rank)
  return { stdout = ("rank %d\n"):format(rank), seconds = { "normal", mean = "1h", sd = 10 } }
end } } }
EOF

# CPU of this process alone, so that it holds on a machine that has other things to do
test_expect_success 'a job on 10,368 GPUs, a rack outage, and the job again: under 5 s' '
	"$cost" perilune run --sim -C gb300-nvl72 -f 3000 --faults rack-outage ./train.lua >cost 2>err &&
	cat cost err && grep "10240 ranks after 2574 hosts" err && awk "{ exit !(\$1 < 5000) }" cost
'

test_expect_success 'ten commands on 10,000 hosts: a tenth of a minute, 100 MB' '
	echo "return require \"perilune\".recipe { name = \"ten\", run = function(t)
	  for i = 1, 10 do t.hosts:exec(\"date \" .. i):must() end end }" >ten.lua &&
	"$cost" perilune run --sim -w "n[1-10000]" ./ten.lua >cost 2>err && cat cost &&
	awk "{ exit !(\$1 < 6000 && \$3 < 100000 && \$4 == 0) }" cost
'

test_done
