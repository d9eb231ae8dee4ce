#!/bin/sh
# exec: hosts in batches, output as differences, local scripts run there.
test_description="exec --serial, --diff, --script"
. /usr/share/sharness/sharness.sh

x() { perilune exec --transport local "$@"; }
rule=---------------

# ---- --serial ----

test_expect_success "--serial: a batch begins when the one before has ended" '
	x -w "n[1-7]" --serial 3 "echo begin >>log; sleep 0.05; echo end >>log" &&
	awk "/begin/ { if (ends % 3) exit 1; if (++open > 3) exit 1 } /end/ { ends++; open-- }" log &&
	test_line_count = 14 log
'

test_expect_success "it stops after a batch with failures, and that batch is finished" '
	expect_exit 1 x -w "n[1-9]" --serial 3 "case \$PERILUNE_TASK in *.n4.*) exit 3 ;; esac
		sleep 0.1; echo hi" >out 2>err &&
	sort out >sorted && printf "n%s: hi\n" 1 2 3 5 6 | test_cmp - sorted &&
	grep "9 hosts: 5 ok, 1 exit, 3 canceled" err &&
	grep "canceled (canceled before it started): n\[7-9\]$" err
'

test_expect_success "--max-fail says how many may fail before it stops" '
	expect_exit 1 x -w "n[1-9]" --serial 3 --max-fail 1 \
		"case \$PERILUNE_TASK in *.n4.*) exit 3 ;; esac" 2>err &&
	grep "9 hosts: 8 ok, 1 exit" err &&
	expect_exit 1 x -w "n[1-9]" --serial 3 --max-fail 1 \
		"case \$PERILUNE_TASK in *.n[14].*) exit 3 ;; esac" 2>err && grep "[3-5] canceled" err
'

test_expect_success "-k stops inside a batch; a batch may be larger than the fleet" '
	expect_exit 1 x -w "n[1-6]" --serial 3 -f 1 -k "case \$PERILUNE_TASK in *.n1.*) exit 3 ;; esac" 2>err &&
	grep "1 exit, 5 canceled" err && x -w "n[1-6]" --serial 100 true &&
	expect_exit 2 x --serial 0 true
'

test_expect_success "Ctrl-C in a batch leaves the later ones alone" '
	{ perilune exec --transport local -w "n[1-6]" --serial 2 \
		"touch up.\${PERILUNE_TASK%.*}; exec sleep 60" 2>err & pid=$!; } &&
	wait_for count_is 2 "up.*" && kill -INT $pid && expect_exit 130 wait $pid &&
	count_is 2 "up.*" && grep "n\[1-2\] (running .*); 4 not started" err
'

# ---- --diff, -b ----

cat >say <<-\END
	echo one; echo two
	case $PERILUNE_TASK in *.n4.*) echo three; echo bad >&2; exit 3 ;; *.n[78].*) ;; *) echo z ;; esac
END

test_expect_success "--diff: the largest group in full, the others as what differs from it" '
	cat >expected <<-END &&
	$rule
	n[1-3,5-6,9] (6)
	$rule
	one
	two
	z
	$rule
	n[7-8] (2)
	$rule
	--- n[1-3,5-6,9]
	+++ n[7-8]
	@@ -1,3 +1,2 @@
	 one
	 two
	-z
	$rule
	n4
	$rule
	--- n[1-3,5-6,9]
	+++ n4
	@@ -1,3 +1,3 @@
	 one
	 two
	-z
	+three
	END
	expect_exit 1 x --diff -w "n[1-9]" sh say >out 2>err && test_cmp expected out &&
	grep "^bad$" err && expect_exit 1 x --diff -b -w "n[1-9]" sh say >again 2>/dev/null &&
	test_cmp out again
'

test_expect_success "a host that says nothing differs; one that could not be asked is no difference" '
	x --diff -w "n[1-4]" "case \$PERILUNE_TASK in *.n2.*) ;; *) echo a ;; esac" >out &&
	grep "^+++ n2$" out && grep "^-a$" out &&
	expect_exit 1 x --diff -k -f 1 -w "n[1-4]" "echo a; exit 1" >out 2>/dev/null &&
	printf "%s\n" $rule n1 $rule a | test_cmp - out
'

test_expect_success "without diff(1) all is shown as it is, and that is said" '
	mkdir -p bare && for p in sh cat sleep; do ln -sf "$(command -v $p)" bare/; done &&
	expect_exit 1 env PATH="$(pwd)/bare" "$PERILUNE" exec --transport local --diff -w "n[1-9]" \
		sh say >out 2>err &&
	test "$(grep -c "^$rule$" out)" = 6 && grep "diff(1) could not be run" err
'

test_expect_success "outputs beyond memory are compared too" '
	x --diff -w "n[1-3]" "yes | head -n 700000; case \$PERILUNE_TASK in *.n2.*) echo odd ;; esac" \
		>out 2>/dev/null && tail -n 1 out | grep "^+odd$" && ! ls /tmp/perilune-diff.* 2>/dev/null
'

test_expect_success "-b folds each stream by itself, however the commands ended" '
	expect_exit 1 x -b -w "n[1-4]" "echo same; case \$PERILUNE_TASK in
		*.n1.*) echo warned >&2 ;; *.n2.*) exit 4 ;; esac" >out 2>err &&
	printf "%s\n" $rule "n[1-4] (4)" $rule same | test_cmp - out && grep -A2 "^n1$" err | grep warned
'

test_expect_success "forms that exclude each other say so" '
	expect_exit 2 x --diff --json true 2>err && grep "exclude each other" err &&
	expect_exit 2 x --diff --outdir d true 2>err && grep "exclude each other" err
'

# ---- --stdin ----

test_expect_success "--stdin all: each gets all of it, however late it starts; memory stays small" '
	head -c 30000000 /dev/urandom >big && sum=$(md5sum <big) &&
	(ulimit -v 200000; x --stdin all -f 2 -N -w "n[1-6]" md5sum <big >out) &&
	test "$(sort -u out)" = "$sum" && test_line_count = 6 out &&
	x --stdin all -f 2 -N -w "n[1-5]" \
		"case \$PERILUNE_TASK in *.n2.*) head -c 10 >/dev/null; echo \"$sum\" ;; *) md5sum ;; esac" <big >out &&
	test "$(sort -u out)" = "$sum" && test_line_count = 5 out
'

# ---- --script ----

test_expect_success "a shell script: its name, its words exactly, nothing on standard input" '
	cat >words.sh <<-\END &&
	#!/bin/sh -u
	echo "$0 $# $-"; for word; do printf "<%s>" "$word"; done; cat; exit 5
	END
	expect_exit 1 x -S -N --script words.sh "a  b" "\$(touch canary)" "*" "" "q'\''\"\\" >out 2>/dev/null;
	head -n 1 out | grep "^words.sh 5 .*u" &&
	tail -n 1 out >words && printf "<a  b><\$(touch canary)><*><><q'\''\"\\\\>" >expected &&
	test_cmp expected words && ! test -e canary
'

test_expect_success "no list of processes shows a script, nothing of it is left" '
	printf "#!/bin/sh\n# password: xyzzy\ncat /proc/self/cmdline /proc/\$PPID/cmdline /proc/\$\$/cmdline" >secret.sh &&
	mkdir -p tmpdir && TMPDIR="$(pwd)/tmpdir" x --script secret.sh >out && test -s out && ! grep -a xyzzy out &&
	test -z "$(ls tmpdir)"
'

test_expect_success "a shell script needs no folder there; what needs one finds one" '
	printf "echo \$((6 * 7))" >bare.sh &&
	TMPDIR=/nonexistent HOME=/nonexistent x -N --script bare.sh >out && echo 42 | test_cmp - out &&
	printf "#!/usr/bin/awk -f\nBEGIN { print 6 * 7, ARGV[1] }" >s.awk &&
	TMPDIR=/nonexistent x -N --script s.awk "a b" >out && echo "42 a b" | test_cmp - out
'

test_expect_success "other interpreters, with a word of their own; a program" '
	printf "#!/usr/bin/env -S awk -f\nBEGIN { print ARGV[1] }" >env.awk &&
	mkdir -p scratch && TMPDIR="$(pwd)/scratch" x -N --script env.awk "x  y" >out &&
	echo "x  y" | test_cmp - out && test -z "$(ls scratch)" &&
	x -N --script "$(command -v env)" printf "%s" "a b" >out && printf "a b" >expected &&
	test_cmp expected out
'

test_expect_success "a script ended in its midst leaves nothing behind" '
	printf "#!/usr/bin/awk -f\nBEGIN { system(\"touch began; exec sleep 60\") }" >long.awk &&
	{ TMPDIR="$(pwd)/scratch" perilune exec --transport local --script long.awk 2>/dev/null & pid=$!; } &&
	wait_for test -e began && kill -INT $pid && expect_exit 130 wait $pid && wait_for test -z "$(ls scratch)"
'

test_expect_success "bytes pass untouched; a large script too" '
	{ echo "#!/bin/cat"; head -c 300000 /dev/urandom; } >random && x -N --script random >out && cmp random out &&
	{ i=0; while [ $i -lt 20000 ]; do echo ": a line of a large script $i"; i=$((i + 1)); done
	  echo "echo the end"; } >large && x -N --script large >out && echo "the end" | test_cmp - out
'

test_expect_success "DOS line ends are refused with what to do; a missing script too" '
	printf "#!/bin/sh\r\necho hi\r\n" >dos.sh && expect_exit 2 x --script dos.sh 2>err &&
	grep "carriage return.*sed -i" err &&
	expect_exit 2 x --script nowhere.sh 2>err && grep "nowhere.sh" err
'

test_done
