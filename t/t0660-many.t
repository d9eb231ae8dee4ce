#!/bin/sh
# Many hosts over SSH, without one loss. PERILUNE_SOAK=1: 1,000 hosts, ten times.
test_description="many hosts"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

hosts=200 rounds=1
[ -z "$PERILUNE_SOAK" ] || hosts=1000 rounds=10
[ -x "$PERILUNE_BUILDDIR/t/bench/cost" ] && test_set_prereq COST
fleet_start $hosts || test_done

test_expect_success "$hosts hosts answer, each once, $rounds times" '
	sort "$FLEET_HOSTS" >expected &&
	for round in $(seq $rounds); do
		perilune exec -F "$FLEET_SSH_CONFIG" -w "^$FLEET_HOSTS" \
			"set -- \$SSH_CONNECTION; echo \$3" >out 2>err || { cat err; return 1; }
		awk "\$1 != \$2 \":\" { exit 1 }" out && sed "s/: .*//" out | sort | test_cmp expected - &&
		test_must_be_empty err || return 1
	done
'

test_expect_success COST "in less than 40 MB" '
	"$PERILUNE_BUILDDIR/t/bench/cost" "$PERILUNE" exec -q -F "$FLEET_SSH_CONFIG" \
		-w "^$FLEET_HOSTS" hostname >cost &&
	read cpu wall peak status <cost && echo "# $peak KB, $cpu ms CPU" &&
	test "$status" = 0 && test "$peak" -lt 40960
'

test_done
