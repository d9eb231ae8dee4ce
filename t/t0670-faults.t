#!/bin/sh
# Hosts broken in every way that has a name, all in one invocation: each ends with the outcome and
# in the phase that say what is wrong, in its time; the others finish untouched.
test_description="every way a host fails"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh

bed_start

# What all hosts run: each says once that it was there; two come to a bad end.
cat >"$BED/command" <<'END'
echo started; echo x >>/run/bed/ran.$(hostname)
case $(hostname) in
h28) kill -KILL $$ ;;
h29) kill -KILL $PPID; sleep 60 ;;
h30) touch /tmp/x 2>/dev/null && echo writable || echo read-only ;;
esac
echo ended
END

test_expect_success "a bed of hosts, each broken in its way" '
	hosts_up 1 3 && for i in $(seq 10 32); do host_up $i || return 1; done &&
	sshd_on 10 && filter 10 "tcp dport 22 drop" &&
	sshd_on 11 && filter 11 "tcp dport 22 reject with tcp reset" &&
	sshd_on 13 && ip link set v13 down &&
	sshd_on 14 && ip route add unreachable 10.98.0.15 &&
	sshd_on 15 && wait_for listens 15 && stop_host 15 &&
	sshd_on 16 -o MaxStartups=1:100:1 && wait_for listens 16 && hold_on h16 &&
	for i in 17.reset 18.close 19.garbage 20.silent 21.slow 22.half; do
		bad_server_on ${i%.*} ${i#*.}
	done &&
	sshd_on 23 -o Ciphers=3des-cbc &&
	sshd_on 24 -o HostKey="$BED/other_key" &&
	sshd_on 25 -o AuthorizedKeysFile="$BED/other_key.pub" &&
	printf "#!/bin/sh\nsleep 60\n" >"$BED/slow" && chmod 755 "$BED/slow" &&
	sshd_on 26 -o AuthorizedKeysFile=none -o AuthorizedKeysCommand="$BED/slow" \
		-o AuthorizedKeysCommandUser=root &&
	sed "s,^\(root:.*:\)[^:]*,\1/nonexistent," /etc/passwd >"$BED/passwd" &&
	BED_BEFORE="mount --bind $BED/passwd /etc/passwd" sshd_on 27 &&
	sshd_on 28 && sshd_on 29 &&
	BED_BEFORE="mount -t tmpfs -o ro tmpfs /tmp" sshd_on 30 &&
	sshd_on 31 -o MaxSessions=0 &&
	dns_on 32 &&
	for i in $(seq 10 31); do test $i = 12 || wait_for listens $i || return 1; done
'

test_expect_success "one invocation meets them all, and exits 3" '
	expect_exit 3 perilune exec -F "$BED_CONFIG" -t 2s --json --progress never \
		-w "h[1-3,10-31],hnone,silent" "$(cat "$BED/command")" >out 2>err; status=$?
	cat out err; return $status
'

# ended HOST OUTCOME PHASE SECONDS: its line of --json says so, and it took no longer.
ended() {
	grep "^{\"host\":\"$1\",\"outcome\":\"$2\"" out >line || { grep "\"$1\"" out; return 1; }
	[ "$3" = - ] || grep "\"phase\":\"$3\"" line || return 1
	perl -ne "exit !(/\"seconds\":([\d.]+)/ && \$1 <= $4)" line || { cat line; return 1; }
}

faults() {
	while read -r host outcome phase seconds what; do
		test_expect_success "$what: $outcome $phase" "
			ended $host $outcome $phase $seconds
		"
	done
}

faults <<END
h10    unreachable connect 3   blackhole
h11    unreachable connect 1   reset
h12    unreachable connect 1   refused
h13    unreachable connect 3   link down
h14    unreachable connect 1   no route
h15    unreachable banner  3   sshd stopped
h16    unreachable banner  7   MaxStartups reached
h17    unreachable banner  3   reset at accept
h18    unreachable banner  3   closed at accept
h19    unreachable banner  3   garbage for a banner
h20    unreachable banner  3   silent after accept
h21    unreachable banner  3   a banner at two bytes a second
h22    unreachable kex     3   a banner and no more
h23    unreachable kex     7   no common cipher
h24    hostkey     hostkey 1   key changed
h25    auth        auth    3   login refused
h26    unreachable auth    5   login slow
h27    auth        auth    3   login shell missing
h28    signal      -       3   command killed by a signal
h29    lost        stream  3   connection cut in mid-output
h30    ok          -       3   remote /tmp read-only
h31    unreachable open    3   no session allowed
hnone  unreachable resolve 3   a name that is not known
silent unreachable resolve 3   a name server that is silent
h1     ok          -       3   a whole host among them
h2     ok          -       3   another
h3     ok          -       3   a third
END

test_expect_success "every broken host is named with its reason" '
	perilune hosts -e "$(sed -n "s/^  .*: //p" err | paste -sd ,)" | sort >named &&
	sed -n "/\"outcome\":\"ok\"/d; s/^{\"host\":\"\([^\"]*\)\".*/\1/p" out | sort | test_cmp - named
'

test_expect_success "no command ran twice, and none where it could not" '
	test_line_count = 1 "$BED/ran.h1" && test_line_count = 1 "$BED/ran.h28" &&
	test_line_count = 1 "$BED/ran.h29" && test_line_count = 1 "$BED/ran.h30" &&
	test "$(ls "$BED" | grep -c "^ran\.")" = 6
'

test_expect_success "hosts that are dead in front of the others hold them up for a moment only" '
	for i in $(seq 101 120); do echo "10.98.77.$i h$i" >>"$BED/hosts"; done &&
	{ perilune exec -F "$BED_CONFIG" -t 8s --progress never -w "h[101-120],h[1-3]" "echo up" >out 2>err & pid=$!; } &&
	began=$(date +%s) && wait_for test_line_count = 3 out && took=$(($(date +%s) - began)) &&
	expect_exit 3 wait $pid && grep "20 unreachable" err && echo "took $took s" && test $took -lt 10
'

test_done
