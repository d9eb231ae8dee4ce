#!/bin/sh
# What people see: nothing that a host says drives the terminal, who is waited for is said, output
# goes into files of its own.
test_description="exec on a terminal"
. /usr/share/sharness/sharness.sh

x() { perilune exec --transport local "$@"; }

# on_terminal COMMAND: what it writes to a terminal, in `screen`. Nothing is typed there.
on_terminal() {
	script -qec "$1" /dev/null </dev/null >screen 2>&1
}
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	test_set_prereq SCRIPT
else
	say "what a terminal gets is not tested: script(1) is missing"
fi

# what no terminal may get, but for our own color and line clearing
escapes() {
	sed "s/$(printf "\033")\[[0-9;]*[mK]//g; s/$(printf "\r")//g" "$1" |
		LC_ALL=C grep -n "[$(printf "\001-\010\013-\037\177\233")]"
}

hostile="printf '\033]0;title\007\033[2J\033[1;1Hfirst\rsecond\b\302\2331m\233\342\200\256\177\n'"
shown=".\[\]0;title^G^\[\[2J^\[\[1;1Hfirst^Msecond^H.xc2.x9b1m.x9b.u202e^?"

test_expect_success SCRIPT "control characters of hosts are shown on a terminal, of both streams" '
	echo "$hostile; $hostile >&2" >say && for form in "" -N -b "-b -N"; do
		on_terminal "perilune exec --transport local -w n[1-2] $form sh say" &&
		! escapes screen && test "$(grep -c "$shown" screen)" -ge 2 || return 1
	done
'

test_expect_success SCRIPT "also of one host alone, without a prefix" '
	on_terminal "perilune exec --transport local -N sh say" && ! escapes screen &&
	test "$(grep -c "$shown" screen)" = 2
'

test_expect_success SCRIPT "also in names" '
	printf "n\\342\\200\\256x\\n" >names &&
	{ on_terminal "perilune exec --transport local -w ^names \"echo hi; exit 3\"" || true; } &&
	! escapes screen && test "$(grep -cF "n\\u202ex" screen)" = 2
'

test_expect_success SCRIPT "--raw lets them through" '
	for form in "" -N -b; do
		on_terminal "perilune exec --transport local $form --raw sh say" &&
		grep "$(printf "\033]0;title")" screen || return 1
	done
'

test_expect_success SCRIPT "JSON on a terminal drives it as little" '
	on_terminal "perilune exec --transport local --json sh say" &&
	! escapes screen && grep "stdout_base64" screen &&
	echo "printf \"\\302\\2331m\\033\"" >text && on_terminal "perilune exec --transport local --json sh text" &&
	! escapes screen && grep -F "\\u009b1m\\u001b" screen
'

test_expect_success "bytes pass as they are where no terminal is" '
	sh say >expected 2>expected.err && x -N sh say >out 2>err &&
	test_cmp expected out && test_cmp expected.err err &&
	x -b -N -w "n[1-2]" sh say >out 2>err && test_cmp expected out && test_cmp expected.err err
'

test_expect_success "our own lines are harmless wherever they go" '
	esc=$(printf "\033]0;x\007") &&
	expect_exit 2 x -w "n[1" "echo $esc" 2>err && ! escapes err &&
	expect_exit 2 x --no-such-"$esc" 2>err && ! escapes err && grep "such-^\[\]0;x^G" err &&
	expect_exit 2 perilune "v$esc" 2>err && ! escapes err &&
	expect_exit 2 x --script "no$esc" 2>err && ! escapes err && grep "no^\[\]0;x^G" err &&
	expect_exit 1 perilune push --transport local -w n1 say "/nowhere/$esc" 2>err &&
	! escapes err && test_line_count = 2 err
'

# ---- who is waited for ----

test_expect_success SCRIPT "who is waited for is said on a terminal, in which state" '
	stay="until test -e go; do sleep 0.05; done" &&
	(script -qfec "perilune exec --transport local -w n[1-20] \"$stay\"" /dev/null \
		</dev/null >screen 2>&1) & pid=$! &&
	{ wait_for grep "0 of 20 done; waiting on n\[1-20\] (running" screen; status=$?; touch go; } &&
	wait $pid && return $status
'

# ---- files ----

test_expect_success "--outdir makes a folder and files for nobody else" '
	(umask 0 && x --outdir new/dir -w "n[1-2]" "echo hi") &&
	test "$(stat -c %a new/dir new/dir/n1.out new/dir/n2.err | tr "\n" " ")" = "700 600 600 "
'

test_expect_success "different hosts never share a file, and no file lies elsewhere" '
	long=$(printf "%0300d" 1) &&
	cat >odd <<-END &&
	a/b
	a_b
	../up
	..
	.hidden
	a%2Fb
	fe80::1%eth0
	-rf
	$long.a
	$long.b
	END
	x --outdir odd.d -w ^odd "echo \$PERILUNE_TASK" &&
	test "$(ls -A odd.d | wc -l)" = 20 && test "$(cat odd.d/*.out | sort -u | wc -l)" = 10 &&
	! ls -A odd.d | grep "^\." && test -f odd.d/a%2Fb.out && test -f odd.d/a%252Fb.out &&
	test -f odd.d/%2E.%2Fup.err && test -f ./odd.d/-rf.out
'

test_expect_success "a link or a pipe that lies in the way is not followed" '
	mkdir -p trap && ln -s ../canary trap/n1.out && mkfifo trap/n2.out &&
	expect_exit 2 timeout 20 perilune exec --transport local --outdir trap -w "n[1-2]" "echo hi" 2>err &&
	! test -e canary && grep "cannot write the output of n[12] into .trap." err
'

test_done
