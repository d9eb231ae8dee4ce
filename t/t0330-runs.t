#!/bin/sh
# Every fan-out is recorded: runs list and show; what happens when it cannot be.
test_description="runs"
. /usr/share/sharness/sharness.sh

test_expect_success "nothing was run yet" '
	perilune runs >out && test_must_be_empty out &&
	expect_exit 2 perilune runs show 2>err && test_line_count = 1 err
'

test_expect_success "exec is recorded with its hosts and verdict" '
	perilune exec --transport local -w "n[1-3]" echo hi >/dev/null &&
	expect_exit 1 perilune exec --transport local -w "n[1-2]" false 2>/dev/null &&
	perilune runs list >out && test_line_count = 3 out &&
	sed -n 2p out | grep "exec.* 2  *2 .*fail *false" &&
	sed -n 3p out | grep "exec.* 3  *0 .*pass *echo hi"
'

test_expect_success "show folds hosts by how they ended" '
	perilune runs show >out && grep "^hosts *n\[1-2\]$" out && grep "exit 1 *n\[1-2\]" out &&
	grep "^verdict *fail (exit status 1)$" out
'

test_expect_success "a run is found by the beginning of its id" '
	id=$(perilune runs list | sed -n "3s/ .*//p") &&
	perilune runs show "${id%??}" >out && grep "^name *echo hi$" out
'

test_expect_success "rows and events come as JSON" '
	perilune runs list --json >out && test_line_count = 2 out && grep "\"kind\"" out &&
	perilune runs show --json >out && head -n 1 out | grep "\"begin\"" && tail -n 1 out | grep "\"end\""
'

test_expect_success "the state folder is private" '
	test "$(stat -c %a "$XDG_STATE_HOME/perilune")" = 700
'

test_expect_success "PERILUNE_STATE chooses another folder" '
	PERILUNE_STATE="$PWD/elsewhere" perilune exec true && PERILUNE_STATE="$PWD/elsewhere" perilune runs >out &&
	test_line_count = 2 out
'

test_expect_success "where nothing can be recorded, the command runs and it is said" '
	>file && PERILUNE_STATE="$PWD/file/state" perilune exec echo hi >out 2>err &&
	echo "localhost: hi" | test_cmp - out && grep "not recorded" err
'

test_expect_success "a damaged index is made anew from the folders" '
	perilune exec --transport local -w n1 true &&
	perilune runs -n 0 >before &&
	printf "no database" >"$XDG_STATE_HOME/perilune/index.db" &&
	perilune runs reindex && perilune runs -n 0 >after && test_cmp before after
'

test_done
