#!/bin/sh
# Copies that are cut in the middle: what is kept, and that the next one goes on from it.
test_description="copies go on after a break"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen fuser

fleet_start 2 || test_done
fleet_homes
h1=$FLEET_HOMES/127.1.0.1

copy() { verb=$1; shift; perilune "$verb" -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 --json "$@"; }
moved() { sed -n 's/.*"bytes":\([0-9]*\).*/\1/p' "$1"; }
longer_than() { [ "$(stat -c %s "$2")" -gt "$1" ]; }

# cut_when FILE SIZE: ends the sshd of the connection that writes FILE, once it is longer.
cut_when() {
	wait_for eval "longer_than $2 $1" || return 1
	pid=$(fuser $1 2>/dev/null | tr -s ' ' '\n' | grep . | head -n 1)
	while [ "${pid:-1}" -gt 1 ] && [ "$(cat "/proc/$pid/comm")" != sshd ]; do
		pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status")
	done
	[ "${pid:-1}" -gt 1 ] && kill "$pid"
}

head -c 200000000 /dev/urandom >big

test_expect_success "a push that was cut is lost, and keeps what came under a name of its own" '
	{ copy push big there >out 2>err & } && cut_when "$h1/.perilune-*.part" 5000000 &&
	! wait $! && grep "\"outcome\":\"lost\"" out && ! test -e "$h1/there" &&
	wait_for eval "count_is 1 $h1/.perilune-????????????????.part"
'

test_expect_success "the next one sends the rest only, and the whole is right" '
	copy push big there >out && test "$(moved out)" -lt 196000000 && cmp big "$h1/there" &&
	! find "$h1" -name ".perilune-*" | grep .
'

test_expect_success "what is kept of other content is not gone on with" '
	key=$(sha256sum big | cut -c 1-16) && head -c 3000000 /dev/zero >"$h1/.perilune-$key.part" && rm "$h1/there" &&
	expect_exit 1 copy push big there >out 2>err && grep "checksum differs" out && ! test -e "$h1/there" &&
	! find "$h1" -name ".perilune-*" | grep . && copy push big there && cmp big "$h1/there"
'

test_done
