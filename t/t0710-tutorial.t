#!/bin/sh

test_description='The tutorial of recipes/README.md, typed as it stands, step by step

Blocks fenced as lua become the file that their first line names, those fenced as sh are run; a
command that ends in "# exit status N" must.'
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

# Its fleet, in a folder of our own: sshd takes no space in its name.
FLEET_DIR=$(mktemp -d "${TMPDIR:-/tmp}/perilune-fleet.XXXXXX")
trap 'fleet_status=$?; fleet_stop; (exit $fleet_status); die' EXIT

ln -s "$PERILUNE_SRCDIR/scripts" scripts

# steps FILE: a script for each step that the file has, step-N, in the folder we are in.
steps() {
	awk -v fleet="$FLEET_DIR/fleet" '
	function put(line) { gsub("/tmp/fleet", fleet, line); print line >("step-" n) }
	/^## [0-9]+\. / { n = $2 + 0 }
	/^# Reference/ { exit }
	/^```lua$/ { getline; put("cat >" $2 " <<\\END_OF_FILE"); put($0); lua = 1; next }
	/^```sh$/ { sh = 1; next }
	/^```/ { if (lua) put("END_OF_FILE"); lua = sh = 0; next }
	lua { put($0); next }
	sh && /\\$/ { held = held substr($0, 1, length($0) - 1); next }
	sh {
		line = held $0; held = ""
		if (match(line, /  *# exit status [0-9]+$/)) {
			status = substr(line, RSTART + RLENGTH - 3); sub(/^[^0-9]*/, "", status)
			line = "code=0; " substr(line, 1, RSTART - 1) " || code=$?; test $code -eq " status
		}
		put(line)
	}' "$1"
}

# step N: runs it; what it says on standard output is in out, on standard error in err.
step() {
	(cd "$([ -d try ] && echo try || echo .)" && sh -eux "$SHARNESS_TRASH_DIRECTORY/step-$1") \
		>out 2>err || { cat out err >&2; return 1; }
}

steps "$PERILUNE_SRCDIR/recipes/README.md"

test_expect_success 'a command on four hosts' '
	step 1 && grep -x "127.1.0.\[1-4\] (4)" out
'

test_expect_success 'a cluster file, a group' '
	step 2 && grep -x "127.1.0.\[1-4\] (4)" out && test "$(grep -c "^127.1.0.[12]: " out)" -eq 2
'

test_expect_success 'a recipe' '
	step 3 && grep "127.1.0.\[1-4\]: $(uname -r)" err && grep -x "127.1.0.\[1-4\] (4)" out
'

test_expect_success 'options, one of them misspelt' '
	step 4 && grep "least rate.*GB/s" out && grep "rate: .*median of 4" err &&
	grep "did you mean .--block." err
'

test_expect_success 'what was run' '
	step 5 && grep "pass  *move$" out && grep "pass  *first$" out
'

test_expect_success 'a gate that is kept, and one that is breached' '
	step 6 && grep "gate rate: pass" err && grep "regression: gate rate" err
'

test_expect_success 'a rehearsal on virtual time, one with faults, a test' '
	step 7 && grep "rate: 6.711 GB/s, median of 5000" err &&
	grep "unreachable.*simulated" err && grep "^ok 3 - move.test.lua: a host is gone" out
'

test_expect_success 'a sweep' '
	step 8 && grep "5  block=1M" err && grep "  3  block=1M  *pass" err && grep "3 times each" err
'

test_expect_success 'reports' '
	step 9 && head -n 1 out | grep -x "TAP version 14" && grep "<testcase " try/junit.xml &&
	grep "\"verdict\": *\"pass\"" try/report.json
'

test_expect_success 'a sweep in the background: looked at, ended, resumed, replayed' '
	step 10 && grep "^state  *running" out && grep "exit status 130" err && test "$(grep -c "8  block=512K  *pass" err)" -ge 2
'

test_expect_success 'all ten steps were there, and no fleet is left' '
	count_is 10 "step-*" && expect_exit 1 fleet status "$FLEET_DIR/fleet"
'

test_done
