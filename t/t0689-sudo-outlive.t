#!/bin/sh
# What outlives its connection as root, through sudo, and what reap finds of what ran as root.
test_description="surviving, detached and left behind as root"
. /usr/share/sharness/sharness.sh

sudo_fleet_start 2 || test_done
user=$SUDO_USER_ASKED
kept=$SUDO_ROOT_HOME/.local/state/perilune

# recipe OPTIONS COMMAND: a recipe of one command, which prints what it came to.
recipe() {
	cat >one.lua <<-END
	local pl = require "perilune"
	return pl.recipe { name = "one", summary = "One command.", run = function(t)
	  local e = t.hosts:exec([==[$2]==], { sudo = true, $1 })[1]
	  print("outcome " .. e.outcome .. " " .. (e.code or e.signal or "-"))
	  print(e.why)
	  print(e.stdout, e.stderr)
	end }
	END
}
r() { timeout 60 setsid -w perilune run -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 ./one.lua </dev/null >out 2>err; }
ends() { r; grep -x "outcome $1" out || { cat out err; return 1; }; }
kept_files() { find "$kept" -name "*.127.1.0.1.*" 2>/dev/null; }
nothing_kept() { [ -z "$(kept_files)" ]; }
the_file() { kept_files | grep "\\.$1\$"; }
alive() { for p in $(cat "$@"); do kill -0 "$p" || return 1; done; }
dead() { for p in $(cat "$@"); do ! kill -0 "$p" 2>/dev/null || return 1; done; }
of_root() { for p in $(cat "$@"); do [ "$(stat -c %u "/proc/$p")" = 0 ] || return 1; done; }
fresh() { rm -rf "${marks:?}"/*; }

# A command with a child in a session of its own; it ends when $marks/go is there.
family="setsid sh -c 'echo \$\$ >$marks/child; exec sleep 300' & echo \$\$ >$marks/self
	echo before; while [ ! -s $marks/child ]; do sleep 0.02; done
	echo \$PERILUNE_TASK >$marks/up; while [ ! -e $marks/go ] && [ -d $marks ]; do sleep 0.05; done
	kill \$(cat $marks/child); echo after; exit 7"
start() {
	fresh && { setsid perilune run -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 ./one.lua \
		</dev/null >out 2>err & pid=$!; } &&
	wait_for test -s "$marks/up" && of_root "$marks/self" "$marks/child"
}
killed() { kill -KILL "$(pgrep -f -s "$pid" "perilune run" | head -n 1)" || kill -KILL $pid; { wait $pid; true; }; }
id_of_last() { perilune runs list --json | head -n 1 | sed 's/.*"id": *"\([^"]*\)".*/\1/'; }
reap() { setsid -w timeout 60 perilune reap -F "$FLEET_SSH_CONFIG" "$@" </dev/null >out 2>err; }

sudo_rules "$user ALL=(ALL) NOPASSWD: ALL"

test_expect_success "what survives ends as any command does, and leaves nothing behind" '
	recipe "survive = true" "id -u; exit 3" && ends "exit 3" && grep "^0" out &&
	recipe "survive = true" "kill -TERM \$\$" && ends "signal TERM" &&
	recipe "survive = true, merge = true, cwd = [[/usr]], env = { V = [[a b!]] }" \
		"pwd >&2; echo \"\$V\"" && ends "ok 0" && grep -x /usr out && grep "a b!" out &&
	nothing_kept
'

test_expect_success "perilune is killed: it runs on, and its output is kept, by root, in the home of root" '
	recipe "survive = true" "$family" && start && killed && alive "$marks/self" "$marks/child" &&
	touch "$marks/go" && wait_for the_file code && wait_for dead "$marks/self" "$marks/child" &&
	[ "$(cat "$(the_file code)")" = 7 ] && [ "$(cat "$(the_file out)")" = "before
after" ] && [ "$(stat -c "%a %u" "$(the_file out)")" = "600 0" ] &&
	[ "$(stat -c "%a %u" "$(dirname "$(the_file out)")")" = "700 0" ] && rm -r "$kept"
'

test_expect_success "also where sudo keeps the home of the user" '
	sudo_rules "Defaults env_keep += HOME\n$user ALL=(ALL) NOPASSWD: ALL" &&
	recipe "survive = true" "$family" && start && the_file out &&
	[ ! -e "$FLEET_DIR/$user/.local" ] && touch "$marks/go" && { wait $pid; grep -x "outcome exit 7" out; } &&
	nothing_kept && sudo_rules "$user ALL=(ALL) NOPASSWD: ALL"
'

test_expect_success "a cancel ends it, its children too, and removes nothing" '
	recipe "survive = true" "$family" && start && kill -INT $pid &&
	expect_exit 130 wait $pid && wait_for dead "$marks/self" "$marks/child" &&
	grep before "$(the_file out)" && rm -r "$kept"
'

test_expect_success "what is detached is ok once it runs, and is left alone" '
	recipe "detach = true" "$family" && fresh && ends "ok 0" && wait_for test -s "$marks/up" &&
	of_root "$marks/self" "$marks/child" && touch "$marks/go" &&
	wait_for dead "$marks/self" "$marks/child"
'

test_expect_success "the connection is lost: who waited is told where the output is" '
	recipe "survive = true" "$family" && start &&
	p=$(pgrep -P "$(pgrep -P "$(cat "$FLEET_DIR/sshd.pid")")" sshd) && kill -KILL $p &&
	{ wait $pid; grep -x "outcome lost -" out; } &&
	grep "goes on there, with its output in \${XDG_STATE_HOME:-~root/.local/state}/perilune/2" out &&
	alive "$marks/self" && touch "$marks/go" && wait_for the_file code && rm -r "$kept"
'

test_expect_success "reap knows by the record that sudo was used, and ends what ran as root" '
	recipe "survive = true" "$family" && start && killed && alive "$marks/self" "$marks/child" &&
	run=$(id_of_last) && reap --dry-run "$run" && alive "$marks/self" "$marks/child" &&
	grep "found .*sleep 300" out && grep "ran under sudo" err && reap --grace 1s "$run" &&
	wait_for dead "$marks/self" "$marks/child" && grep "ended .*sleep 300" out && rm -rf "$kept"
'

test_expect_success "where sudo lets nobody reap, that is said, and no word of nothing left" '
	recipe "survive = true" "$family" && start && killed && run=$(id_of_last) && sudo_rules "" &&
	expect_exit 3 reap "$run" && grep "sudo refused" err && ! grep "nothing left" out &&
	alive "$marks/self" "$marks/child" && sudo_rules "$user ALL=(ALL) NOPASSWD: ALL"
'

test_expect_success "a run of elsewhere is reaped as root where that is asked for, what the user has left too" '
	{ setpriv --reuid 4242 --clear-groups env "PERILUNE_TASK=$run-1.127.1.0.1.0.1" sleep 300 & } && own=$! &&
	wait_for grep -q "^Uid:.4242" /proc/$own/status && rm -r "$XDG_STATE_HOME/perilune" &&
	reap -w 127.1.0.1 --sudo --grace 1s "$run" && wait_for dead "$marks/self" "$marks/child" &&
	{ wait $own; true; } && ! kill -0 $own 2>/dev/null
'

test_done
