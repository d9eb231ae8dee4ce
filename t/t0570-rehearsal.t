#!/bin/sh

test_description='Rehearsals: simulated answers and times, faults, recorded runs, seeds'
. /usr/share/sharness/sharness.sh

cat >rounds.lua <<-\EOF
return require "perilune".recipe { name = "rounds",
  options = { rounds = { type = "int", default = 20 } },
  run = function(t, o)
    for i = 1, o.rounds do
      local r = t.hosts:exec("bench " .. i, { timeout = "10m" })
      for _, one in ipairs(r) do t:metric("seconds", one.seconds, { at = one.host }) end
      for _, f in ipairs(r:failures()) do t:note("%d %s %s", i, f.host, f.outcome) end
    end
    t:note("%d", math.random(1 << 40))
  end,
  sim = { { match = "bench",
    reply = { stdout = "x\n", seconds = { "exponential", mean = "60s" } } } } }
EOF

rehearse() {
	perilune run --sim "$@" >out 2>err
}

# what two reports differ in besides the names of their runs
same_report() {
	for report in "$1" "$2"; do
		sed "/^  \"dir\": /d; /^  \"run\": /d" "$report" >"$report.plain" || return 1
	done
	test_cmp "$1.plain" "$2.plain"
}

test_expect_success 'the same seed is the same run, another one is not' '
	rehearse -w "n[1-8]" --faults rough --seed 5 --json 1.json ./rounds.lua &&
	rehearse -w "n[1-8]" --faults rough --seed 5 --json 2.json ./rounds.lua &&
	rehearse -w "n[1-8]" --faults rough --seed 6 --json 3.json ./rounds.lua &&
	grep "lost\|unreachable" 1.json && same_report 1.json 2.json && ! same_report 1.json 3.json
'

test_expect_success 'without a seed it is the same run as well' '
	rehearse -w "n[1-2]" --json 1.json ./rounds.lua && rehearse -w "n[1-2]" --json 2.json ./rounds.lua &&
	same_report 1.json 2.json
'

cat >job.lua <<-\EOF
return require "perilune".recipe { name = "job",
  run = function(t)
    local hosts = t.hosts
    for _ = 1, 3 do
      local map = t:map(hosts, { dp = 8 }):must()
      local job <close> = t:launch(map, { cmd = { "train", "-x" } })
      local out = job:wait()
      if out.ok then
        t:note("ranks %s", table.concat({ out:rank(0).stdout, out:rank(7).stdout }, " "))
        return
      end
      t:note("%s: rank %d on %s", out.phase, out.first.rank, out.first.host)
      local gone = {}
      for i, f in ipairs(hosts:exec("true"):failures()) do gone[i] = f.host end
      hosts = hosts - t.run.host_set(gone)
      t:note("left %s", hosts)
    end
    t:expect(false, "no job came to its end")
  end,
  sim = { { match = "^train %-x$", reply = function(_, rank)
    return { stdout = "r" .. rank, seconds = 1800 }
  end } } }
EOF

test_expect_success 'a rack outage ends a job, which goes on elsewhere; responders know the rank' '
	echo "return { events = { { at = \"10m\", fault = \"rack\", hosts = \"r001t[01-18]\" } } }" >racks.lua &&
	rehearse -C gb300-nvl72:racks=2,su=2 -w "r001t[01-02],r002t[01-02]" --faults ./racks.lua ./job.lua &&
	grep "run: rank 0 on r001t01" err && grep "left r002t\[01-02\]" err && grep "ranks r0 r7" err
'

test_expect_success 'a host that is gone refuses only after the time a connection may take' '
	echo "return { events = { { fault = \"crash\", hosts = \"n2\" } } }" >gone.lua &&
	rehearse -w n2 -t 4s --faults ./gone.lua --json - ./rounds.lua --rounds 1 &&
	grep "1 n2 unreachable" out && grep "\"seconds\": 4[.,]" out
'

test_expect_success 'what a cluster file says answers for every verb, with times of its own' '
	cat >c.lua <<-\EOF &&
	return { name = "c", hosts = "n[1-2]", sim = { seconds = { "uniform", min = "5s", max = "6s" },
	  { match = "^who", reply = function(host, rank) return { stdout = host .. rank .. "\n" } end } } }
	EOF
	perilune exec --transport sim -C ./c.lua -a who >out 2>err &&
	printf "n1: n10\nn2: n20\n" | test_cmp - out &&
	perilune exec --transport sim -C ./c.lua -a --json other >out && grep "\"seconds\":5" out
'

test_expect_success 'what is wrong in a cluster file is told' '
	echo "return { hosts = \"n1\", sim = { { match = \"(\", reply = {} } } }" >bad.lua &&
	expect_exit 2 perilune exec --transport sim -C ./bad.lua -a x 2>err && grep "responder 1: " err &&
	echo "return { hosts = \"n1\", sim = { { match = \"x\", reply = { seconds = { \"gauss\" } } } } }" >bad.lua &&
	expect_exit 2 perilune exec --transport sim -C ./bad.lua -a x 2>err && grep "a distribution is" err &&
	echo "return { hosts = \"n1\", sim = { { match = \"x\", reply = function() return 1 end } } }" >bad.lua &&
	expect_exit 1 perilune exec --transport sim -C ./bad.lua -a x 2>err && grep "a reply is a table" err
'

cat >said.lua <<-\EOF
return require "perilune".recipe { name = "said", run = function(t)
  for _, r in ipairs(t.hosts:exec("echo $$; echo err $$ >&2; exit 3")) do
    t:note("%s %s %s %s", r.host, r.code, r.stdout, r.stderr)
  end
  t:note("%s", t.hosts:exec({ "printf", "%b", "a\\0377" })[1].stdout == "a\255")
end }
EOF

test_expect_success 'a recorded run answers again: the same host, other hosts, what it does not know' '
	perilune run --transport local -w "n[1-2]" --name live ./said.lua 2>live &&
	rehearse -w "n[1-3]" --sim-from last ./said.lua &&
	grep "^true" err && grep "^n1 3 $(sed -n "s/^n1 3 //p" live)$" err &&
	grep "^n2 3 $(sed -n "s/^n2 3 //p" live)$" err && grep "^n3 3 " err
'

test_expect_success 'at a prompt, the recipe that runs there answers, and faults befall the fleet' '
	printf "%s\n" "run(\"./rounds.lua\", { rounds = 1 })" ">true" | perilune repl --sim -w "n[1-2]" --faults ./gone.lua \
		>out 2>&1; cat out; grep "1 n2 unreachable" out && ! grep "n1 lost" out && grep "n2.*unreachable" out
'

test_expect_success 'words that make no sense are refused' '
	expect_exit 2 perilune run --faults rough -w n1 ./said.lua 2>err && grep "faults needs --sim" err &&
	expect_exit 2 perilune run --sim-from last -w n1 ./said.lua 2>err && grep "sim-from needs --sim" err &&
	expect_exit 2 rehearse -w n1 --faults ruogh ./said.lua && grep "did you mean .rough.?" err &&
	expect_exit 2 rehearse -w n1 --sim-from 1999 ./said.lua && grep 1999 err &&
	echo "return { hang = { per_huor = 1 } }" >wrong.lua &&
	expect_exit 2 rehearse -w n1 --faults ./wrong.lua ./said.lua && grep "did you mean .per_hour.?" err &&
	echo "return os.time()" >wrong.lua &&
	expect_exit 2 rehearse -w n1 --faults ./wrong.lua ./said.lua && grep "wrong.lua:1:" err &&
	expect_exit 2 rehearse -w n1 --faults ./missing.lua ./said.lua && grep "missing.lua" err
'

test_done
