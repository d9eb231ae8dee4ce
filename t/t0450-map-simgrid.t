#!/bin/sh
# The order of ten maps by predicted time is SimGrid's, on 64 ranks; larger ones: t/bench/simgrid.sh.
# Only with PERILUNE_SOAK=1: twenty simulations for a figure that only a new cost model changes.
test_description="the order of maps by predicted time is the simulator's"
. /usr/share/sharness/sharness.sh

[ -n "${PERILUNE_SOAK-}" ] || {
	skip_all="a long test: make soak"
	test_done
}
skip_all_without smpicc smpirun

test_expect_success "Kendall's tau of predicted and simulated times is 0.8 or more on 64 ranks" '
	BENCH_RANKS=64 timeout 300 sh "$PERILUNE_SRCDIR/t/bench/simgrid.sh" >out &&
	[ "$(grep -c "Kendall" out)" -eq 2 ]'
test_done
