#!/bin/sh

test_description='Every call that recipes are promised works, or says whose slip it is and on which line'
. /usr/share/sharness/sharness.sh

# recipe NAME: writes NAME.lua from standard input around a run function; line 3 is its first.
recipe() {
	{
		echo 'local pl = require "perilune"'
		echo "return pl.recipe { name = \"$1\", options = { count = { type = \"int\" } }, run = function(t, o)"
		cat
		echo 'end }'
	} >"$1.lua"
}

run_local() {
	perilune run --transport local -w n1,n2 "$@" >out 2>err
}

# raises CODE MESSAGE: a recipe of this one line is wrong, and hears MESSAGE with its line.
raises() {
	printf "%s\n" "$1" | recipe slip
	expect_exit 2 run_local ./slip.lua && grep -F "slip.lua:3: $2" err && ! grep "perilune/[a-z_]*[.]lua" err && return
	echo >&2 "$1:" && cat >&2 err
	return 1
}

test_expect_success 'a method called with a dot is told apart from one that does nothing' '
	raises "t.check(true, \"x\")" "t.check is a method: write t:check(...)" &&
	raises "t.expect(false, \"x\")" "t.expect is a method" &&
	raises "t.metric(\"a\", 1)" "t.metric is a method" &&
	raises "t.sleep(1)" "t.sleep is a method" &&
	raises "t.all { print }" "t.all is a method" &&
	raises "t.hosts.exec(\"true\")" "hosts:exec is a method" &&
	raises "local r = t.hosts:exec(\"true\") r.must()" "result.must is a method" &&
	raises "t:launch(t:map(t.hosts, { dp = 2 }, { gpus_per_host = 1 }), { cmd = \"true\" }).wait()" \
		"job.wait is a method"
'

test_expect_success 'a name that is not there suggests the nearest' '
	raises "t.hosts:exce(\"true\")" "a host set has no '\''exce'\'' (did you mean '\''exec'\''?)" &&
	raises "print(t.hosts:exec(\"true\").failurs)" "a result set has no '\''failurs'\'' (did you mean '\''failures'\''?)" &&
	raises "print(t.hosts:exec(\"true\").stdout)" "a result set has no '\''stdout'\'': the result of each host has, r[1].stdout" &&
	raises "t:launch(t:map(t.hosts, { dp = 2 }, { gpus_per_host = 1 }), { cmd = \"true\" }):wiat()" \
		"a job has no '\''wiat'\'' (did you mean '\''wait'\''?)" &&
	raises "print(o.cuont)" "recipe '\''slip'\'' has no option '\''cuont'\'' (did you mean '\''count'\''?)" &&
	recipe fine <<-\EOF &&
	print(o.count, t.hosts:exec("true")["n9"], #t.hosts)
	EOF
	run_local ./fine.lua && echo "nil	nil	2" | test_cmp - out
'

test_expect_success 'what comes later says so' '
	raises "t:lease { hosts = 1 }" "t:lease is not in this version"
'

test_expect_success 'hosts by a level of the machine, and some of them' '
	recipe racks <<-\EOF &&
	for _, part in ipairs(t.hosts:by "rack") do print(part, #part) end
	print(#t.hosts:exec("true", { on = "rack" }), t.hosts:exec("true", { on = "rack" }).hosts)
	print(t.hosts:exec("true", { on = 3 }).hosts, t.hosts:exec("true", { on = "r001t02,r002t03" }).hosts)
	for host in t.hosts:stream("echo x", { on = "r002t05" }) do print(host) end
	print(#t.hosts:exec("true"):filter { outcome = "ok" }, #t.hosts:exec("true"):filter(function(r) return r.host == "r001t01" end))
	EOF
	sim="sim = { { match = \"echo x\", reply = { stdout = \"x\\\\n\" } } }" &&
	sed -i "s/run = function/$sim, run = function/" racks.lua &&
	perilune run --sim -C gb300-nvl72:racks=2,su=1 -w "r[001-002]t[01-05]" ./racks.lua >out 2>err &&
	printf "r001t[01-05]\t5\nr002t[01-05]\t5\n2\tr[001-002]t01\nr001t[01-03]\tr001t02,r002t03\nr002t05\n10\t1\n" | test_cmp - out &&
	raises "t.hosts:by \"rack\"" "hosts:by: no machine is known: name a cluster with -C" &&
	raises "t.hosts:exec(\"true\", { on = {} })" "hosts:exec: on is a number of hosts"
'

test_expect_success 'tasks need functions' '
	raises "t:spawn()" "t:spawn needs a function, not a nil" &&
	raises "t:all(print)" "t:all needs a table of functions, not a function" &&
	raises "t:all { print, 3 }" "t:all needs a function, not a number" &&
	raises "t:race {}" "t:race needs at least one function" &&
	raises "t:timeout(\"1s\")" "t:timeout needs a function" &&
	raises "t:timeout(\"1x\", print)" "t:timeout: '\''1x'\'' is no duration"
'

test_expect_success 'commands are words, environments are text' '
	raises "t.hosts:exec { \"echo\", {} }" "hosts:exec: word 2 of the command is a table" &&
	raises "t.hosts:exec(\"true\", { env = { [\"A B\"] = 1 } })" "hosts:exec: '\''A B'\'' is no name of a variable" &&
	raises "t.hosts:exec(\"true\", { env = { A = {} } })" "hosts:exec: env.A is a table, not text or a number" &&
	raises "t.hosts:exec()" "hosts:exec needs a command" &&
	recipe words <<-\EOF &&
	print((t.hosts:exec({ "printf", "%s %s", 1.5, "a b" }, { env = { A = 3 } })[1].stdout))
	print((t.hosts:exec("echo $A", { env = { A = 3 } }).n2.stdout))
	EOF
	run_local ./words.lua && printf "1.5 a b\n3\n\n" | test_cmp - out
'

test_expect_success 'maps and jobs' '
	raises "t:map(\"n1\", { dp = 2 })" "t:map needs a host set, not a string" &&
	raises "t:map(t.hosts, { dpp = 2 }, { gpus_per_host = 2 })" "job: unknown key '\''dpp'\'' (did you mean '\''pp'\''?)" &&
	raises "t:launch(t:map(t.hosts, { dp = 9 }, { gpus_per_host = 1 }), { cmd = \"true\" })" \
		"t:launch needs a map, and there is none: 9 ranks need 9 GPUs" &&
	raises "t:launch(nil, { cmd = \"true\" })" "t:launch needs a map, not a nil" &&
	raises "t:launch(t:map(t.hosts, { dp = 2 }, { gpus_per_host = 1 }), { cmd = \"true\" }):wait():rank(2)" \
		"rank 2: the job has ranks 0 to 1"
'

test_expect_success 'metrics and gates' '
	raises "t:metric(\"m\", 1, \"s\")" "t:metric: options are a table, not a string" &&
	raises "t:metric(\"m\", 1 / 0)" "metric '\''m'\'' is infinite" &&
	raises "for p in t:sweep { n = { 1, 2 } } do t:metric(\"m\", p.n) end t:gate(\"m\", { min = 1 })" \
		"gate on '\''m'\'': the point has it at '\''n=1'\'', '\''n=2'\''; gate inside the sweep, or give at"
'

test_expect_success 'rows of parse are a result, and are looked up by key' '
	recipe rows <<-\EOF &&
	local rows = t.hosts:exec("echo k=$PERILUNE_HOST bw=3"):parse("key=value", { key = "bw" }):must()
	print(rows.ok, #rows, rows:at(3).bw, #rows:where { bw = 4 })
	print(t.hosts:exec("echo"):parse("key=value").ok)
	EOF
	run_local ./rows.lua && printf "true\t2\t3\t0\nfalse\n" | test_cmp - out &&
	raises "t.hosts:exec(\"echo 1\"):parse \"(%d\"" "unfinished capture"
'

test_expect_success 'a timeout around what returns nothing is a good result' '
	recipe bound <<-\EOF &&
	print(t:timeout("9s", function() end):must().ok, t:timeout("1ms", t.sleep, t, 9).phase)
	EOF
	run_local ./bound.lua && printf "true\ttimeout\n" | test_cmp - out
'

test_expect_success 'a program that is staged is one there, and launched from a map' '
	printf "#!/bin/sh\necho rank=\$RANK of=\$WORLD_SIZE\n" >program && chmod +x program &&
	recipe staged <<-EOF &&
	local program = t:stage("program", { dir = "$PWD" }):must()
	local map = t:map(t.hosts, { dp = 4 }, { gpus_per_host = 2 }):must()
	local job <close> = t:launch(map, { cmd = { program.path } })
	for _, row in ipairs(job:wait():must():parse("key=value", { key = "rank" }):must()) do
	  print(row.rank, row.of)
	end
	EOF
	run_local ./staged.lua && printf "0\t4\n1\t4\n2\t4\n3\t4\n" | test_cmp - out
'

test_expect_success 'options of a recipe that make no sense are refused' '
	for option in "type = \"secret\", default = \"x\"" "type = \"choice\", choices = \"a\"" "type = \"int\", min = \"a\"" \
		"type = \"string\", max = {}"; do
		echo "return require(\"perilune\").recipe { name = \"x\", options = { k = { $option } }, run = print }" \
			>option.lua && expect_exit 2 run_local ./option.lua && grep "option.lua:1: .*'\''k'\''" err || return 1
	done
'

test_expect_success 'a reply of the simulated fleet that makes no sense is an error of the recipe' '
	echo "return require(\"perilune\").recipe { name = \"x\", run = function(t) t.hosts:exec(\"a\") end,
	  sim = { { match = \"a\", reply = function() return { stdot = 1 } end } } }" >reply.lua &&
	expect_exit 2 perilune run --sim -w n1 ./reply.lua 2>err && cat err &&
	grep "bug: sim of .a.: a reply has no .stdot. (did you mean .stdout.?)" err &&
	grep "verdict: error" err
'

test_expect_success 'a folder, and a file that is no text' '
	mkdir folder.lua && expect_exit 2 run_local ./folder.lua && grep "folder.lua is a folder" err &&
	printf "\033Lua\0" >binary.lua && expect_exit 2 run_local ./binary.lua &&
	grep "binary.lua is no text" err
'

test_done
