#!/bin/sh
# Ctrl-C and SIGTERM while commands run over SSH: what is said, what is left, how soon.
test_description="interrupted over SSH"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen
script -qec true /dev/null </dev/null >/dev/null 2>&1 && test_set_prereq SCRIPT

fleet_start 16 || test_done
all="127.1.0.[1-16]"
marks=$FLEET_DIR/marks

# A command that says that it is up, by a file with its tag, and stays.
stays() { echo "echo \$PERILUNE_TASK >$marks/\${PERILUNE_TASK##*-}; $1 exec sleep 300"; }

# started N OPTION... COMMAND: runs it in the background as $pid, errors in err, until N are up.
started() {
	rm -rf "$marks" && mkdir "$marks" && n=$1 && shift &&
	{ perilune exec -F "$FLEET_SSH_CONFIG" --progress never "$@" >out 2>err & pid=$!; } &&
	wait_for count_is "$n" "$marks/*" && cat "$marks"/* >tags
}

# connected PID: it has a connection.
connected() { find "/proc/$1/fd" -lname "socket:*" | grep -q .; }

test_expect_success "Ctrl-C ends the commands there, says who was running, exits 130" '
	started 16 -w "$all" "$(stays)" && kill -INT $pid && expect_exit 130 wait $pid &&
	nothing_left tags &&
	test "$(grep -c "^perilune: exec: interrupted: ending 16 hosts: 127.1.0.\[1-16\] (running " err)" = 1 &&
	grep "^perilune: exec: 16 hosts: 16 canceled (" err && grep "^  canceled: 127.1.0.\[1-16\]$" err &&
	test_line_count = 3 err
'

test_expect_success "those that had not started are told apart" '
	started 4 -f 4 -w "$all" "$(stays)" && kill -INT $pid && expect_exit 130 wait $pid &&
	nothing_left tags && grep "ending 4 hosts: 127.1.0.\[1-4\] (running .*); 12 not started" err &&
	grep "^  canceled (canceled before it started): 127.1.0.\[5-16\]$" err
'

test_expect_success "output of before is kept, also gathered" '
	started 16 -b -w "$all" "echo kept; $(stays)" && kill -INT $pid &&
	expect_exit 130 wait $pid && grep "127.1.0.\[1-16\] (16)" out && grep "^kept$" out
'

test_expect_success "commands that do not listen to it are ended too" '
	started 4 -w "127.1.0.[1-4]" "$(stays "trap \"\" INT TERM HUP;")" &&
	kill -INT $pid && expect_exit 130 wait $pid && nothing_left tags
'

test_expect_success "the second Ctrl-C leaves at once, without waiting for anybody" '
	started 4 -w "127.1.0.[1-4]" "$(stays "trap \"\" INT TERM HUP;")" &&
	kill -STOP $(cat "$FLEET_DIR/sshd.pid") && kill -INT $pid &&
	wait_for grep interrupted err && kill -INT $pid && expect_exit 130 wait $pid;
	status=$?; kill -CONT $(cat "$FLEET_DIR/sshd.pid"); return $status
'
end_tagged() {
	for file in /proc/[0-9]*/environ; do
		grep -qzxFf "$1" "$file" 2>/dev/null && kill -KILL "$(echo "$file" | cut -d/ -f3)"
	done
	return 0
}
sed "s/^/PERILUNE_TASK=/" tags >patterns && end_tagged patterns

test_expect_success "SIGTERM does the same and exits 143" '
	started 16 -w "$all" "$(stays)" && kill -TERM $pid && expect_exit 143 wait $pid &&
	nothing_left tags && grep "interrupted: ending 16 hosts" err
'

test_expect_success "hosts that are being logged in to are let go" '
	kill -STOP $(cat "$FLEET_DIR/sshd.pid") &&
	{ perilune exec --progress always -F "$FLEET_SSH_CONFIG" -w "$all" true 2>err & pid=$!; } &&
	wait_for connected $pid && kill -INT $pid && expect_exit 130 wait $pid;
	status=$?; kill -CONT $(cat "$FLEET_DIR/sshd.pid"); return $status
'

test_expect_success SCRIPT "on a terminal Ctrl-C is honoured also where SIGINT was ignored" '
	rm -rf "$marks" && mkdir "$marks" && mkfifo keys &&
	cat >ignoring <<-END &&
	trap "" INT
	perilune exec -F "$FLEET_SSH_CONFIG" -w "$all" "$(stays | sed "s/\\$/\\\\$/g")"
	echo "status \$?"
	END
	{ script -qec "sh ignoring" /dev/null <keys >typescript & pid=$!; } && exec 9>keys &&
	wait_for count_is 16 "$marks/*" && cat $marks/* >tags && printf "\\003" >&9 &&
	wait_for grep "status 130" typescript && exec 9>&- && wait $pid; nothing_left tags &&
	grep "interrupted: ending 16 hosts: 127.1.0.\[1-16\]" typescript
'

test_expect_success "a recipe in an endless loop, with commands running, is ended with them" '
	rm -rf "$marks" && mkdir "$marks" &&
	cat >endless.lua <<-END &&
	local pl = require "perilune"
	return pl.recipe { name = "endless", summary = "Never ends.", run = function(t)
	  t:spawn(function() t.hosts:exec [[$(stays)]] end)
	  t:sleep(1)
	  t:note "looping"
	  while true do end
	end }
	END
	{ perilune run -F "$FLEET_SSH_CONFIG" -w "$all" ./endless.lua >out 2>err & pid=$!; } &&
	wait_for count_is 16 "$marks/*" && cat $marks/* >tags && wait_for grep looping err &&
	kill -INT $pid && expect_exit 130 wait $pid && nothing_left tags && ! grep traceback err
'

test_done
