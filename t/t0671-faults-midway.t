#!/bin/sh
# What goes wrong after the login: hosts that fall silent, lines that are bad, limits reached in the
# middle. Keys that are exchanged anew are in t0685.
test_description="faults in the middle of the work"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh

skip_all_without ethtool
bed_start

x() { perilune exec -F "$BED_CONFIG" --progress never "$@"; }
is_there() { test -e "$1"; }

# none_on I FILE: nothing that carries a tag of FILE is alive; the file was filled by the commands.
none_on() {
	! pids_on "$1" | sed 's,.*,/proc/&/environ,' | xargs cat 2>/dev/null | tr '\0' '\n' |
		grep -q '^PERILUNE_TASK='
}

test_expect_success "a bed of hosts" '
	hosts_up 1 4 && { printf "Host h2 h3\n ServerAliveInterval 2\n ServerAliveCountMax 4\n"; cat "$BED_CONFIG"; } >config &&
	cp config "$BED_CONFIG"
'

test_expect_success "a host that stands still after the login is lost, the others finish" '
	{ x --json -w "h[1-3]" "touch $BED/up.\$(hostname); while ! test -e $BED/go; do sleep 0.1; done; echo done" >out 2>err & pid=$!; } &&
	wait_for is_there "$BED/up.h1" && wait_for is_there "$BED/up.h2" && wait_for is_there "$BED/up.h3" &&
	stop_host 2 && wait_for grep "\"host\":\"h2\",\"outcome\":\"lost\",\"phase\":\"stream\"" out &&
	touch "$BED/go" && expect_exit 3 wait $pid && test "$(grep -c "\"outcome\":\"ok\"" out)" = 2 &&
	go_on_host 2
'

test_expect_success "a network that is cut is lost, and nothing is left on the host" '
	rm -f "$BED"/up.* &&
	{ x --json -w "h[1,3]" "touch $BED/up.\$(hostname); test \$(hostname) = h1 || { (trap \"\" TERM HUP; setsid sleep 300 & ) ; exec sleep 300; }" >out 2>err & pid=$!; } &&
	wait_for is_there "$BED/up.h1" && wait_for is_there "$BED/up.h3" &&
	filter 3 drop && expect_exit 3 wait $pid &&
	grep "\"host\":\"h3\",\"outcome\":\"lost\",\"phase\":\"stream\"" out &&
	grep "\"host\":\"h1\",\"outcome\":\"ok\"" out &&
	wait_for none_on 3 && unfilter 3
'

test_expect_success "a line with 50 ms delay and 20 % loss carries a command and its output" '
	host_up 10 && sshd_on 10 && wait_for listens 10 && bad_line_to 10 50 20 &&
	x -w "h[1,10]" -t 20s -N "seq 1 2000 | cksum" >out 2>err && seq 1 2000 | cksum >sum &&
	cat sum sum | test_cmp - out
'

test_expect_success "--idle-timeout lets a copy go on as long as bytes move" '
	host_up 13 && sshd_on 13 && wait_for listens 13 && head -c 500000 /dev/urandom >slow &&
	cp slow "$BED/slow" && on 13 tc qdisc add dev eth0 root tbf rate 2mbit burst 16k latency 400ms &&
	perilune pull -F "$BED_CONFIG" --idle-timeout 1s -w h13 "$BED/slow" slow.here && cmp slow slow.here
'

test_expect_success "a host with room for one channel serves several commands, one after another" '
	host_up 12 && sshd_on 12 -o "MaxSessions 1" && wait_for listens 12 &&
	cat >several.lua <<-END &&
	local pl = require "perilune"
	return pl.recipe { name = "several", run = function(t)
	  local all = t:all { function() return t.hosts:exec "echo 1" end, function() return t.hosts:exec "echo 2" end,
	    function() return t.hosts:exec "echo 3" end }
	  for i = 1, 3 do t:check(all[i].ok, "%s", all[i].why) end
	  t.hosts:exec("echo 4"):must()
	end }
	END
	perilune run -F "$BED_CONFIG" -w h12 ./several.lua
'

test_expect_success "a disk that is full where output is kept does not stop the run" '
	mkdir full && mount -t tmpfs -o size=64k tmpfs full && dd if=/dev/zero of=full/fill bs=1k count=40 2>/dev/null &&
	XDG_STATE_HOME=$PWD/full x --json -w "h[1,4]" "seq 1 400000" >out 2>err; status=$?
	cat err; tail -c 300 out; umount full
	test "$(grep -c "\"outcome\":\"ok\"" out)" = 2 && test $status -eq 0
'

test_done
