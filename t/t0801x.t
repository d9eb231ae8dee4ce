#!/bin/sh
# What resume does beside going on: edited recipes, commands that are to run once, those that
# survive, another controller, disks that are full or only grow, a clock that is set back.
test_description="what resume makes of it"
. /usr/share/sharness/sharness.sh

marks=$PWD/marks
folder=$PWD/run

# recipe: one.lua around a run function from standard input; its first line is line 3.
recipe() {
	{
		echo 'local pl = require "perilune"'
		echo 'return pl.recipe { name = "one", options = { n = { type = "int", default = 1 } }, run = function(t, o)'
		cat
		echo 'end }'
	} >one.lua
}
fresh() { rm -rf "$folder" "$marks" && mkdir "$marks"; }
start() { perilune run --transport local -w "n[1-2]" --run-dir "$folder" "$@" ./one.lua >out 2>err; }
start_in_background() { exec perilune run --transport local -w "n[1-2]" --run-dir "$folder" ./one.lua >out 2>err; }
resume() { perilune resume "$@" "$folder" >out 2>err; }
# killed_at FILE: starts the run, kills it when both hosts have written their line of the file.
killed_at() { { start_in_background & pid=$!; } && wait_for test_line_count = 2 "$1" && kill -KILL $pid && { wait $pid; true; }; }

# Appends to marks/NAME on each host; the second waits until marks/go is there.
two_calls='
  t.hosts:exec("echo 1 >>marks/one"):must()
  t.hosts:exec("echo 2 >>marks/two; while ! test -e marks/go; do sleep 0.02; done"):must()
  t.hosts:exec("echo 3 >>marks/three"):must()'

test_expect_success "Ctrl-C says how to go on, and what it canceled is run again" '
	fresh && recipe <<-END && { start_in_background & pid=$!; } && wait_for test_line_count = 2 marks/two &&
	$two_calls
	END
	kill -INT $pid && expect_exit 130 wait $pid && grep "perilune resume .* goes on later" err &&
	perilune runs show >out && grep "^goes on *perilune resume" out && touch marks/go && resume &&
	test_line_count = 2 marks/one && test_line_count = 4 marks/two && test_line_count = 2 marks/three
'

test_expect_success "what was left running is ended before it runs again" '
	fresh && recipe <<-END && killed_at marks/up &&
	t.hosts:exec("echo \$PERILUNE_TASK >>marks/up; setsid sleep 300"):must()
	END
	wait_for test -s marks/up && sed -i "s/setsid sleep 300/true/" one.lua && expect_exit 0 resume &&
	nothing_left marks/up
'

test_expect_success "an edited recipe: what matches is taken, the rest runs anew, and the line is said" '
	fresh && recipe <<-\END && expect_exit 2 start && sed -i "/error/d; s/echo b/echo B/" one.lua &&
	t:metric("a", #t.hosts:exec("echo a >>marks/a; echo a")[1].stdout)
	t:metric("b", #t.hosts:exec("echo b >>marks/b; echo b")[1].stdout)
	t:metric("c", #t.hosts:exec("echo c >>marks/c; echo c")[1].stdout)
	error("a mistake")
	END
	resume && grep "one.lua:4: this call is not the one that was recorded.*rest of point 1 runs anew" err &&
	test_line_count = 2 marks/a && test_line_count = 4 marks/b && test_line_count = 4 marks/c &&
	grep "verdict: pass" err && perilune replay "$folder" 2>err && grep "verdict: pass" err
'

test_expect_success "points that are finished are taken as they are, whatever the recipe says now" '
	fresh && recipe <<-\END && expect_exit 2 start --sweep n=1,2,3 && grep "2  n=2 .*ERROR" err &&
	t.hosts:exec("echo " .. o.n .. " >>marks/all"):must()
	t:metric("n", o.n)
	if o.n == 2 then error("a mistake") end
	END
	sed -i "/error/d; s/metric(.n., o.n)/metric(\"n\", o.n * 100)/" one.lua && resume &&
	test "$(sort marks/all | uniq -c | tr -s " \n" " ")" = " 2 1 2 2 2 3 " &&
	grep "1  n=1 .* 1$" err && grep "2  n=2 .* 200$" err && grep "3  n=3 .* 3$" err
'

test_expect_success "once: refused without a terminal, --skip does not run it, --redo does" '
	for how in --skip --redo; do
		fresh && recipe <<-\END && killed_at marks/up || return 1
		local r = t.hosts:exec("echo $$ >>marks/up; while ! test -e marks/go; do sleep 0.02; done", { once = true })
		t:note("outcome %s", r[1].outcome)
		END
		touch marks/go && expect_exit 2 resume && grep "one.lua:3.*--redo.*--skip" err &&
		test_line_count = 2 marks/up || return 1
		resume $how || [ $how = --skip ] || return 1
		grep "outcome" err
		case $how in
		--skip) grep "outcome lost" err && test_line_count = 2 marks/up ;;
		--redo) grep "outcome ok" err && test_line_count = 4 marks/up ;;
		esac || return 1
	done
'

test_expect_success "what survives is found again, with every byte of its output" '
	fresh && recipe <<-\END && killed_at marks/up &&
	local r = t.hosts:exec("echo first; echo $$ >>marks/up; while ! test -e marks/go; do sleep 0.02; done; echo last; exit 7", { survive = true })
	t:note("%s %d %s", r[1].outcome, r[1].code, (r[1].stdout:gsub("\n", " ")))
	END
	wait_for test_line_count = 2 marks/up && { perilune resume "$folder" 2>err & pid=$!; } &&
	wait_for grep "again" "$folder/journal" && touch marks/go && wait $pid &&
	grep "exit 7 first last" err && test_line_count = 2 marks/up &&
	! find "$XDG_STATE_HOME" -name "*.code" | grep .
'

test_expect_success "a second controller is refused, until it takes over; the first one then ends" '
	fresh && recipe <<-END && { start_in_background & pid=$!; } && wait_for test_line_count = 2 marks/two &&
	$two_calls
	END
	expect_exit 2 resume && grep "conducted by process $pid on .*--takeover" err && cp err refused &&
	test_line_count = 2 marks/one && { perilune resume --takeover "$folder" 2>second & other=$!; } &&
	wait_for grep "\"resume\"" "$folder/journal" && touch marks/go && wait $other &&
	grep "verdict: pass" second && { wait $pid; test $? -eq 3; }
'

test_expect_success "a run whose controller is gone is known to be dead, its folder has no controller at the end" '
	fresh && recipe <<-END && killed_at marks/two && test -s "$folder/controller" &&
	$two_calls
	END
	touch marks/go && resume && ! test -e "$folder/controller" && grep "verdict: pass" err
'

test_expect_success "one that was killed and that nobody has waited for is gone, too" '
	fresh && recipe <<-END && { start_in_background & pid=$!; } && wait_for test_line_count = 2 marks/two &&
	$two_calls
	END
	kill -KILL $pid && touch marks/go && resume && grep "verdict: pass" err &&
	{ wait $pid; true; }
'

test_expect_success "a replay that would run something says where" '
	sed -i "s/echo 3/echo 4/" one.lua && rm marks/three && expect_exit 2 perilune replay "$folder" 2>err &&
	grep "one.lua:6: the record of .* has another call here" err && ! test -e marks/three
'

test_expect_success "waits before what is on record are left out" '
	fresh && recipe <<-\END && expect_exit 2 start && sed -i "/error/d; s/20ms/300s/" one.lua && resume
	for i = 1, 3 do
	  t.hosts:exec("true"):must()
	  t:sleep("20ms")
	end
	t.hosts:exec("true"):must()
	error("a mistake")
	END
'

test_expect_success "tasks side by side, timeouts and races come to the same again" '
	fresh && recipe <<-\END && expect_exit 2 start && sed -i "/error/d" one.lua && resume && cp err first &&
	local r = t:timeout("300ms", function() return t.hosts:exec("echo $$ >>marks/slow; sleep 60") end)
	t:note("timeout %s", r.phase)
	t:race { function() t.hosts:exec("echo $$ >>marks/race; sleep 60") end,
	  function() t.hosts:exec("true") t:note("won") end }
	for host, line in t.hosts:stream("echo a; echo b; sleep 60") do
	  if line == "b" then break end
	end
	t.hosts:exec("echo $$ >>marks/end")
	error("a mistake")
	END
	grep "timeout timeout" first && grep won first && test_line_count = 2 marks/slow &&
	test_line_count = 2 marks/race && test_line_count = 2 marks/end
'

test_expect_success "a journal torn amid a line loses that line and nothing before it" '
	fresh && recipe <<-END && touch marks/go && start && cp -r "$folder" whole &&
	$two_calls
	END
	size=$(stat -c %s whole/journal) && for cut in 1 100 300 700; do
		rm -rf "$folder" && cp -r whole "$folder" && truncate -s $((size - cut)) "$folder/journal" &&
		resume && grep "verdict: pass" err || return 1
	done && test_line_count = 2 marks/one
'

if command -v cc >/dev/null 2>&1; then test_set_prereq CC; fi

test_expect_success CC "a file system that only appends and renames will do" '
	cat >only.c <<-\END && cc -shared -fPIC -o only.so only.c &&
	#define _GNU_SOURCE
	#include <errno.h>
	#include <fcntl.h>
	#include <stdarg.h>
	#include <sys/types.h>
	int ftruncate(int fd, off_t n) { (void)fd; (void)n; errno = EOPNOTSUPP; return -1; }
	int ftruncate64(int fd, off_t n) { return ftruncate(fd, n); }
	int truncate(const char *p, off_t n) { (void)p; (void)n; errno = EOPNOTSUPP; return -1; }
	int flock(int fd, int op) { (void)fd; (void)op; errno = ENOLCK; return -1; }
	int link(const char *a, const char *b) { (void)a; (void)b; errno = EPERM; return -1; }
	int renameat2(int a, const char *b, int c, const char *d, unsigned f)
	{ (void)a; (void)b; (void)c; (void)d; (void)f; errno = EINVAL; return -1; }
	END
	fresh && recipe <<-END && LD_PRELOAD=$PWD/only.so killed_at marks/two && printf "{\"t\":17" >>"$folder/journal" &&
	$two_calls
	END
	touch marks/go && LD_PRELOAD=$PWD/only.so resume && grep "verdict: pass" err &&
	test_line_count = 2 marks/one && test_line_count = 4 marks/two
'

if unshare -m true 2>/dev/null; then test_set_prereq MOUNT; fi

test_expect_success MOUNT "a full disk: the run says so and ends, nothing that was recorded is lost" '
	fresh && recipe <<-\END && cat >full.sh <<-END2 && unshare -m sh full.sh
	for i = 1, 40 do
	  t.hosts:exec("echo x >>marks/" .. i .. "; head -c 9000 /dev/zero | tr \"\\\\0\" x"):must()
	end
	END
	mkdir -p disk && mount -t tmpfs -o size=400k none disk && mkdir disk/run || exit 77
	perilune run --transport local -w "n[1-2]" --run-dir disk/run ./one.lua >out 2>err
	[ \$? -eq 3 ] && grep "No space left" err && grep "perilune resume .* goes on" err || exit 1
	mount -o remount,size=4m disk && perilune resume ./disk/run 2>err && grep "verdict: pass" err || exit 1
	n=\$(for i in \$(seq 40); do cat marks/\$i | wc -l; done | grep -cx 2)
	[ \$n -ge 39 ]
	END2
'

if command -v faketime >/dev/null 2>&1; then test_set_prereq FAKETIME; fi

test_expect_success FAKETIME "a clock that is set back between does not matter" '
	fresh && recipe <<-END && killed_at marks/two &&
	$two_calls
	END
	touch marks/go && faketime -f "-400d" perilune resume "$folder" 2>err && grep "verdict: pass" err &&
	test_line_count = 2 marks/one && test_line_count = 2 marks/three && perilune replay "$folder"
'

test_expect_success "a rehearsal is resumed and replayed too" '
	fresh && recipe <<-\END && expect_exit 2 perilune run --sim -w "n[1-3]" --run-dir "$folder" ./one.lua 2>err &&
	t:sleep("2h")
	t:metric("n", #t.hosts:exec("true"))
	error("a mistake")
	END
	sed -i "/error/d" one.lua && resume && grep "n: 3" err && perilune replay "$folder" 2>err && grep "n: 3" err
'

test_expect_success "what is no run of a recipe is not resumed" '
	perilune exec --transport local -w n1 true && { expect_exit 2 perilune resume last 2>err || { perilune runs list; python3 /tmp/dumpidx.py "$XDG_STATE_HOME"; ls -la "$XDG_STATE_HOME/perilune/runs"; false; } >/tmp/rt/dump 2>&1; } &&
	{ grep "is no run of a recipe" err || { perilune runs list; python3 /tmp/dumpidx.py "$XDG_STATE_HOME"; ls -la "$XDG_STATE_HOME/perilune/runs"; false; } } >&4 && expect_exit 2 perilune resume 2026-no-such 2>err &&
	expect_exit 2 perilune resume --redo --skip 2>err && expect_exit 2 perilune replay 2>err &&
	expect_exit 2 perilune resume ./nowhere 2>err
'

test_done
