#!/bin/sh

test_description='What CI reads: TAP 14 and JUnit, read back by their own readers; statuses, causes'
. /usr/share/sharness/sharness.sh

# A recipe whose option says how the point ends.
cat >ends.lua <<-\EOF
local pl = require "perilune"
return pl.recipe { name = "ends",
  options = { how = { type = "string", default = "pass" } },
  run = function(t, o)
    print("not ok 7 - a line of the recipe's own")
    t:step("measure # 1", function() t:metric("bw", 2.5, { unit = "GB/s", better = "higher" }) end)
    t:note("a note with <brackets> & \"quotes\"")
    if o.how == "gate" then t:gate("bw", { min = 3 }) else t:gate("bw", { min = 1 }) end
    if o.how == "check" then t:check(false, "five # six \\ seven\nsecond line") end
    if o.how == "command" then t:step("inner", function() t.hosts:exec("exit 3"):must() end) end
    if o.how == "timeout" then t.hosts:exec("sleep 60", { timeout = "50ms" }):must() end
    if o.how == "bytes" then t:expect(false, "bad \255 and \27[31m") end
    if o.how == "bug" then error("a mistake") end
  end }
EOF

run_ends() {
	perilune run --transport local -w n1,n2 "$@"
}

all="how=pass,gate,check,command,timeout,bytes,bug"

# As TAP 13, which is what TAP::Parser knows so far: TAP 14 is made to be read so.
as_13() {
	sed '1s/^TAP version 14$/TAP version 13/' "$1"
}

test_expect_success 'TAP has standard output for itself: what the recipe prints goes elsewhere' '
	expect_exit 2 run_ends --tap - --sweep "$all" ./ends.lua >out.tap 2>err &&
	head -n 1 out.tap | grep -x "TAP version 14" &&
	grep "^not ok 7 - a line" err && ! grep "recipe.s own" out.tap
'

cat >points.pl <<-\EOF
use TAP::Parser;
sub shown { ref $_[0] ? "$_[0][0]{name}:$_[0][0]{median}" : $_[0] }
my $p = TAP::Parser->new({ source => $ARGV[0] });
while (my $r = $p->next) {
	print $r->ok, " ", $r->description, "\n" if $r->is_test;
	next unless $r->is_yaml;
	print "  $_=", shown($r->data->{$_}), "\n" for grep { !/duration|message|at$/ } sort keys %{$r->data};
}
print "errors: ", join("; ", $p->parse_errors), "\n";
print "planned ", $p->tests_planned, " run ", $p->tests_run, "\n";
EOF

test_expect_success 'TAP::Parser reads a test per point, with cause and status of each that failed' '
	as_13 out.tap >out13.tap && perl points.pl out13.tap >points && cat points &&
	grep -x "ok - how=pass" points && test $(grep -c "^not ok" points) -eq 6 &&
	grep -x "errors: " points && grep -x "planned 7 run 7" points &&
	for pair in regression:99 expectation:1 command:1 infrastructure:124 bug:2; do
		grep -A1 -x "  cause=${pair%:*}" points | grep -x "  exit_status=${pair#*:}" || return 1
	done &&
	grep -A6 "how=command" points | grep "step=inner" && grep "metrics=bw:2.5" points
'

cat >subtests.pl <<-\EOF
use TAP::Parser;
my ($sub, @lines, $n);
while (<>) {
	if (/^# Subtest: (.*)/) { $sub = $1; @lines = () }
	elsif (defined $sub && /^    (.*)/) { push @lines, $1 }
	elsif (defined $sub && /^(ok|not ok) \d+ - (.*)/) {
		my $outer = $1;
		$2 eq $sub or die "subtest $sub before $2";
		my $p = TAP::Parser->new({ tap => join("\n", "TAP version 13", @lines) });
		$p->run;
		die "$sub: ", $p->parse_errors if $p->parse_errors;
		die "$sub: point $outer" if !!$p->failed != ($outer eq "not ok");
		undef $sub; $n++;
	}
}
print "$n subtests\n";
EOF

test_expect_success 'each subtest is a TAP document itself, and agrees with its point' '
	perl subtests.pl out.tap >subtests && grep -x "7 subtests" subtests
'

test_expect_success 'a step, a check and a gate are tests of the subtest' '
	grep -xF "    ok 1 - measure \\# 1" out.tap &&
	grep -xF "    not ok 2 - gate bw: median 2.5 GB/s is under 3 GB/s" out.tap &&
	grep -xF "    not ok 2 - five \\# six \\\\ seven second line" out.tap &&
	grep -xF "    not ok 2 - inner" out.tap
'

NODE_PATH=/usr/share/nodejs && export NODE_PATH
if tap-parser </dev/null >/dev/null 2>&1; [ $? -le 1 ]; then test_set_prereq TAP14; else
	echo "# skipped: no tap-parser, which reads TAP 14 (apt-get install node-tap-parser)"
fi

test_expect_success TAP14 'a reader of TAP 14 takes it, subtests and all, without a complaint' '
	expect_exit 1 tap-parser <out.tap >parsed && ! grep "tapError" parsed &&
	grep "^ *count: 7," parsed && grep "^ *fail: 6," parsed && grep "name: .inner." parsed
'

test_expect_success 'prove says what the verdicts say' '
	run_ends --tap good.tap ./ends.lua >/dev/null 2>&1 && as_13 good.tap >good13.tap &&
	command -p prove --exec cat good13.tap && expect_exit 1 command -p prove --exec cat out13.tap
'

if perl -MTAP::Formatter::JUnit -e 1 2>/dev/null; then test_set_prereq TAP2JUNIT; else
	echo "# skipped: no TAP::Formatter::JUnit (apt-get install libtap-formatter-junit-perl)"
fi

test_expect_success TAP2JUNIT 'TAP::Formatter::JUnit makes a case of each point' '
	{ command -p prove --formatter TAP::Formatter::JUnit --exec cat out13.tap || :; } >formatted &&
	test $(grep -c "<testcase" formatted) -eq 7 && test $(grep -c "<failure" formatted) -eq 6
'

test_expect_success 'JUnit: failures are what was measured, errors what kept a point from telling' '
	expect_exit 2 run_ends --junit out.xml --json out.json --sweep "$all" ./ends.lua >out 2>&1 &&
	grep "not ok 7 - a line of the recipe" out &&
	grep "<testsuite name=\"ends\" tests=\"7\" failures=\"4\" errors=\"2\" skipped=\"0\"" out.xml &&
	grep "<failure.*type=\"regression\"" out.xml && grep "<error.*type=\"bug\"" out.xml &&
	grep "<error.*type=\"infrastructure\"" out.xml && grep "&lt;brackets&gt; &amp;" out.xml
'

if command -v xmllint >/dev/null; then test_set_prereq XMLLINT; else
	echo "# skipped: no xmllint (apt-get install libxml2-utils)"
fi

test_expect_success XMLLINT 'it is as the schema of JUnit files wants it, whatever bytes were said' '
	xmllint --noout --nonet --schema "$PERILUNE_SRCDIR/t/fixtures/junit.xsd" out.xml
'

if /usr/bin/python3 -c "import junitparser" 2>/dev/null; then test_set_prereq JUNITPARSER; else
	echo "# skipped: no junitparser (apt-get install python3-junitparser)"
fi

cat >cases.py <<-\EOF
from junitparser import JUnitXml
for suite in JUnitXml.fromfile("out.xml"):
    print(suite.name, suite.tests, suite.failures, suite.errors, suite.time > 0)
    for case in suite:
        print(case.name, case.classname, *[r.type for r in case.result])
EOF

test_expect_success JUNITPARSER 'junitparser reads cases, times and types' '
	/usr/bin/python3 cases.py >cases && cat cases && grep -x "ends 7 4 2 True" cases &&
	grep -x "how=pass ends" cases && grep -x "how=gate ends regression" cases
'

test_expect_success 'points that were skipped are skipped in both' '
	expect_exit 2 run_ends --tap skip.tap --junit skip.xml --sweep how=bug,pass ./ends.lua >out 2>&1 &&
	grep -x "ok 2 - how=pass # SKIP the recipe is wrong" skip.tap &&
	grep "skipped=\"1\"" skip.xml && grep "<skipped message=\"the recipe is wrong\"/>" skip.xml
'

cat >waits.lua <<-\EOF
return require "perilune".recipe { name = "waits", options = { n = { type = "int" } },
  run = function(t, o) if o.n == 2 then io.open("ready", "w"):close() t:sleep("1h") end end }
EOF

test_expect_success 'an interrupted run is told too, with what it did not come to' '
	{ perilune run --transport local -w n1 --tap int.tap --junit int.xml --sweep n=1,2,3 \
		./waits.lua 2>err & pid=$!; } &&
	wait_for test -e ready && kill -INT $pid && expect_exit 130 wait $pid &&
	grep -x "ok 1 - n=1" int.tap && grep -x "not ok 2 - n=2" int.tap &&
	grep -x "ok 3 - n=3 # SKIP the run was interrupted" int.tap &&
	grep "<error message=\"interrupted\" type=\"canceled\">" int.xml
'

test_expect_success 'a place that cannot be written is told before anything runs' '
	expect_exit 2 run_ends --tap no/such/folder/x.tap ./ends.lua >out 2>err &&
	grep "no/such/folder/x.tap" err && test_must_be_empty out &&
	expect_exit 2 run_ends --tap - --json - ./ends.lua 2>err &&
	grep "cannot both have standard output" err
'

test_expect_success 'nothing is asked where there is no terminal' '
	timeout 60 setsid -w perilune run --transport local -w n1 --tap - ./ends.lua </dev/null
'

test_done
