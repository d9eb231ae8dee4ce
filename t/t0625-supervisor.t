#!/bin/sh
# What runs on a host ends with the session it runs on: when perilune is killed, ends, or stops.
test_description="the supervisor over SSH"
by=${SUPERVISED_BY-ssh} # or openssh: t0626 says so
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

fleet_start 4 || test_done
all="127.1.0.[1-4]"
marks=$FLEET_DIR/marks

# Children that leave: in a session of their own, twice forked, without the tag, deaf to TERM.
cat >"$FLEET_DIR/family" <<'END'
#!/bin/sh
sh -c 'trap "" TERM HUP INT; echo $$ >'"$1"'/deaf.$$; while :; do sleep 0.2; done' &
setsid sh -c 'echo $$ >'"$1"'/setsid.$$; exec sleep 300' &
(sh -c 'echo $$ >'"$1"'/twice.$$; exec sleep 300' &) &
env -i PATH="$PATH" sh -c 'echo $$ >'"$1"'/bare.$$; exec sleep 300' &
wait
END

# family N OPTION...: starts one on N hosts, in the background as $pid, until all are up.
family() {
	rm -rf "$marks" && mkdir "$marks" && n=$1 && shift &&
	{ perilune exec --transport $by -F "$FLEET_SSH_CONFIG" "$@" \
		"sh $FLEET_DIR/family $marks" >out 2>err & pid=$!; } &&
	wait_for count_is $((4 * n)) "$marks/*" && cat "$marks"/* >pids
}

# none_alive FILE: none of the pids in it is alive.
none_alive() { for p in $(cat "$1"); do ! kill -0 "$p" 2>/dev/null || return 1; done; }

test_expect_success "SIGKILL of perilune ends them, those who left included" '
	family 4 -w "$all" && kill -KILL $pid && { wait $pid; wait_for none_alive pids; }
'

test_expect_success "so do a second Ctrl-C, a time limit and a limit of silence" '
	family 2 -w "127.1.0.[1-2]" && kill -INT $pid && wait_for grep interrupted err &&
	{ kill -INT $pid; wait $pid; wait_for none_alive pids; } &&
	for limit in "-u 3s" "--idle-timeout 3s"; do
		family 1 $limit -w 127.1.0.1 && expect_exit 124 wait $pid &&
		wait_for none_alive pids || return 1
	done
'

test_expect_success "what a command that ended well left in the background ends with its session" '
	rm -rf "$marks" && mkdir "$marks" &&
	perilune exec --transport $by -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 \
		"setsid sleep 300 >/dev/null 2>&1 & echo \$! >$marks/left" &&
	wait_for none_alive "$marks/left"
'

test_expect_success "an error in a recipe ends what the recipe had started" '
	rm -rf "$marks" && mkdir "$marks" &&
	cat >broken.lua <<-END &&
	local pl = require "perilune"
	return pl.recipe { name = "broken", summary = "Fails amid a command.", run = function(t)
	  t.hosts:exec "setsid sleep 300 >/dev/null 2>&1 & echo \$! >$marks/left"
	  t:sleep(0.1)
	  error "broken"
	end }
	END
	expect_exit 2 perilune run --transport $by -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 \
		./broken.lua >out 2>err &&
	wait_for none_alive "$marks/left"
'

test_expect_success "two sessions on one machine never end each other" '
	family 1 -w 127.1.0.1 && first=$pid && cp pids first &&
	family 1 -w 127.1.0.2 && kill -KILL $pid && { wait $pid; wait_for none_alive pids; } &&
	for p in $(cat first); do kill -0 $p || return 1; done &&
	kill -INT $first && expect_exit 130 wait $first && wait_for none_alive first
'

test_expect_success "when the supervisor is killed the command goes on, and can be ended" '
	family 1 -w 127.1.0.1 && environ=/proc/$(cat $marks/setsid.*)/environ &&
	wait_for grep -qz "^PERILUNE_TASK=" "$environ" &&
	token=$(tr "\\0" "\\n" <"$environ" | sed -n "s/^PERILUNE_TASK=.*://p") &&
	kill -KILL $(grep -lszx "PERILUNE_SUPERVISOR=$token" /proc/[0-9]*/environ | cut -d/ -f3) &&
	kill -0 $(cat pids) && kill -INT $pid && expect_exit 130 wait $pid &&
	cat $marks/deaf.* $marks/setsid.* $marks/twice.* >tagged && wait_for none_alive tagged
	status=$?; kill -KILL $(cat $marks/bare.*); return $status
'

test_expect_success "--no-supervisor: nothing of ours runs there beside the command" '
	perilune exec --transport $by -F "$FLEET_SSH_CONFIG" --no-supervisor -w 127.1.0.1 \
		"case \$PERILUNE_TASK in *:*) exit 9 ;; esac" &&
	perilune exec --transport $by -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 \
		"case \$PERILUNE_TASK in *:*) ;; *) exit 9 ;; esac"
'

# What perilune's own stop means shows after 15 s: with `make soak` only.
[ -z "${PERILUNE_SOAK-}" ] || test_set_prereq SOAK

test_expect_success SOAK "a perilune that stops is given 30 s, then its commands are lost" '
	family 2 -w "127.1.0.[1-2]" && kill -STOP $pid && wait_for none_alive pids
	kill -CONT $pid && expect_exit 3 wait $pid && grep "2 lost" err && grep "heard nothing" err
'

test_done
