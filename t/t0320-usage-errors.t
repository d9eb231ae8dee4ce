#!/bin/sh
# What was mistyped is told in one line, with the nearest name, and exits 2.
test_description="usage errors and help"
. /usr/share/sharness/sharness.sh

# refused PATTERN WORD...: exit 2, nothing on standard output, one line that matches.
refused() {
	pattern=$1
	shift
	expect_exit 2 perilune "$@" >out 2>err && test_must_be_empty out && test_line_count = 1 err &&
	{ grep -e "$pattern" err >/dev/null || { cat err; false; }; }
}

test_expect_success "an unknown verb suggests the nearest" '
	refused "^perilune: exce: unknown verb .exce. (did you mean .exec.?); see .perilune --help.$" exce
'

test_expect_success "an unknown option suggests the nearest" '
	refused "unknown option --timout (did you mean .--timeout.?); see .perilune exec --help.$" \
		exec --timout 3 true &&
	refused "unknown option --jsno (did you mean .--json.?)" exec --jsno true &&
	refused "unknown option -z" exec -z true &&
	refused "unknown option --verison (did you mean .--version.?)" --verison
'

test_expect_success "options that are promised but not built say so" '
	refused "exec: --sudo is for hosts that are reached by SSH" exec --sudo true &&
	refused "transport slurm is not in this version" exec --transport slurm true
'

test_expect_success "values are checked" '
	refused "fanout must be at least 1, not 0" exec --fanout 0 true &&
	refused "t must be a time such as" exec -t soon true &&
	refused "must be one of auto, always, never, not .nevr. (did you mean .never.?)" \
		exec --progress nevr true &&
	refused "hosts needs a value (SET)" exec --hosts
'

test_expect_success "a malformed host set shows its column" '
	refused "exec: -w: .*column" exec -w "n[1-" true && refused "exec: -x: .*column" exec -w a -x "n]" true
'

test_expect_success "no hosts left, groups without a cluster" '
	refused "no hosts are left after -x" exec -w a -x a true &&
	refused "name one with -C" exec -g rack1 true && refused "name one with -C" exec -a true
'

test_expect_success "inside a Slurm allocation nothing is run by accident" '
	SLURM_JOB_ID=7 && export SLURM_JOB_ID &&
	refused "inside the Slurm allocation 7" exec true && unset SLURM_JOB_ID
'

test_expect_success "runs: unknown words and runs" '
	refused "unknown word .lst. after runs (did you mean .list.?)" runs lst &&
	refused "runs compare is not in this version" runs compare a b &&
	expect_exit 2 perilune runs show nowhere 2>err && test_line_count = 1 err
'

test_expect_success "help goes to standard output, at most 80 columns, and exits 0" '
	for words in "--help" "help" "exec --help" "hosts -h" "help push" "help runs"; do
		perilune $words >out 2>err || return 1
		test_must_be_empty err && grep -q "usage: perilune" out &&
		! grep -n ".\{81\}" out || return 1
	done
'

test_expect_success "the overview lists the verbs that are there, in their order" '
	perilune --help >out && sed -n "s/^  \([a-z][a-z]*\)  .*/\1/p" out | tr "\n" " " >verbs &&
	grep "^exec push pull run .*resume replay .*test .*hosts topo map runs" verbs
'

test_expect_success "--version is one line" '
	perilune --version >out && grep "^perilune [0-9]" out && test_line_count = 1 out
'

test_expect_success "no verb and no terminal is a usage error" '
	expect_exit 2 perilune </dev/null 2>err && grep "no verb given" err
'

test_expect_success "perilune-NAME.lua on PATH adds a verb" '
	mkdir -p bin && cat >bin/perilune-greet.lua <<-\EOF2 &&
	return { summary = "greet", options = { { "loud", type = "bool" } },
	  run = function(o, args) print((o.loud and "HELLO " or "hello ") .. args[1]) return 3 end }
	EOF2
	PATH="$PWD/bin:$PATH" && expect_exit 3 perilune greet --loud you >out && echo "HELLO you" | test_cmp - out &&
	echo "return 5" >bin/perilune-bad.lua && refused "returns no verb" bad
'

test_expect_success "a standard output that was closed is told, and is no file of ours" '
	expect_exit 2 perilune exec --transport local "echo hi" >&- 2>err && cat err &&
	grep "cannot write output: Bad file descriptor" err && perilune exec --transport local true 2>&-
'

test_done
