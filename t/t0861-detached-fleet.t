#!/bin/sh
# A detached run over 64 hosts: its login goes away, another shell follows it and ends it.
test_description="a detached run over SSH hosts"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen setsid script

fleet_start 64 || test_done
fleet_homes

folder=$FLEET_DIR/run # no space in it
cat >long.lua <<-\END
return require "perilune".recipe { name = "long", run = function(t)
  t.hosts:exec("echo first"):must()
  t.hosts:exec("echo $PERILUNE_TASK >task; sleep 1000")
end }
END

tasks() { cat "$FLEET_HOMES"/*/task 2>/dev/null | wc -l; }
all_run() { [ "$(tasks)" -eq 64 ]; }

# The shell on the pseudo terminal starts it and ends, as a login does: terminal and session are gone.
test_expect_success "it is started in a login that ends" '
	echo "perilune run --detach -F $FLEET_SSH_CONFIG -w ^$FLEET_HOSTS --run-dir $folder ./long.lua; exit" >login.sh &&
	setsid script -qec "sh login.sh" /dev/null </dev/null >screen 2>&1 && wait_for all_run &&
	pid=$(sed -n "1s/.*\"pid\":\([0-9]*\),.*/\1/p" "$folder/controller") &&
	test "$(ps -o tty= -p $pid | tr -d " ")" = "?"
'

test_expect_success "another shell sees all 64 hosts that it waits for" '
	setsid perilune status "$folder" </dev/null >out && grep "0 of 64 done" out &&
	perilune logs "$folder" >out && test "$(grep -c ": first$" out)" -eq 64
'

test_expect_success "and ends it: nothing is left on any host" '
	cat "$FLEET_HOMES"/*/task >tags && setsid perilune cancel "$folder" </dev/null 2>err &&
	grep "canceled (exit status 130)" err && nothing_left tags
'

test_done
