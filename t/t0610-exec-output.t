#!/bin/sh
# What comes back over SSH, byte for byte: odd bytes, terminals, a lot from one, a little from many.
test_description="output over SSH"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen
script -qec true /dev/null </dev/null >/dev/null 2>&1 && test_set_prereq SCRIPT
[ -x "$PERILUNE_BUILDDIR/t/bench/cost" ] && test_set_prereq COST

x() { perilune exec -F "$FLEET_SSH_CONFIG" --progress never "$@"; }

fleet_start 64 || test_done
all="127.1.0.[1-64]"

# ---- bytes ----

test_expect_success "a last line without newline is a line of its own for each host" '
	x -f 1 -w "127.1.0.[1-3]" "printf abc" >out &&
	printf "127.1.0.%s: abc\n" 1 2 3 | test_cmp - out
'

test_expect_success "empty lines are lines, no output is none" '
	x -w 127.1.0.1 "echo; echo" >out && printf "127.1.0.1: \n127.1.0.1: \n" | test_cmp - out &&
	x -w "$all" true >out && test_must_be_empty out
'

test_expect_success "bytes of every value pass unchanged where nobody looks" '
	head -c 200000 /dev/urandom >$FLEET_DIR/random && echo >>$FLEET_DIR/random &&
	x -N -w 127.1.0.1 "cat $FLEET_DIR/random" >out && cmp $FLEET_DIR/random out &&
	x --outdir files -w "127.1.0.[1-4]" "cat $FLEET_DIR/random" &&
	for i in 1 2 3 4; do cmp $FLEET_DIR/random files/127.1.0.$i.out || return 1; done
'

test_expect_success SCRIPT "on a terminal no byte of a host commands it" '
	script -qec "perilune exec -F $FLEET_SSH_CONFIG -w 127.1.0.1 \
		\"printf \\\"a\\\\033]0;title\\\\007b\\\\010\\\\rc\\\\303\\\\244\\\\302\\\\233\\\\n\\\"\"" \
		/dev/null </dev/null >typescript &&
	tr -d "\r" <typescript | sed "s/^.*: //" >shown &&
	! LC_ALL=C grep "[$(printf "\\007\\010")]" typescript &&
	grep "a^\\[\\]0;title^Gb^H" shown && grep "cä" shown &&
	! LC_ALL=C grep "$(printf "\\302\\233")" typescript
'

test_expect_success "and on a pipe they are as they came" '
	x -N -w 127.1.0.1 "printf \"a\\\\033[31mb\\\\n\"" >out && printf "a\\033[31mb\\n" | cmp - out
'

# ---- much ----

test_expect_success "1,000 lines of each of 64 hosts are never mixed, and stay in order" '
	x -w "$all" "seq -f \"%.0f $(head -c 60 /dev/zero | tr "\\0" x)\" 1000" >out &&
	test "$(wc -l <out)" = 64000 &&
	awk "NF != 3 || length(\$3) != 60 || ++seen[\$1] != \$2 { print; exit 1 }" out
'

test_expect_success "input goes to every host whole" '
	head -c 1000000 /dev/urandom >input && sum=$(cksum <input) &&
	x --stdin all -w "127.1.0.[1-16]" cksum <input >out &&
	test_line_count = 16 out && test "$(grep -c ": $sum$" out)" = 16
'

test_expect_success "input that comes slowly is passed on as it comes" '
	mkfifo slow &&
	{ perilune exec -F "$FLEET_SSH_CONFIG" --stdin all -w "127.1.0.[1-2]" cat <slow >out & pid=$!; } &&
	exec 9>slow &&
	echo first >&9 && wait_for test_line_count = 2 out && echo second >&9 && exec 9>&- &&
	wait $pid && test_line_count = 4 out
'

big="head -c 100000000 /dev/zero | tr '\\0' x"
sum=$(eval "$big" | cksum)

test_expect_success COST "100 MB of one host: memory stays capped, the bytes are on disk" '
	"$PERILUNE_BUILDDIR/t/bench/cost" "$PERILUNE" exec -F "$FLEET_SSH_CONFIG" --outdir big \
		-w 127.1.0.1 "$big" >cost &&
	test "$sum" = "$(cksum <big/127.1.0.1.out)" &&
	read cpu wall peak status <cost && test "$status" = 0 &&
	echo "# $peak KB at most" && test "$peak" -lt 60000
'

test_expect_success "100 MB gathered: memory is capped, it is said where the bytes are" '
	x --json -w 127.1.0.1 "$big" >out && grep "\"truncated\":true" out &&
	path=$(sed -n "s/.*\"stdout_path\":\"\([^\"]*\)\".*/\1/p" out) &&
	test "$sum" = "$(cksum <"$path")" && test "$(wc -c <out)" -lt 2000000
'

test_expect_success "-b of what exceeds memory says where it is" '
	x -b -w 127.1.0.1 "$big" 2>err | wc -c >count &&
	test "$(cat count)" -lt 2000000 && grep "^perilune: exec: 127.1.0.1: .*all of it: /" err
'

test_done
