#!/bin/sh
# Each floor knows only the floors below it, each room of core/ only the rooms it may: an include or
# a require that goes up fails here.
cd "${PERILUNE_SRCDIR:-$(dirname "$0")/..}" || exit 1
n=0 failed=0

# check NAME PROBLEMS: one TAP line.
check() {
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		echo "not ok $n - $1"
		echo "$2" | sed 's/^/# /'
	fi
}

# room ROOM ALLOWED...: files of core/ROOM include "x/..." only for x in ALLOWED.
room() {
	room=$1
	shift
	allowed=$(echo "$room" "$@" | tr ' ' '|')
	check "core/$room includes only: $*" "$(grep -n '^#include "' core/"$room"/*.[ch] |
		grep -Ev "#include \"(($allowed)/[a-z0-9_]+\.h|config\.h)\"")"
}

room base
room set base
room loop base
room map base set
room survey base set map
room transport base set loop
room ssh base set loop transport
check "core/run knows transport.h and no transport" "$(grep -n '^#include "transport/' core/run/*.[ch] |
	grep -Ev '"transport/(transport|task)\.h"')"
room run base set loop transport
check "core/store knows run's sink and results and nothing else of it" "$(grep -n '^#include "run/' core/store/*.[ch] |
	grep -Ev '"run/(sink|run)\.h"')"
room store base set loop run transport

check "nothing in core/ knows Lua" "$(grep -nE '#include [<"](lua|lauxlib|lualib)' -r core)"
check "libevent only in core/loop" "$(grep -nE '#include <event' -r core bindings | grep -v '^core/loop/')"
check "libssh2 only in core/ssh" "$(grep -nE '#include <libssh2' -r core bindings | grep -v '^core/ssh/')"
check "SQLite only in core/store" "$(grep -nE '#include <sqlite' -r core bindings | grep -v '^core/store/')"
check "threads only in core/loop" "$(grep -nE 'pthread_create' -r core bindings | grep -v '^core/loop/')"
check "verbs and recipes use the public API, no C module" "$(grep -nE 'require *\(?"perilune\.core' -r scripts recipes)"
check "recipes require only perilune" "$(grep -nE 'require *\(?"' recipes/*.lua | grep -vE 'require *\(?"perilune"')"
check "clusters are data" "$(grep -nE 'require|os\.|io\.' -r recipes/clusters)"
check "only the documented folders at the top" "$(git ls-files 2>/dev/null | grep / | cut -d/ -f1 | sort -u |
	grep -vxE 'core|bindings|scripts|recipes|t|\.ci')"

echo "1..$n"
[ $failed -eq 0 ]
