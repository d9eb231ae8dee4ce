#!/bin/sh
# The prompt: through a pipe, and typed on a terminal, which tmux plays.
test_description="the interactive session"
. /usr/share/sharness/sharness.sh

skip_all_without tmux

piped() { perilune repl --transport local -w "n[1-3]" >out 2>err; }

test_expect_success "values of expressions are shown, names are kept" '
	printf "%s\n" "1 + 1" "x = { a = 1, 2, 3 }" x "#hosts" "_ * 2" "\"text\"" nil | piped &&
	printf "%s\n" 2 "{ 2, 3, a = 1 }" 3 6 text >expected && test_cmp expected out
'

test_expect_success "a chunk goes on until it is complete" '
	printf "%s\n" "for i = 1, 2 do" "print(i)" end "function twice(n)" "return 2 * n" end \
		"twice(4)" | piped && printf "%s\n" 1 2 8 >expected && test_cmp expected out
'

test_expect_success "> runs on the fleet, ! here, @ chooses hosts" '
	printf "%s\n" ">echo there; exit 3" "!echo here" "@n[1-2]" hosts ">echo two" | piped &&
	grep -x "n\[1-3\] (3)" out && grep -x there out && grep "3 of 3\|exit 3: n\[1-3\]" out &&
	grep -x here out && [ "$(grep -cx "n\[1-2\] (2)" out)" = 2 ] && grep -x two out
'

test_expect_success "an error is told in plain words, and the session goes on" '
	printf "%s\n" hostss "x = = 1" "error(\"this\")" "hosts:exce(\"true\")" "t:map(hosts, {})" \
		"@n[1-" "print(\"on\")" | piped &&
	grep "undefined variable .hostss. (did you mean .hosts.?)" out &&
	grep "line 1: unexpected symbol near .=." out && grep "prompt:1: this" out &&
	grep "exec" out && tail -n 1 out | grep -x on && ! grep "stack traceback\|internal" out
'

test_expect_success "long values are cut, show() prints all of them" '
	printf "%s\n" "x = (\"line\\n\"):rep(100)" x "show(x)" | piped &&
	grep "^(cut: 10[01] lines, 500 bytes; show(_) prints all)" out &&
	[ "$(grep -cx line out)" = 140 ]
'

test_expect_success "help names everything public, with an example" '
	printf "%s\n" help "help exec" "help(hosts.exec)" "help(t)" "help(\"lunch\")" | piped &&
	grep "@SET *choose hosts" out && [ "$(grep -c "hosts:exec(cmd, opts)" out)" = 2 ] &&
	grep "example: m = t:map" out && grep "did you mean .launch.?" out
'

test_expect_success "a recipe is read anew each time, and gives its report" '
	cat >one.lua <<-\END &&
	local pl = require "perilune"
	return pl.recipe { name = "one", options = { n = { type = "int", default = 1 } },
	  run = function(t, o) t:metric("n", o.n) end }
	END
	printf "%s\n" "r = run(\"./one.lua\", { n = 7 })" "r.points[1].metrics[1].name" r \
		"run(\"./one.lua\", { m = 1 })" | piped &&
	grep "^one on 3 hosts: 1 pass" out && grep -x "one: pass" out &&
	grep "no option .m.\|unknown.*m" out
'

test_expect_success "what runs in the background is listed, and waited for by fg" '
	printf "%s\n" "t:sleep(\"30ms\") &" jobs ">echo front" fg "bg(function() return 5 end)" \
		"t:sleep(\"30ms\")" "fg 9" | piped &&
	[ "$(grep -c "^\[1\] t:sleep" out)" -ge 1 ] && grep -x front out && grep -x 5 out &&
	grep "no such job" out
'

# ---- on a terminal

# A server of its own for each: one that is about to leave takes no new session.
n_terminals=0
tm() { timeout 20 tmux -f /dev/null -L "perilune-$$-$n_terminals" "$@"; }

# begin TERM [OPTIONS]: a session on a terminal of its own
begin() {
	term=$1
	shift
	n_terminals=$((n_terminals + 1))
	tm new-session -d -x 100 -y 40 "env TERM=$term perilune repl $*; echo over: \$?; exec cat" &&
	wait_for screen "perilune n[^ ]*>"
}
screen() { tm capture-pane -p | grep -e "$1"; }
type_line() { tm send-keys -l "$1" && tm send-keys Enter; }
end() { tm send-keys C-d && wait_for screen "over: 0" && tm kill-server; }
on_three="screen --transport local -w n[1-3]"

test_expect_success "lines are edited, and found again in the history of the next session" '
	begin $on_three && tm send-keys -l "prin(\"edited\")" && tm send-keys Home Right Right Right Right &&
	tm send-keys -l t && tm send-keys Enter && wait_for screen "^edited" && end &&
	begin $on_three && tm send-keys Up Enter && wait_for screen "^edited" && end &&
	[ "$(stat -c %a "$XDG_STATE_HOME/perilune/history")" = 600 ]
'

test_expect_success "Tab completes names, fields and hosts" '
	begin $on_three && tm send-keys -l "hosts:exe" && tm send-keys Tab && tm send-keys -l "(\"echo t\$((1+1))b\")" &&
	tm send-keys Enter && wait_for screen "^t2b" &&
	tm send-keys -l "t:s" && tm send-keys Tab Tab && wait_for screen "sleep.*spawn" &&
	tm send-keys C-u && tm send-keys -l "@n" && tm send-keys Tab && wait_for screen "n1 *n2 *n3" &&
	tm send-keys C-u && end
'

test_expect_success "a job reports above the line that is being typed" '
	rm -f go && begin $on_three && type_line ">while [ ! -e \"$PWD/go\" ]; do sleep 0.02; done; echo done &" &&
	wait_for screen "^\[1\] >while" && tm send-keys -l "print(\"half" && wait_for screen "(.half" &&
	touch go && wait_for screen "^\[1\] is over" &&
	tm send-keys -l " a line\")" && tm send-keys Enter && wait_for screen "^half a line" && end
'

test_expect_success "Ctrl-C drops a line, ends the foreground, and nothing else" '
	rm -f up && begin $on_three && tm send-keys -l "not wanted" && tm send-keys C-c &&
	wait_for screen "not wanted^C" &&
	type_line ">echo up >\"$PWD/up\"; exec sleep 300" && wait_for test -s up && tm send-keys C-c &&
	wait_for screen "^interrupted\|canceled" && type_line "print(\"still here\")" &&
	wait_for screen "^still here" &&
	rm up && type_line ">echo up >\"$PWD/up\"; exec sleep 300" && wait_for test -s up &&
	tm send-keys C-c && type_line "6 * 7" &&
	wait_for screen "^42" && end
'

test_expect_success "many hosts are asked about, once a session" '
	begin screen --transport sim -w "n[1-100]" && type_line ">hostname" &&
	wait_for screen "run it on 100 hosts" && type_line n &&
	type_line ">hostname" && wait_for screen "run it on 100 hosts.*$" && type_line y &&
	wait_for screen "^100 hosts ok" && tm kill-server
'

test_expect_success "a dumb terminal gets lines" '
	begin dumb --transport local -w n1 && type_line "6 * 7" && wait_for screen "^42" && tm kill-server
'

n=1
while [ $n -le $n_terminals ]; do
	timeout 5 tmux -f /dev/null -L "perilune-$$-$n" kill-server 2>/dev/null
	n=$((n + 1))
done
test_done
