#!/bin/sh
# exec over the local transport: output in every form, exit statuses, limits, Ctrl-C.
test_description="exec over the local transport"
. /usr/share/sharness/sharness.sh

rule=---------------
x() { perilune exec --transport local --progress never "$@"; }

# ---- misuse ----

test_expect_success "no command is a usage error" '
	expect_exit 2 x -w a 2>err &&
	grep "^perilune: exec: no command given; see .perilune exec --help.$" err &&
	test_line_count = 1 err
'

test_expect_success "forms of output exclude each other" '
	expect_exit 2 x -w a --json -b true 2>err &&
	grep "exclude each other" err
'

test_expect_success "a script that is not there is named" '
	expect_exit 2 x -w a --script nowhere.sh 2>err &&
	grep "nowhere.sh" err
'

# ---- what is printed ----

test_expect_success "every line carries the name of its host, in any order of hosts" '
	x -w "n[1-3]" "echo one; echo two" >out 2>err &&
	sort out >sorted &&
	printf "n%s: %s\n" 1 one 1 two 2 one 2 two 3 one 3 two >expected &&
	test_cmp expected sorted &&
	test_must_be_empty err
'

test_expect_success "without hosts the command runs once, here" '
	x echo hello >out &&
	echo "localhost: hello" >expected &&
	test_cmp expected out
'

test_expect_success "local is the transport when no hosts are named" '
	perilune exec echo hello >out &&
	test_cmp expected out
'

test_expect_success "options end at the first word of the command" '
	x -N echo -N --json >out &&
	echo "-N --json" >expected &&
	test_cmp expected out
'

test_expect_success "words are joined for the shell there, as ssh does; --argv passes them exactly" '
	x -N "echo \$((1" + "1))" >out && echo 2 >expected && test_cmp expected out &&
	x -N --argv printf "%s|" "a b" "\$HOME" >out && printf "a b|\$HOME|" >expected &&
	test_cmp expected out
'

test_expect_success "standard error goes to standard error" '
	x -w a "echo out; echo err >&2" >out 2>err &&
	echo "a: out" | test_cmp - out && echo "a: err" | test_cmp - err
'

test_expect_success "a last line without newline is a line" '
	x -w a "printf abc" >out && echo "a: abc" | test_cmp - out
'

test_expect_success "-b folds equal output, largest group first" '
	x -f 1 -b -w "n[1-4]" "mkdir first 2>/dev/null && echo odd || echo same" >out &&
	{ echo $rule && echo "n[2-4] (3)" && echo $rule && echo same &&
	  echo $rule && echo "n1" && echo $rule && echo odd; } >expected &&
	test_cmp expected out
'

test_expect_success "-b with no output prints nothing" '
	x -b -w "n[1-4]" true >out && test_must_be_empty out
'

test_expect_success "--outdir writes a file per host and nothing else" '
	x -w "n[1-2]" --outdir files "echo hi" >out &&
	test_must_be_empty out &&
	echo hi >expected &&
	test_cmp expected files/n1.out && test_cmp expected files/n2.out
'

test_expect_success "--json is one object a line and a summary with every outcome" '
	expect_exit 1 x -w "n[1-2]" --json "echo hi; exit 3" >out &&
	test_line_count = 3 out &&
	grep "\"host\": *\"n1\"" out && grep "\"code\": *3" out && grep "\"stdout\": *\"hi.n\"" out &&
	tail -n 1 out | grep "\"summary\"" | grep "\"unreachable\": *0" | grep "\"exit\": *2"
'

test_expect_success "bytes that are no UTF-8 come as base64 in JSON" '
	x -w a --json "printf \"\\377\\376\"" >out &&
	grep "\"stdout_base64\": *\"//4=\"" out
'

test_expect_success "100 MB of one host are capped in memory and whole on disk" '
	x -w a --json "head -c 100000000 /dev/zero; grep VmHWM /proc/\$PPID/status >peak" >out &&
	test "$(tr -dc 0-9 <peak)" -lt 40000 &&
	grep "\"truncated\": *true" out &&
	path=$(sed -n "s/.*\"stdout_path\": *\"\([^\"]*\)\".*/\1/p" out) &&
	test "$(wc -c <"$path")" = 100000000
'

# ---- standard input and scripts ----

test_expect_success "commands read nothing by default, and do not wait for our input" '
	echo lost | x -N cat >out && test_must_be_empty out
'

test_expect_success "--stdin all copies our input to every host" '
	echo words | x --stdin all -w "n[1-2]" cat >out && sort out >sorted &&
	printf "n1: words\nn2: words\n" | test_cmp - sorted
'

test_expect_success "--script runs a local file there by its interpreter, with arguments" '
	printf "#!/bin/sh -e\nprintf \"%%s,\" \"\$@\"; echo \$#\n" >script.sh &&
	x -N --script script.sh "a b" c >out && echo "a b,c,2" | test_cmp - out &&
	printf "echo plain\nexit 5\n" >plain && expect_exit 5 x -S -N --script plain >out 2>/dev/null &&
	echo plain | test_cmp - out
'

# ---- exit status and summary ----

test_expect_success "a failing command is 1, its hosts are named once with the reason" '
	expect_exit 1 x -w "n[1-3]" "exit 4" 2>err &&
	grep "^perilune: exec: 3 hosts: 3 exit (" err &&
	grep "^  exit 4: n\[1-3\]$" err &&
	test_line_count = 2 err
'

test_expect_success "-q says nothing, the status stays" '
	expect_exit 1 x -q -w a false 2>err && test_must_be_empty err
'

test_expect_success "-S is the largest remote status, 128+n for a signal" '
	expect_exit 7 x -S -w a "exit 7" 2>/dev/null &&
	expect_exit 137 x -S -w a "kill -KILL \$\$" 2>err &&
	grep "signal KILL: a" err
'

test_expect_success "a timeout is 124 and worse than a failure" '
	expect_exit 124 x -S -u 200ms -w a "exec sleep 60" 2>err &&
	grep "timeout" err
'

test_expect_success "silence is bounded by --idle-timeout" '
	expect_exit 124 x --idle-timeout 200ms -w a "echo hi; exec sleep 60" >out 2>err &&
	grep "a: hi" out && grep "idle" err
'

# ---- limits ----

test_expect_success "-f bounds how many run at once" '
	x -f 2 -w "n[1-6]" "mkdir slot.\$\$; ls -d slot.* | wc -l >>seen; sleep 0.05; rmdir slot.\$\$" &&
	test "$(sort -n seen | tail -n 1)" -le 2
'

test_expect_success "-k cancels the rest after the first failure" '
	rm -f ran &&
	expect_exit 1 x -f 1 -k -w "n[1-9]" "echo x >>ran; false" 2>err &&
	test_line_count = 1 ran && grep "8 canceled" err
'

test_expect_success "--max-fail takes a number or a share of the hosts" '
	rm -f ran && expect_exit 1 x -f 1 --max-fail 2 -w "n[1-9]" "echo x >>ran; false" 2>/dev/null &&
	test_line_count = 3 ran &&
	rm -f ran && expect_exit 1 x -f 1 --max-fail 50% -w "n[1-4]" "echo x >>ran; false" 2>/dev/null &&
	test_line_count = 3 ran
'

test_expect_success "--pick takes so many of the hosts" '
	x --pick 2 -w "n[1-9]" echo hi >out && test_line_count = 2 out
'

# ---- the fleet ----

test_expect_success "-w adds up, -x leaves out, WCOLL is the default" '
	x -w a -w b,c -x b echo hi >out && sort out >sorted && printf "a: hi\nc: hi\n" | test_cmp - sorted &&
	printf "w1\nw2 # comment\n" >hosts && WCOLL=hosts x echo hi >out && sort out >sorted &&
	printf "w1: hi\nw2: hi\n" | test_cmp - sorted
'

test_expect_success "FANOUT is the default fanout, and is checked" '
	FANOUT=1 x -w "n[1-4]" -b true && FANOUT=many expect_exit 2 x true 2>err && grep FANOUT err
'

test_expect_success "defaults come from the configuration, options win" '
	mkdir -p "$XDG_CONFIG_HOME/perilune" &&
	echo "return { timeout = \"200ms\", transport = \"local\" }" >"$XDG_CONFIG_HOME/perilune/config.lua" &&
	expect_exit 124 perilune exec -w a "exec sleep 60" 2>err &&
	perilune exec -u 10s -w a "sleep 0.3" &&
	echo "return { timeuot = 3 }" >"$XDG_CONFIG_HOME/perilune/config.lua" &&
	expect_exit 2 perilune exec true 2>err && grep "config.lua.*timeuot.*did you mean" err &&
	echo "return { transport = " >"$XDG_CONFIG_HOME/perilune/config.lua" &&
	expect_exit 2 perilune exec true 2>err && grep "config.lua:" err &&
	rm "$XDG_CONFIG_HOME/perilune/config.lua"
'

# ---- signals ----

test_expect_success "Ctrl-C once cancels, says who is still running, and exits 130" '
	(exec perilune exec --transport local -w "n[1-3]" "touch up.\$\$; exec sleep 60") 2>err & pid=$! &&
	while test "$(ls up.* 2>/dev/null | wc -l)" -lt 3; do sleep 0.02; done &&
	kill -INT $pid && expect_exit 130 wait $pid &&
	grep "interrupted: ending 3 hosts: n\[1-3\] (running " err &&
	test "$(grep -c "n\[1-3\]" err)" -le 2
'

test_expect_success "SIGTERM exits 143" '
	rm -f up.* &&
	(exec perilune exec --transport local -w n1 "touch up.\$\$; exec sleep 60") 2>err & pid=$! &&
	while ! ls up.* >/dev/null 2>&1; do sleep 0.02; done &&
	kill -TERM $pid && expect_exit 143 wait $pid
'

test_expect_success "a reader that leaves ends the commands quietly" '
	{ perilune exec --transport local "yes"; echo $? >status; } 2>err | head -n 1 >out &&
	grep "localhost: y" out && test_must_be_empty err && echo 141 | test_cmp - status
'

test_done
