#!/bin/sh

test_description='The recipe hello: what it prints, what it reports, what it leaves'
. /usr/share/sharness/sharness.sh

# json_holds FILE EXPRESSION: an expression of Lua over r, what the file holds, is true.
json_holds() {
	perilune _lua "$PERILUNE_SRCDIR/t/fixtures/json_holds.lua" "$1" "$2"
}

test_expect_success 'equal answers are printed once, on standard output and nothing else' '
	perilune run --transport local -w node[1-4] hello >out 2>err &&
	echo "node[1-4]: $(uname -sm)" >expected &&
	test_cmp expected out
'

test_expect_success 'what will run and the verdict are on standard error' '
	grep "hello: 1 point on 4 hosts over local" err &&
	grep "hello on 4 hosts: 1 pass" err
'

test_expect_success 'those that answer are printed though another fails' '
	expect_exit 1 perilune run --transport local -w a,b hello \
		--cmd "case \$PERILUNE_TASK in *.0.*) exit 3 ;; esac; echo hi" >out 2>err &&
	test $(wc -l <out) -eq 1 && grep ": hi" out
'

test_expect_success 'options of the recipe stand after it' '
	perilune run --transport local -w a,b hello --cmd "echo hi" >out 2>err &&
	echo "a,b: hi" >expected &&
	test_cmp expected out
'

test_expect_success 'its help shows its options and no host is touched' '
	perilune run hello --help >out &&
	grep "^hello - " out &&
	grep -e "--cmd TEXT" out
'

test_expect_success 'the report is in the run folder, as text and JSON' '
	perilune run --transport local -w a --run-dir folder --name mine hello >out 2>err &&
	grep "hello on 1 host: 1 pass" folder/report.txt &&
	json_holds folder/report.json "r.verdict == [[pass]] and r.name == [[mine]]" &&
	json_holds folder/report.json "r.points[1].verdict == [[pass]]"
'

test_expect_success '--json - prints the report on standard output' '
	cat >silent.lua <<-\EOF &&
	return require "perilune".recipe { name = "silent", run = function(t)
	  for _ in t:repeats(3) do t:metric("m", 2.5, { unit = "s" }) end
	end }
	EOF
	perilune run --transport local -w a,b --json - ./silent.lua 2>err >out.json &&
	json_holds out.json \
		"r.points[1].metrics[1].median == 2.5 and #r.points[1].metrics[1].samples == 3" &&
	json_holds out.json "#r.points[1].gates == 0 and r.hosts == [[a,b]]"
'

test_expect_success '--dry-run says what would run and runs nothing' '
	perilune run --dry-run --transport local -w a --sweep cmd=x,y hello >out 2>err &&
	test_must_be_empty out &&
	grep "2 points" err &&
	grep "2  cmd=y" err
'

test_expect_success '--only takes one point, --repeat gives samples' '
	perilune run --transport local -w a --sweep "cmd=echo 1,echo 2" --only 2 --repeat 3 hello \
		>out 2>err &&
	printf "a: 2\na: 2\na: 2\n" >expected &&
	test_cmp expected out
'

test_expect_success 'the simulated fleet answers from the recipe, on virtual time' '
	perilune run --sim -w node[1-1000] hello >out 2>err &&
	echo "node[1-1000]: Linux x86_64" >expected &&
	test_cmp expected out
'

test_expect_success 'the journal has the point and its end' '
	grep "\"ev\": *\"point\"" folder/journal &&
	grep "\"ev\": *\"point_end\"" folder/journal
'

test_done
