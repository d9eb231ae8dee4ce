#!/bin/sh
# Whom a verb acts on: cluster files, groups, wildcards, the rule for the transport, limits.
test_description="the fleet"
. /usr/share/sharness/sharness.sh

x() { perilune exec --transport local --progress never "$@"; }

# acts_on EXPECTED OPTION...: the hosts, in order of names.
acts_on() {
	wanted=$1
	shift
	x "$@" -b echo hi >out && sed -n 2p out | sed "s/ (.*//" >got && echo "$wanted" | test_cmp - got
}

cat >farm.lua <<'EOF2'
return {
  name = "farm",
  hosts = "n[1-8],gw",
  groups = { rack1 = "n[1-4]", rack2 = { "n5", "n6" }, both = "@rack1,@rack2" },
}
EOF2

test_expect_success "a cluster does not say which of its hosts are meant" '
	expect_exit 2 x -C ./farm.lua true 2>err &&
	grep "which of the 9 hosts of farm? -a means all of them, -w some" err
'

test_expect_success "unknown groups and clusters suggest the nearest" '
	expect_exit 2 x -C ./farm.lua -g rakc1 true 2>err &&
	grep "no group .rakc1. in cluster .farm. (did you mean .rack1.?)" err &&
	expect_exit 2 x -C gb300-nvl7 -a true 2>err && grep "did you mean .gb300-nvl72.?" err &&
	expect_exit 2 x -C ./farm.lua -w "@slurm:part" true 2>err &&
	grep "group source .slurm. is not in this version" err &&
	expect_exit 2 x -C ./none.lua -a true 2>err && test_line_count = 1 err
'

test_expect_success "-a is every host, -g a group, @group and wildcards work in sets" '
	acts_on "gw,n[1-8]" -C ./farm.lua -a &&
	acts_on "n[1-4]" -C ./farm.lua -g rack1 &&
	acts_on "n[1-6]" -C ./farm.lua -g rack1,rack2 &&
	acts_on "n[1-6]" -C ./farm.lua -w @both &&
	acts_on "n[1-8]" -C ./farm.lua -w "n*" &&
	acts_on "gw,n[7-8]" -C ./farm.lua -a -x @both
'

test_expect_success "the verb hosts knows them too" '
	perilune hosts -C ./farm.lua "@rack1!n2" >out && echo "n[1,3-4]" | test_cmp - out &&
	perilune hosts -c -C gb300-nvl72 "*" >out && echo 2592 | test_cmp - out
'

test_expect_success "the cluster may be a default of the configuration, also by name" '
	mkdir -p "$XDG_CONFIG_HOME/perilune/clusters" &&
	cp farm.lua "$XDG_CONFIG_HOME/perilune/clusters/farm.lua" &&
	echo "return { cluster = \"farm\" }" >"$XDG_CONFIG_HOME/perilune/config.lua" &&
	acts_on "n[1-4]" -g rack1 &&
	rm "$XDG_CONFIG_HOME/perilune/config.lua"
'

test_expect_success "a limit of the configuration holds against options, and says so" '
	echo "return { limits = { fanout = 1 } }" >"$XDG_CONFIG_HOME/perilune/config.lua" &&
	x -f 8 -w "n[1-4]" "mkdir slot && sleep 0.02 && rmdir slot" 2>err &&
	grep "fanout is limited to 1 by .*config.lua" err &&
	x -w "n[1-4]" "mkdir slot && rmdir slot" 2>err && test_must_be_empty err &&
	rm "$XDG_CONFIG_HOME/perilune/config.lua"
'

test_expect_success "ssh is the transport when hosts are named" '
	echo "Port 1" >ssh_config &&
	expect_exit 3 perilune exec -F ssh_config -t 2s -w 127.0.0.1 true 2>err &&
	grep "127.0.0.1" err && perilune runs show | grep "^transport *ssh$"
'

test_expect_success "the simulated fleet answers without a network, all of a cluster by default" '
	perilune exec --transport sim -w "n[1-1000]" --json true >out && test_line_count = 1001 out &&
	perilune exec --transport sim -C ./farm.lua --json true >out && test_line_count = 10 out
'

test_done
