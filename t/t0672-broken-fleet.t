#!/bin/sh
# A fleet of which one host in twenty is broken, in mixed ways: the run ends, names every broken host
# with its reason, and exits 3. PERILUNE_SOAK=1: 256 hosts.
test_description="a fleet with 5 % of its hosts broken"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh

bed_start
hosts=40
[ -z "$PERILUNE_SOAK" ] || hosts=256

# break_host I: in one of many ways, by its number.
break_host() {
	case $(($1 / 20 % 6)) in
	0) filter "$1" "tcp dport 22 drop" ;;
	1) stop_host "$1" ;;
	2) ip link set "v$1" down ;;
	3) filter "$1" "tcp dport 22 reject with tcp reset" ;;
	4) on "$1" ip route add unreachable 10.98.255.254 ;;
	5) filter "$1" "tcp dport 22 ct state established drop" ;;
	esac
}

test_expect_success "$hosts hosts, one in twenty broken" '
	hosts_up 1 $hosts && for i in $(seq 20 20 $hosts); do break_host $i || return 1; done
'

test_expect_success "the run ends, the others answer, and it exits 3" '
	expect_exit 3 perilune exec -F "$BED_CONFIG" -t 5s -w "h[1-$hosts]" --progress never hostname >out 2>err &&
	test "$(wc -l <out)" = $((hosts - hosts / 20))
'

test_expect_success "every broken host is named with its reason" '
	cat err && perilune hosts -e "$(sed -n "s/^  .*: //p" err | paste -sd ,)" | sort >named &&
	seq 20 20 $hosts | sed "s/^/h/" | sort | test_cmp - named
'

test_done
