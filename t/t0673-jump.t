#!/bin/sh
# Hosts in networks of their own, reached through the hosts before them; and logins that hold back.
test_description="jump hosts, and logins that hold back"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh

bed_start

x() { timeout 120 perilune exec -F "$BED_CONFIG" --progress never "$@"; }
logins() { grep -c "^Accepted" "$BED/log.$1"; }

# h1 and h2 lead to network 1 with h[20-39] and h3, h3 to network 2 with h40.
test_expect_success "a bed of three networks" '
	host_up 1 && leg_up 1 1 && sshd_on 1 -o LogLevel=INFO &&
	host_up 2 && leg_up 2 1 && sshd_on 2 -o MaxStartups=1:100:1 &&
	inner_up 3 1 && leg_up 3 2 && sshd_on 3 && inner_up 40 2 && sshd_on 40 -o MaxSessions=2 &&
	for i in $(seq 20 39); do inner_up $i 1 && sshd_on $i || return 1; done &&
	for i in 1 2 3 $(seq 20 40); do wait_for listens $i || return 1; done &&
	cp "$BED_CONFIG" bare &&
	{ printf "Host %s\n ProxyJump %s\n" "h2? h3" h1 "h3?" h2 h40 h3; cat bare; } >config &&
	cp config "$BED_CONFIG"
'

test_expect_success "twenty hosts without a route from here answer through their jump hosts" '
	expect_exit 3 perilune exec -F bare -t 1s -w h20 true 2>err && grep "unreachable (connect" err &&
	x -w "h[20-39]" hostname >out && sort out >sorted &&
	for i in $(seq 20 39); do echo "h$i: h$i"; done | test_cmp - sorted
'

test_expect_success "by one login to each, also where few are taken at once" '
	test "$(logins 1)" = 1
'

test_expect_success "two hops lead to a host behind both, several commands of which share one login" '
	cat >several.lua <<-END &&
	local pl = require "perilune"
	return pl.recipe { name = "several", run = function(t)
	  local calls = {}
	  for i = 1, 6 do calls[i] = function() return t.hosts:exec("hostname") end end
	  for _, one in ipairs(t:all(calls)) do t:check(one.ok, "%s", one.why) end
	end }
	END
	x -w h40 hostname >out && echo "h40: h40" | test_cmp - out &&
	perilune run -F "$BED_CONFIG" -w h40 ./several.lua
'

test_expect_success "100 MB arrive whole through a jump, both ways" '
	seq 1 20000000 | head -c 100000000 >big && cksum <big >sum &&
	x -N -w h20 "seq 1 20000000 | head -c 100000000" | cksum | test_cmp sum - &&
	timeout 120 perilune push -F "$BED_CONFIG" -w h20 big "$BED/pushed" && cksum <"$BED/pushed" | test_cmp sum - &&
	x -N -w h21 --stdin all cksum <big >out && test_cmp sum out && rm big "$BED/pushed"
'

test_expect_success "a jump host that dies takes along only what went through it, and all of it is named" '
	{ x --json -w "h[1-2,20-39]" "touch $BED/up.\$(hostname); while ! test -e $BED/go; do sleep 0.1; done" >out 2>err & pid=$!; } &&
	wait_for count_is 22 "$BED/up.*" && kill_host 2 &&
	wait_for test_line_count = 11 out && touch "$BED/go" && expect_exit 3 wait $pid
	status=$?; cat err; test $status = 0 &&
	sed -n "s/^{\"host\":\"\([^\"]*\)\",\"outcome\":\"lost\".*/\1/p" out | sort >lost &&
	for i in 2 $(seq 30 39); do echo h$i; done | sort | test_cmp - lost &&
	test "$(grep -c "\"outcome\":\"ok\"" out)" = 11 &&
	perilune hosts -e "$(sed -n "s/^  lost.*: //p" err | paste -sd ,)" | sort | test_cmp lost -
'

test_expect_success "then what is behind it is unreachable, and says which jump host that is for" '
	expect_exit 3 x -t 2s -w "h[30-31]" true 2>err; cat err && grep "unreachable (.*h2.*): h\[30-31\]$" err
'

# ---- logins ----

test_expect_success "thirty hosts that refuse us" '
	for i in $(seq 60 79) $(seq 90 99); do
		host_up $i && sshd_on $i -o AuthorizedKeysFile="$BED/other_key.pub" -o LogLevel=VERBOSE || return 1
	done &&
	for i in $(seq 60 79) $(seq 90 99); do wait_for listens $i || return 1; done
'

# tried PATTERN: how many hosts saw a key of ours, by the names of their logs.
tried() { eval grep -l '"^Failed publickey"' "$BED/log.$1" 2>/dev/null | wc -l; }

test_expect_success "after three refusals no other host is shown the key" '
	expect_exit 3 x --json -w "h[60-79]" true >out 2>err; cat err; echo "$(tried "[67]?") tried"
	test "$(tried "[67]?")" = 3 && test "$(grep -c "\"outcome\":\"auth\"" out)" = 20 &&
	test "$(grep -c "not tried" out)" = 17
'

test_expect_success "or after as many as it is told" '
	expect_exit 3 x --max-auth-fail 6 -w "h[90-99]" true 2>err; cat err; echo "$(tried "9?") tried"
	test "$(tried "9?")" = 6
'

test_expect_success "with keys of which nobody knows, one host sees a login first" '
	printf "#!/bin/sh\ntouch $BED/asked.\$(hostname)\nuntil test -e $BED/go.keys; do sleep 0.05; done\ncat $BED/id.pub\n" >"$BED/keys" &&
	chmod 755 "$BED/keys" &&
	for i in $(seq 80 89); do
		host_up $i && sshd_on $i -o AuthorizedKeysFile=none -o AuthorizedKeysCommand="$BED/keys" \
			-o AuthorizedKeysCommandUser=root || return 1
	done &&
	for i in $(seq 80 89); do wait_for listens $i || return 1; done &&
	{ x -w "h[80-89]" true >out 2>err & pid=$!; } &&
	wait_for count_is 1 "$BED/asked.*" && ls "$BED"/asked.* >first && touch "$BED/go.keys" && wait $pid &&
	test_line_count = 1 first && count_is 10 "$BED/asked.*"
'

test_expect_success "--connect-rate spreads logins over time" '
	began=$(date +%s%3N) && x --connect-rate 5 -w "h[80-89,20-29]" true && took=$(($(date +%s%3N) - began)) &&
	echo "$took ms" && test $took -ge 2800
'

test_done
