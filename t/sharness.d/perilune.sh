# Loaded by sharness before every end-to-end test: a world of its own for perilune.
#
# HOME, state, configuration and cache lie in the test's trash folder; variables of the caller that
# would change what perilune does are gone; $PERILUNE is the program under test and `perilune`
# finds it. Tests run side by side: ports are picked free, nothing outside the trash is written.

: "${PERILUNE_BUILDDIR:?run tests with make check, or set PERILUNE_BUILDDIR to the build folder}"
: "${PERILUNE_SRCDIR:=$SHARNESS_TEST_SRCDIR/..}"
PERILUNE="$PERILUNE_BUILDDIR/perilune"
PATH="$PERILUNE_BUILDDIR:$PERILUNE_SRCDIR/scripts/dev:$PATH"
HOME="$SHARNESS_TRASH_DIRECTORY/home"
XDG_STATE_HOME="$HOME/state" XDG_CONFIG_HOME="$HOME/config" XDG_CACHE_HOME="$HOME/cache"
export PERILUNE PERILUNE_SRCDIR PERILUNE_BUILDDIR PATH HOME
export XDG_STATE_HOME XDG_CONFIG_HOME XDG_CACHE_HOME
unset PERILUNE_CONFIG PERILUNE_STATE PERILUNE_LOG FANOUT WCOLL NO_COLOR CLICOLOR_FORCE
unset SSH_AUTH_SOCK SSH_CONNECTION SLURM_JOB_ID
mkdir -p "$HOME" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME"

# skip_all_without PROGRAM...: ends the whole test as skipped, naming what is missing.
skip_all_without() {
	for program in "$@"; do
		command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || {
			skip_all="$program is not installed"
			test_done
		}
	done
}

# expect_exit STATUS COMMAND...: succeeds when the command ends with exactly this status.
expect_exit() {
	expected=$1
	shift
	"$@"
	actual=$?
	[ "$actual" -eq "$expected" ] && return 0
	echo >&2 "exit status $actual, not $expected: $*"
	return 1
}

# fleet_start N: a private fleet of N hosts in $FLEET_DIR, ended when the test ends, however it
# ends. Sets FLEET_*. The folder is no part of the trash: sshd's files allow no space in its name.
fleet_start() {
	FLEET_DIR=$(mktemp -d "${TMPDIR:-/tmp}/perilune-fleet.XXXXXX") || return 1
	trap 'fleet_status=$?; fleet_stop; (exit $fleet_status); die' EXIT
	"$PERILUNE_SRCDIR/scripts/dev/fleet" start "$FLEET_DIR" "$1" >/dev/null || return 1
	. "$FLEET_DIR/env"
}

fleet_stop() {
	[ -d "$FLEET_DIR" ] || return 0
	"$PERILUNE_SRCDIR/scripts/dev/fleet" stop "$FLEET_DIR" >/dev/null
	rm -rf "$FLEET_DIR"
}

# wait_for COMMAND...: polls until COMMAND succeeds; fails after 30 s. For marker files and lines:
# how a test waits for another process.
wait_for() {
	polls=0
	until "$@" >/dev/null 2>&1; do
		polls=$((polls + 1))
		[ $polls -lt 1500 ] || { echo >&2 "waited 30 s in vain for: $*"; return 1; }
		sleep 0.02
	done
}

# count_is N FILE...: there are exactly N of these files. For wait_for, with a glob.
count_is() {
	eval "set -- $1 $2"
	[ "$1" -eq $(($# - 1)) ] && [ -e "$2" ]
}

# nothing_left FILE: no process of ours carries a tag of FILE, which commands filled, a line each,
# by `echo $PERILUNE_TASK >>FILE`; one that is just ending is waited for.
nothing_left() {
	[ -s "$1" ] || { echo >&2 "$1 has no tags"; return 1; }
	sed 's/^/PERILUNE_TASK=/' "$1" >"$1.patterns"
	wait_for none_tagged "$1.patterns"
}

none_tagged() {
	! cat /proc/[0-9]*/environ 2>/dev/null | grep -qzxFf "$1"
}

# test_line_count = N FILE (or another operator of test): the number of lines of a file, as in git.
test_line_count() {
	lines=$(wc -l <"$3")
	[ "$lines" "$1" "$2" ] && return 0
	echo >&2 "$3 has $lines lines, not $1 $2:"
	cat >&2 "$3"
	return 1
}

# fleet_homes: all hosts are this machine, so each gets a home folder of its own through its login
# shell, and a relative path is another file on each. The home of HOST is $FLEET_HOMES/HOST.
fleet_homes() {
	FLEET_HOMES=$FLEET_DIR/homes
	cat >"$FLEET_DIR/home" <<-END
	#!/bin/sh
	set -- \$SSH_CONNECTION
	mkdir -p "$FLEET_HOMES/\$3" && cd "$FLEET_HOMES/\$3" && HOME=\$PWD && export HOME
	exec sh -c "\$SSH_ORIGINAL_COMMAND"
	END
	chmod +x "$FLEET_DIR/home" && sed "s|^|command=\"$FLEET_DIR/home\" |" \
		"$FLEET_DIR/id_ed25519.pub" >"$FLEET_DIR/authorized_keys"
}
