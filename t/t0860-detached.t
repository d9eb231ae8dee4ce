#!/bin/sh
# A run goes on without its terminal; others see how it stands, follow it, and end it.
test_description="run --detach, status, logs, attach, cancel"
. /usr/share/sharness/sharness.sh

runs=$XDG_STATE_HOME/perilune/runs
where=$PWD
# every controller that a test left waiting for the file `go`
trap 'left=$?; touch "$where/go" 2>/dev/null; (exit $left); die' EXIT

# Waits for the file `go`: stops where a test wants it to.
cat >waits.lua <<-END
local pl = require "perilune"
return pl.recipe { name = "waits", options = { n = { type = "int", default = 1 } }, run = function(t, o)
  print("hello", o.n)
  t:note("noted %d", o.n)
  t:metric("speed", 12.5 * o.n, { unit = "GB/s" })
  t.hosts:exec("echo out; echo err >&2; exit 3")
  t:step("warm", function()
    t.hosts:exec([[cd "$where"; echo \$PERILUNE_TASK >>tags; until [ -e go ]; do sleep 0.05; done; echo went]])
  end)
  t:check(o.n < 3, "n is small")
end }
END

detach() { perilune run --detach --transport local -w "n[1-3]" "$@" ./waits.lua; }
ended() { tail -n 1 "$runs/$1/journal" | grep -q "\"ev\":\"end\""; }
waits() { tail -n 1 "$runs/$1/journal" | grep -q "\"step\":\"warm\""; }
pid_of() { sed -n "1s/.*\"pid\":\([0-9]*\),.*/\1/p" "$runs/$1/controller"; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
# follow NAME COMMAND...: in the background, into NAME.out and NAME.err; its exit status is in NAME.status
follow() {
	name=$1
	shift
	rm -f "$name".*
	{ "$@" >"$name.out" 2>"$name.err"; echo $? >"$name.new"; mv "$name.new" "$name.status"; } &
	wait_for test -e "$name.out"
}
# ended_with STATUS NAME
ended_with() { wait_for test -e "$2.status" && echo "$1" | test_cmp - "$2.status"; }
start() { rm -f go tags && id=$(detach "$@" 2>err) && wait_for waits "$id" && pid=$(pid_of "$id"); }

test_expect_success "run --detach prints the id, says how to follow, and is done" '
	start && grep "$id goes on in the background as process $pid" err &&
	grep "perilune status $id" err && grep "cancel $id" err
'

test_expect_success "the controller leads a session, without terminal or standard input" '
	test "$(ps -o sid= -p $pid | tr -d " ")" = $pid && test "$(ps -o tty= -p $pid | tr -d " ")" = "?" &&
	test "$(readlink /proc/$pid/fd/0)" = /dev/null &&
	test "$(readlink /proc/$pid/fd/1)" = "$runs/$id/log" && test "$(readlink /proc/$pid/fd/2)" = "$runs/$id/log"
'

test_expect_success "status says what goes on, and on whom it waits" '
	perilune status >out && grep "^run  *$id$" out && grep "^state  *running for" out &&
	grep "^by  *process $pid on" out && grep "^step  *warm" out && grep "0 of 3 done; waiting on n\[1-3\]" out &&
	grep "^metric  *speed: 12.5 GB/s" out && perilune status "$runs/$id" >other && grep "^run  *$id$" other
'

test_expect_success "status --json is an object a line" '
	perilune status --json "$id" >out && test_line_count = 1 out &&
	grep "\"id\":\"$id\"" out && grep "\"state\":\"running\"" out && grep "\"pid\":$pid" out &&
	grep "\"step\":\"warm\"" out && grep "\"waiting\":\"n\[1-3\]\"" out && grep "\"value\":12.5" out
'

test_expect_success "logs has what was said and what commands wrote" '
	perilune logs "$id" >out && grep "^hello	1$" out && grep "^noted 1$" out && grep "^n2: out$" out &&
	grep "^n2: err$" out && grep "^n2: (exit 3)$" out && grep "^\[step warm\]$" out && ! grep "^n[1-3]: went" out
'

test_expect_success "SIGHUP, as of a terminal that goes, is nothing to it" '
	kill -HUP $pid && perilune status "$id" | grep "^state  *running"
'

test_expect_success "logs -f and attach follow to the end, with the status of the run" '
	follow logs perilune logs -f "$id" && follow attach perilune attach "$id" &&
	wait_for grep "call 2" logs.out && wait_for grep "noted 1" attach.err && touch go &&
	ended_with 0 logs && ended_with 0 attach && grep "^n3: went$" logs.out &&
	echo "hello	1" | test_cmp - attach.out && grep "^verdict: pass" attach.err &&
	perilune status "$id" | grep "^state  *pass (exit status 0)" && wait_for is_gone $pid
'

test_expect_success "a run that failed says so to who follows it" '
	start --sweep n=3 && touch go && expect_exit 1 perilune logs -f "$id" >out && grep "^check failed: n is small" out &&
	expect_exit 1 perilune attach "$id" 2>err && grep "verdict: fail" err
'

test_expect_success "what is wrong at the start is told in the foreground" '
	echo "return pl.recipe {" >broken.lua &&
	expect_exit 2 perilune run --detach ./broken.lua >out 2>err && grep "broken.lua:[12]:" err && test_must_be_empty out &&
	expect_exit 2 perilune run --detach -w "n[1-" ./waits.lua >out 2>err && grep "n\[1-" err &&
	expect_exit 2 detach --nonsense >out 2>err && grep "unknown option --nonsense" err &&
	expect_exit 2 detach --tap - >out 2>err && grep "exclude each other" err && test_must_be_empty out &&
	detach --dry-run >out 2>err && grep "1 point on 3 hosts" err && test_must_be_empty out
'

test_expect_success "a run that cannot be recorded does not go where nobody could find it" '
	>file && PERILUNE_STATE="$PWD/file/state" expect_exit 2 detach >out 2>err && grep "nobody could follow" err
'

test_expect_success "no descriptor of the caller is held" '
	rm -f go && exec 9>held && id=$(detach 2>/dev/null 9>&9) && wait_for waits "$id" && exec 9>&- &&
	! ls -l /proc/$(pid_of "$id")/fd | grep "/held$"
'

test_expect_success "cancel ends the run and its commands, and says how it came out" '
	pid=$(pid_of "$id") && perilune cancel "$id" 2>err && grep "$id has ended after .*: canceled (exit status 130)" err &&
	nothing_left tags && wait_for is_gone $pid && perilune logs "$id" | grep "^canceled by .* (process [0-9]*)$" &&
	grep "verdict: canceled" "$runs/$id/report.txt" && perilune cancel "$id" 2>err && grep "is over: canceled" err
'

test_expect_success "resume --detach goes on with it in the background" '
	rm -f tags && perilune resume --detach "$id" >out 2>err && echo "$id" | test_cmp - out && wait_for waits "$id" &&
	perilune status "$id" | grep "^state  *running" && touch go && perilune attach "$id" >out 2>err &&
	grep "^resumed$" err && grep "^verdict: pass" err
'

test_expect_success "a request that another machine leaves in the folder is heard without a signal" '
	start && echo "no object" >>"$runs/$id/requests" &&
	echo "{\"want\":\"cancel\",\"by\":\"ann on login2\",\"grace\":20}" >>"$runs/$id/requests" &&
	expect_exit 130 perilune logs -f "$id" >out && grep "^canceled by ann on login2$" out
'

test_expect_success "a controller that is stopped is woken to be canceled" '
	start && kill -STOP $pid && perilune cancel "$id" 2>err && grep "canceled (exit status 130)" err
'

test_expect_success "what does not end within the grace is left at once" '
	cat >stays.lua <<-END &&
	return require "perilune".recipe { name = "stays", run = function(t)
	  local slow <close> = setmetatable({}, { __close = function() t:sleep(8) end })
	  t.hosts:exec([[cd "$where"; echo \$PERILUNE_TASK >>tags; sleep 1000]])
	end }
	END
	rm -f tags && id=$(perilune run --detach --transport local -w n1 ./stays.lua 2>/dev/null) &&
	wait_for test -s tags && pid=$(pid_of "$id") && perilune cancel --grace 0.2 "$id" 2>err &&
	grep "canceled (exit status 130)" err && wait_for is_gone $pid && grep "left at once" "$runs/$id/log"
'

test_expect_success "a controller that was killed is told of, and the run can be resumed" '
	start && follow logs perilune logs -f "$id" && wait_for grep "call 2" logs.out && kill -KILL $pid &&
	ended_with 3 logs && grep "the controller of $id (process .*) is gone.*perilune resume $id" logs.err &&
	perilune status "$id" >out && grep "^state  *interrupted" out && grep "which is gone" out &&
	expect_exit 3 perilune cancel "$id" 2>err && grep "perilune reap $id" err && expect_exit 3 perilune attach "$id" &&
	touch go && perilune resume "$id" && perilune status "$id" | grep "^state  *pass"
'

test_expect_success "Ctrl-C in attach leaves the run alone" '
	start && { perilune attach "$id" >out 2>err & } && follower=$! && wait_for grep "noted 1" err &&
	kill -INT $follower && expect_exit 130 wait $follower && grep "detached; $id goes on" err &&
	! ended "$id" && touch go && perilune attach "$id"
'

test_expect_success "the output of one rank is told apart" '
	cat >ranks.lua <<-\END &&
	return require "perilune".recipe { name = "ranks", run = function(t)
	  t.hosts:exec("echo before")
	  t:launch(t:map(t.hosts, { dp = 3 }, { gpus_per_host = 1 }), { cmd = "echo rank $RANK" }):wait():must()
	end }
	END
	id=$(perilune run --detach --transport local -w "n[1-3]" ./ranks.lua 2>/dev/null) &&
	perilune logs -f --rank 2 "$id" >out && echo "rank 2" | test_cmp - out
'

if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	test_set_prereq SCRIPT
fi
test_expect_success SCRIPT "a run that was started on a terminal goes on when that is closed" '
	rm -f go && script -qec "perilune run --detach --transport local -w n1 ./waits.lua" /dev/null </dev/null >screen 2>&1 &&
	id=$(grep -o "^20[0-9]*-[0-9]*-[0-9a-f]*" screen | head -n 1) && wait_for waits "$id" &&
	perilune status "$id" | grep "^state  *running" && touch go && perilune attach "$id"
'

test_expect_success "usage" '
	for verb in logs attach cancel; do expect_exit 2 perilune $verb 2>err && grep "give the run" err || return 1; done &&
	expect_exit 2 perilune status nowhere 2>err && grep "no run whose id begins with" err &&
	perilune exec true && id=$(perilune runs list | sed -n "2s/ .*//p") &&
	expect_exit 2 perilune attach "$id" 2>err && grep "is no run of a recipe" err &&
	perilune logs -f "$id" && perilune status "$id" | grep "^state  *pass"
'

test_done
