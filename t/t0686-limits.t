#!/bin/sh
# Limits of an administrator in /etc/perilune/config.lua: tightened by whoever likes, loosened by
# nobody, whichever way it is tried.
test_description="an administrator's limits"
. /usr/share/sharness/sharness.sh

unshare -m true 2>/dev/null || { skip_all="a name space of mounts needs root"; test_done; }

# An /etc of this test's own, in a name space of mounts that others do not see.
etc=$(pwd)/etc
mkdir -p "$etc/perilune" "$XDG_CONFIG_HOME/perilune"
cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts /etc/ld.so.cache "$etc/" 2>/dev/null
administrator() { printf "return { limits = { %s } }" "$1" >"$etc/perilune/config.lua"; }
person() { printf "return { %s }" "$1" >"$XDG_CONFIG_HOME/perilune/config.lua"; }
x() {
	unshare -m sh -c 'mount --make-rprivate / && mount --bind "$0" /etc && exec "$@"' "$etc" \
		perilune "$@"
}

# most_at_once N COMMAND...: at most N of what it starts, and sometimes N, ran at the same time.
most_at_once() {
	most=$1; shift
	: >log
	"$@" >out 2>err || { cat err; return 1; }
	awk "/begin/ { if (++open > most) most = open } /end/ { open-- }
		END { print most; exit most != $most }" log
}
task="echo begin >>log; sleep 0.1; echo end >>log"

administrator "fanout = 2"
person ""

test_expect_success "fanout: by default, and told where it is asked for" '
	most_at_once 2 x exec --transport local -w "n[1-6]" "$task" && test_must_be_empty err &&
	most_at_once 2 x exec --transport local -w "n[1-6]" -f 5 "$task" &&
	grep "fanout is limited to 2 by /etc/perilune/config.lua" err
'

test_expect_success "not by FANOUT, not by the own file, not by a cluster file" '
	(FANOUT=6 && export FANOUT && most_at_once 2 x exec --transport local -w "n[1-6]" "$task") &&
	person "fanout = 6, limits = { fanout = 6 }" &&
	most_at_once 2 x exec --transport local -w "n[1-6]" "$task" && person "" &&
	echo "return { name = \"c\", hosts = \"n[1-6]\", transport = \"local\" }" >c.lua &&
	most_at_once 2 x exec -C ./c.lua -a -f 6 "$task"
'

test_expect_success "not by a folder of configuration of one's own" '
	mkdir -p elsewhere && echo "return { limits = { fanout = 6 } }" >elsewhere/config.lua &&
	(PERILUNE_CONFIG="$(pwd)/elsewhere" && export PERILUNE_CONFIG &&
		most_at_once 2 x exec --transport local -w "n[1-6]" -f 6 "$task")
'

test_expect_success "not by a recipe" '
	cat >loose.lua <<-END &&
	local pl = require "perilune"
	return pl.recipe { name = "loose", run = function(t)
	  t.hosts:exec("$task", { fanout = 6 }):must()
	end }
	END
	most_at_once 2 x run --transport local -w "n[1-6]" ./loose.lua
'

test_expect_success "a person may tighten it" '
	person "limits = { fanout = 1 }" &&
	most_at_once 1 x exec --transport local -w "n[1-4]" -f 2 "$task" &&
	grep "limited to 1 by .*home" err && person ""
'

test_expect_success "host keys that must be known stay so" '
	if ! command -v sshd /usr/sbin/sshd >/dev/null; then return 0; fi &&
	administrator "host_key = \"strict\"" && fleet_start 1 && : >known &&
	sed "s|UserKnownHostsFile .*|UserKnownHostsFile $FLEET_DIR/known|" "$FLEET_SSH_CONFIG" >config &&
	expect_exit 3 x exec -F config --host-key accept-new -w 127.1.0.1 true 2>err &&
	grep "host_key is kept strict by /etc/perilune/config.lua" err && grep "^  hostkey" err &&
	! test -s "$FLEET_DIR/known" && person "host_key = \"accept-new\"" &&
	expect_exit 3 x exec -F config -w 127.1.0.1 true 2>err && ! test -s "$FLEET_DIR/known"
'
person ""

test_expect_success "a mistake in the administrator's file is an error, not a way out" '
	administrator "fanot = 2" && expect_exit 2 x exec --transport local true 2>err &&
	grep "/etc/perilune/config.lua: limits: unknown option .fanot." err &&
	echo "return {" >"$etc/perilune/config.lua" && expect_exit 2 x exec --transport local true
'

test_done
