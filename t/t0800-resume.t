#!/bin/sh
# A run of a recipe that is killed goes on where it was. `make soak` (PERILUNE_SOAK=1) has 200 calls
# over 64 hosts, killed 100 times.
test_description="runs that are killed, and resumed"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

hosts=8 kills=5 calls=40
[ -z "$PERILUNE_SOAK" ] || hosts=64 kills=100 calls=200
fleet_start $hosts || test_done
fleet_homes

# Half of the calls one after the other, half of them in four tasks side by side; what follows
# depends on the results, on lots that are drawn, and on the order in which tasks came to their ends.
cat >counted.lua <<-END
local pl = require "perilune"
return pl.recipe { name = "counted", run = function(t)
  local function call(i)
    local r = t.hosts:exec(("echo %d >>log; echo %d; set -- \$SSH_CONNECTION; echo \$3"):format(i, i * i * i)):must()
    local bytes = 0
    for _, e in r:each() do bytes = bytes + #e.stdout end
    t:metric("bytes", bytes + math.random(1000))
    return r[1].stdout
  end
  local seen = ""
  for i = 1, $calls / 2 do seen = seen .. call(i) end
  t:attach("first.txt", seen)
  local order, tasks = {}, {}
  for k = 0, 3 do
    tasks[k + 1] = function()
      for i = $calls / 2 + 1 + k, $calls, 4 do order[#order + 1] = call(i) end
    end
  end
  t:all(tasks)
  t:attach("second.txt", table.concat(order))
  t:note("lot %d", math.random(1000000))
end }
END

folder=$PWD/run
run_it() { exec perilune run -F "$FLEET_SSH_CONFIG" -w "^$FLEET_HOSTS" --seed 7 --run-dir "$folder" "$@"; }
lines_now() { cat "$folder/journal" 2>/dev/null | wc -l; }

# A random number below $1.
below() { echo $(($(od -An -N4 -tu4 /dev/urandom) % $1)); }

# killed_once LINES COMMAND...: kills the command when the journal has so many lines more than
# before; succeeds when it was over before that.
killed_once() {
	until=$(($1 + $(lines_now)))
	shift
	exec_in_background "$@"
	while kill -0 $pid 2>/dev/null && [ "$(lines_now)" -lt $until ]; do :; done
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ $? -ne 137 ]
}
exec_in_background() { "$@" >>out 2>>err & pid=$!; }

once_each() { perilune _lua "$PERILUNE_SRCDIR/t/fixtures/recorded_once.lua" "$folder" "$FLEET_HOMES" counts; }

test_expect_success "a run is killed at $kills random moments: it comes to its end, and nothing that is on record ran again" '
	spread=$(((calls * (hosts + 2)) / kills * 2)) &&
	{ killed_once $((5 + $(below $spread))) run_it ./counted.lua; once_each || return 1; }
	n=1
	while [ $n -lt $kills ]; do
		killed_once $(($(below $spread) + 1)) perilune resume "$folder" && break
		once_each || return 1
		n=$((n + 1))
	done
	perilune resume "$folder" >out 2>err && once_each && grep "verdict: pass" err &&
	echo "killed $n times" && [ $n -gt $((kills / 3)) ] &&
	for i in $(seq $calls); do
		for h in "$FLEET_HOMES"/*; do grep -qx $i "$h/log" || return 1; done
	done
'

test_expect_success "its results are those of a run that nobody killed; a replay has the same again" '
	(folder=$PWD/unbroken && run_it --json unbroken.json ./counted.lua 2>err) &&
	cp "$folder/report.json" resumed.json && perilune replay "$folder" --json replayed.json 2>err &&
	for f in unbroken resumed replayed; do
		grep -E "\"(min|max|count)\"|lot [0-9]" $f.json >$f.figures || return 1
	done && grep lot unbroken.figures &&
	test_cmp unbroken.figures resumed.figures && test_cmp unbroken.figures replayed.figures &&
	test_cmp unbroken/attachments/first.txt "$folder/attachments/first.txt"
'

test_expect_success "a run that is complete says so, again" '
	perilune resume "$folder" 2>err && grep "is complete: pass" err && grep "verdict: pass" err
'

test_done
