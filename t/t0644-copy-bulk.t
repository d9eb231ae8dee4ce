#!/bin/sh
# Large copies: by which way they go, what becomes of them when ssh is not there, cannot log in, or
# the keys are exchanged anew; what fails in the middle.
test_description="large copies"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh ssh-keygen tar

fleet_start 96 || test_done
fleet_homes
h1=$FLEET_HOMES/127.1.0.1
cfg=$FLEET_SSH_CONFIG

push() { perilune push -F "$cfg" "$@"; }
pull() { perilune pull -F "$cfg" "$@"; }
by_ssh() { grep -c "ssh: Authenticated" "$1"; }
longer_than() { [ "$(stat -c %s "$2")" -gt "$1" ]; }
no_leftovers() { ! find "$FLEET_HOMES" . -name ".perilune-*" | grep .; }

head -c 100000000 /dev/urandom >big && mkdir -p "$h1" tree && head -c 5000000 big >tree/a && cp tree/a tree/b &&
	cp big "$h1/big" && cp -r tree "$h1/tree"
PERILUNE_LOG=ssh=debug && export PERILUNE_LOG

test_expect_success "little goes by libssh2" '
	push -w 127.1.0.1 tree/a a 2>err && test "$(by_ssh err)" = 0 && cmp tree/a "$h1/a"
'

test_expect_success "much goes by ssh, one of them for each host" '
	push -w "127.1.0.[2-3]" big tree . 2>err && test "$(by_ssh err)" = 2 && cmp big "$FLEET_HOMES/127.1.0.3/big" &&
	diff -r tree "$FLEET_HOMES/127.1.0.3/tree" &&
	pull -w 127.1.0.1 big tree . 2>err && test "$(by_ssh err)" = 1 && cmp "$h1/big" big && diff -r "$h1/tree" tree &&
	mkdir globbed && pull -w 127.1.0.1 "tree/*" globbed 2>err && test "$(by_ssh err)" = 1 && cmp tree/a globbed/a.127.1.0.1
'

test_expect_success "over ssh alone every byte of 100 MB comes in its order" '
	for i in 1 2 3; do rm -f big.1 && pull --transport openssh -w 127.1.0.1 big big.1 && cmp big.1 "$h1/big" || return 1; done
'

test_expect_success "a size in the name of a file is none" '
	mkdir "$h1/odd" && : >"$h1/odd/$(printf "a\n99999999 b")" && : >"$h1/odd/$(printf "a\nx[\$(touch hacked)] b")" &&
	pull -w 127.1.0.1 odd odd 2>err && test "$(by_ssh err)" = 0 && ls odd | grep 99999999 && ! find "$FLEET_HOMES" -name hacked | grep .
'

test_expect_success "without a program ssh it goes by libssh2" '
	(PATH=$PERILUNE_BUILDDIR push -w 127.1.0.4 big big 2>err) && cmp big "$FLEET_HOMES/127.1.0.4/big" &&
	rm -f big.4 && (PATH=$PERILUNE_BUILDDIR pull -w 127.1.0.4 big big.4 2>err) && cmp big big.4
'

test_expect_success "where ssh cannot log in it goes by libssh2" '
	mkdir bin && printf "#!/bin/sh\necho \"root@h: Permission denied (publickey).\" >&2; exit 255\n" >bin/ssh && chmod +x bin/ssh &&
	rm -f "$FLEET_HOMES"/*/big && (PATH=$PWD/bin:$PATH push -w "127.1.0.[1-4]" big big 2>err) &&
	for i in 1 2 3 4; do cmp big "$FLEET_HOMES/127.1.0.$i/big" || return 1; done
'

unset PERILUNE_LOG

command -v script >/dev/null && test_set_prereq SCRIPT

test_expect_success SCRIPT "a terminal is told bytes, rate and time left; the summary has them too" '
	cat big big >large && rm -f "$FLEET_HOMES"/*/large &&
	script -qec "stty cols 150; perilune push -F $cfg -f 1 -w 127.1.0.[1-2] large large" told >/dev/null && tr "\r" "\n" <told >lines && cat lines &&
	grep "of 2 done; [0-9.]*M of 381.5M, [0-9.]*M/s, [0-9.]* [a-z]* left; waiting on 127.1.0.[12]" lines &&
	grep "push: 2 hosts: 2 ok (.* s, 381.5M, [0-9.]*M/s)" lines && rm "$FLEET_HOMES"/*/large large
'

test_expect_success "from many hosts at once: connections are gone before what came is in its place" '
	for i in $(seq 96); do mkdir -p "$FLEET_HOMES/127.1.0.$i" && echo $i >"$FLEET_HOMES/127.1.0.$i/name" || return 1; done &&
	mkdir names && pull -f 64 -w "127.1.0.[1-96]" name names && test "$(cat names/* | sort -n | tail -n 1)" = 96 &&
	test "$(ls names | wc -l)" = 96
'

test_expect_success "no room there: the reason, and nothing is left" '
	sed -i "s|^exec|[ -e full ] \&\& { trap \"\" XFSZ; ulimit -f 20000; }\nexec|" "$FLEET_DIR/home" && : >"$h1/full" && rm -f "$h1/big" &&
	expect_exit 1 push -w "127.1.0.[1-2]" big big 2>err && cat err && grep "too large.*127.1.0.1$" err && no_leftovers &&
	! test -e "$h1/big" && cmp big "$FLEET_HOMES/127.1.0.2/big" &&
	cat big >>tree/b && expect_exit 1 push -w 127.1.0.1 tree tree2 2>err && cat err && ! test -e "$h1/tree2" && rm "$h1/full" &&
	find "$h1" -name ".perilune-*" -exec rm -r {} +
'

test_expect_success "no room here: the rest is not fetched" '
	cp big "$h1/big" && rm -f big.1 &&
	(trap "" XFSZ; ulimit -f 20000; expect_exit 1 pull -w 127.1.0.1 --json big big.1 >out 2>err) && grep "cannot write" out &&
	test "$(sed -n "s/.*\"bytes\":\([0-9]*\).*/\1/p" out)" -lt 60000000 && ! test -e big.1 && no_leftovers
'

test_expect_success "a source that becomes shorter while it is copied" '
	cat big big big >changes && { expect_exit 1 push -w 127.1.0.1 changes changes 2>err & } &&
	wait_for eval "longer_than 5000000 $h1/.perilune-*.part" && truncate -s 1000000 changes &&
	wait $! && cat err && grep "changes. was changed while it was copied" err && ! test -e "$h1/changes"
'

test_expect_success "a source that becomes another while it is copied" '
	rm "$h1"/.perilune-*.part && cat big big big >changes && { expect_exit 1 push -w 127.1.0.1 changes changes 2>err & } &&
	wait_for eval "longer_than 5000000 $h1/.perilune-*.part" && printf x | dd of=changes bs=1 seek=299999999 conv=notrunc 2>/dev/null &&
	wait $! && cat err && grep "checksum differs" err && ! test -e "$h1/changes" && no_leftovers
'

# From now on the host wants new keys after each megabyte.
rekeying() {
	ssh -F "$cfg" -o LogLevel=DEBUG 127.1.0.1 "head -c 3000000 /dev/zero" 2>kex >/dev/null &&
	[ "$(grep -c "KEXINIT received" kex)" -gt 1 ]
}
echo "RekeyLimit 1M" >>"$FLEET_DIR/sshd_config" && kill -HUP "$(cat "$FLEET_DIR/sshd.pid")"

test_expect_success "a host that changes its keys on the way: by ssh all arrives" '
	wait_for rekeying && rm -f "$FLEET_HOMES"/*/big &&
	push -w "127.1.0.[1-2]" big big && cmp big "$h1/big" && rm -f big.1 && pull -w 127.1.0.1 big big.1 && cmp big big.1
'

test_expect_success "without ssh it is lost in time, or all arrives" '
	{ cat "$cfg"; printf "  ServerAliveInterval 1\n  ServerAliveCountMax 2\n"; } >short && rm "$h1/big" &&
	status=0 && { PATH=$PERILUNE_BUILDDIR perilune push -F short -w 127.1.0.1 --json big big >out 2>err || status=$?; } && cat out &&
	if [ $status = 0 ]; then cmp big "$h1/big"; else grep "\"outcome\":\"lost\"" out && ! test -e "$h1/big"; fi
'

test_done
