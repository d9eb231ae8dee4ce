#!/bin/sh
# The verb hosts: expand, fold, count; messages for malformed sets.
test_description="hosts"
. /usr/share/sharness/sharness.sh

check() { # check OPTION SET EXPECTED
	perilune hosts $1 "$2" >out && printf "%s\n" "$3" | test_cmp - out
}

test_expect_success "no set at all is a usage error" '
	expect_exit 2 perilune hosts -c 2>err && grep "no host set given" err
'

test_expect_success "a malformed set shows the position of what is wrong" '
	expect_exit 2 perilune hosts "node[1-" 2>err && grep "^perilune: hosts: .*column" err &&
	expect_exit 2 perilune hosts "node[5-1]" 2>err && grep "column" err &&
	expect_exit 2 perilune hosts "a,,b!" 2>err && test_line_count = 1 err
'

test_expect_success "a group or a wildcard without a cluster says where they come from" '
	expect_exit 2 perilune hosts "@rack1" 2>err && grep "rack1" err &&
	expect_exit 2 perilune hosts "node*" 2>err && test_line_count = 1 err
'

test_expect_success "folding is the default" '
	check "" "n3,n1,n2" "n[1-3]" && check -f "r1t01,r1t02,r2t01,r2t02" "r[1-2]t[01-02]"
'

test_expect_success "expanding keeps the order of first mention" '
	check -e "n3,n1" "n3
n1"
'

test_expect_success "counting counts names" '
	check -c "n[1-100]!n[7,9]" 98 && check -c "r[001-144]t[01-18]" 2592
'

test_expect_success "several words are united, -x leaves out, options may come last" '
	perilune hosts "n[1-3]" "n[3-5]" -x n1 -c >out && echo 4 | test_cmp - out
'

test_expect_success "^FILE and ^- read one set a line" '
	printf "n1\nn[2-3] # three\n" >names &&
	check -c "^names" 3 && perilune hosts -c "^-" <names >out && echo 3 | test_cmp - out
'

test_expect_success "an empty set expands to nothing and counts zero" '
	check -c "a!a" 0 && perilune hosts -e "a!a" >out && test_must_be_empty out
'

test_done
