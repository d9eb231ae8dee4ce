#!/bin/sh
# Commands that outlive the connection: `survive` is followed and can be ended, `detach` neither.
test_description="commands that outlive their connection"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

fleet_start 1 || test_done
fleet_homes
marks=$FLEET_DIR/marks

# recipe OPTIONS COMMAND: a recipe of one command, which prints what it came to.
recipe() {
	cat >one.lua <<-END
	local pl = require "perilune"
	return pl.recipe { name = "one", summary = "One command.", run = function(t)
	  local e = t.hosts:exec([==[$2]==], { $1 })[1]
	  print("outcome " .. e.outcome .. " " .. (e.code or e.signal or "-"))
	  print(e.why)
	  print(e.stdout, e.stderr)
	end }
	END
}

# The two ways to a host; its home is $home there, and it keeps what survives in $kept.
over_ssh() { perilune run -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 ./one.lua >out 2>err; }
on_this_machine() { perilune run ./one.lua >out 2>err; }
use() {
	case $1 in
	over_ssh) kept=$FLEET_HOMES/127.1.0.1/.local/state/perilune ;;
	*) kept=$XDG_STATE_HOME/perilune ;;
	esac
}

# ends WAY OUTCOME: the recipe, run by that way, has printed this outcome.
ends() {
	$1
	grep -x "outcome $2" out || { cat out err; return 1; }
}

fresh() { rm -rf "$marks" && mkdir "$marks"; }
kept_files() {
	find "$kept" -path "$kept/runs" -prune -o -name "*.localhost.*" -print \
		-o -name "*.127.1.0.1.*" -print 2>/dev/null
}
nothing_kept() { [ -z "$(kept_files)" ]; }
drop_kept() { kept_files | while read -r f; do rm "$f" || return 1; done; }
the_file() { kept_files | grep "\\.$1\$"; }
alive() { for p in $(cat "$@"); do kill -0 "$p" || return 1; done; }
dead() { for p in $(cat "$@"); do ! kill -0 "$p" 2>/dev/null || return 1; done; }

# A command with a child in a session of its own; it ends when $marks/go is there.
family="setsid sh -c 'echo \$\$ >$marks/child; exec sleep 300' & echo \$\$ >$marks/self
	echo before; echo wrong >&2; while [ ! -s $marks/child ]; do sleep 0.02; done
	echo \$PERILUNE_TASK >$marks/up; while [ ! -e $marks/go ]; do sleep 0.05; done
	kill \$(cat $marks/child); echo after; exit 7"

# Starts the recipe by a way in the background, as $pid, and waits until its command is up.
start() { fresh && { exec_of "$1" & pid=$!; } && wait_for test -s "$marks/up"; }
exec_of() {
	case $1 in
	over_ssh) exec perilune run -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 ./one.lua >out 2>err ;;
	*) exec perilune run ./one.lua >out 2>err ;;
	esac
}

for way in over_ssh on_this_machine; do
use $way

test_expect_success "$way: what survives ends as any command does, and leaves nothing behind" '
	fresh && recipe "survive = true" "echo hi; exit 3" && ends $way "exit 3" && grep -x hi out &&
	recipe "survive = true" "kill -TERM \$\$" && ends $way "signal TERM" &&
	recipe "survive = true" "exit 143" && ends $way "exit 143" &&
	recipe "survive = true, merge = true, cwd = [[/usr]], env = { V = [[a b!]] }" \
		"pwd >&2; echo \"\$V\"" && ends $way "ok 0" && grep -x /usr out && grep -x "a b!" out &&
	nothing_kept
'

test_expect_success "$way: every byte of it comes, once" '
	fresh && head -c 700000 /dev/urandom >"$marks/bytes" &&
	recipe "survive = true, max_output = 1" "cat $marks/bytes; sleep 0.2; cat $marks/bytes" &&
	ends $way "ok 0" && cat "$marks/bytes" "$marks/bytes" >sent &&
	cmp "$(find "$XDG_STATE_HOME" -path "*/out/*.out" -size +1000k)" sent &&
	rm -rf "$XDG_STATE_HOME/perilune/runs"
'

test_expect_success "$way: its output comes while it runs" '
	fresh && cat >one.lua <<-END && exec_of $way & pid=$! && wait_for test -e "$marks/seen" &&
	local pl = require "perilune"
	return pl.recipe { name = "one", summary = "Follows.", run = function(t)
	  for _, line in t.hosts:stream("echo first; while [ ! -e $marks/seen ]; do sleep 0.05; done; echo last",
	      { survive = true }) do
	    if line == "first" then t.hosts:exec("touch $marks/seen"):must() end
	  end
	end }
	END
	wait $pid
'

test_expect_success "$way: perilune is killed: it runs on, its children too, and its output is kept" '
	recipe "survive = true" "$family" && start $way && kill -KILL $pid && { wait $pid; true; } &&
	alive "$marks/self" "$marks/child" && touch "$marks/go" && wait_for the_file code &&
	wait_for dead "$marks/self" "$marks/child" &&
	[ "$(cat "$(the_file code)")" = 7 ] && [ "$(cat "$(the_file out)")" = "before
after" ] && [ "$(cat "$(the_file err)")" = wrong ] &&
	[ "$(stat -c %a "$(the_file out)") $(stat -c %a "$(the_file pid)")" = "600 600" ] &&
	[ "$(stat -c %a "$(dirname "$(the_file out)")")" = 700 ] && drop_kept
'

test_expect_success "$way: a cancel ends it, its children too, and removes nothing" '
	recipe "survive = true" "$family" && start $way && kill -INT $pid &&
	expect_exit 130 wait $pid && wait_for dead "$marks/self" "$marks/child" &&
	nothing_left "$marks/up" && grep before "$(the_file out)" && drop_kept
'

test_expect_success "$way: where its output cannot be kept, nothing is started" '
	fresh && recipe "survive = true, env = { XDG_STATE_HOME = [[/proc/nowhere]] }" \
		"echo \$\$ >$marks/up" && ends $way "exit 73" &&
	grep "kept in /proc/nowhere/.*nothing was started" out && [ ! -e "$marks/up" ]
'

test_expect_success "$way: what is detached is ok once it runs, and is left alone" '
	recipe "detach = true" "$family" && fresh && ends $way "ok 0" &&
	wait_for test -s "$marks/up" && alive "$marks/self" "$marks/child" &&
	wait_for grep -qzx PERILUNE_DETACH=1 /proc/$(cat "$marks/child")/environ &&
	! grep : "$marks/up" && touch "$marks/go" && wait_for dead "$marks/self" "$marks/child" &&
	fresh && cat >one.lua <<-END && ends $way "exit 127"
	local pl = require "perilune"
	return pl.recipe { name = "one", summary = "Nothing.", run = function(t)
	  local e = t.hosts:exec({ "no-such-program" }, { detach = true })[1]
	  print("outcome " .. e.outcome .. " " .. e.code)
	end }
	END
'

done

test_expect_success "the connection is lost: it goes on, and who waited is told where" '
	use over_ssh && recipe "survive = true" "$family" && start over_ssh &&
	p=$(cut -d" " -f1 "$(the_file pid)") && for l in 1 2 3; do
		p=$(ps -o ppid= -p $p | tr -d " ")
	done && kill -KILL $p && { wait $pid; grep -x "outcome lost -" out; } &&
	grep "goes on there, with its output in \${XDG_STATE_HOME:-~/.local/state}/perilune/2" out &&
	alive "$marks/self" "$marks/child" && touch "$marks/go" && wait_for the_file code &&
	drop_kept
'

test_expect_success "where no shell is named, as in cron, what is detached runs all the same" '
	use on_this_machine && recipe "detach = true" "echo up >$marks/up" && fresh &&
	(unset SHELL && ends on_this_machine "ok 0") && wait_for grep -x up "$marks/up"
'

test_expect_success "neither takes a standard input, nor the other" '
	for options in "survive = true, stdin = [[x]]" "detach = true, stdin = [[x]]" \
			"survive = true, detach = true"; do
		recipe "$options" true && expect_exit 2 on_this_machine && grep "one.lua:3: hosts:exec: " err &&
		expect_exit 2 over_ssh || return 1
	done
'

test_done
