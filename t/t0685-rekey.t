#!/bin/sh
# Keys that are exchanged anew in the middle of the work: sshd does so after RekeyLimit bytes, which
# are few here. Below 8 MiB a copy goes by libssh2, and so does the standard input of a command; of
# libssh2 it is known that it may hang when it meets this amid a packet that is half sent.
test_description="new keys in mid-stream"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh

skip_all_without tc ethtool
bed_start
sed -i "s/LogLevel ERROR/LogLevel DEBUG/" "$BED/sshd_config"

x() { perilune exec -F "$BED_CONFIG" --progress never "$@"; }
small="net.ipv4.tcp_wmem=4096 8192 16384"

# exchanges I: how often host hI has begun to exchange keys.
exchanges() { grep -c "SSH2_MSG_KEXINIT sent" "$BED/log.$1"; }

test_expect_success "hosts that want new keys after 64 KB, behind a line whose sockets are mostly full" '
	for i in 1 2; do
		host_up $i && on $i sysctl -qw "$small" "net.ipv4.tcp_rmem=4096 8192 16384" &&
		tc qdisc add dev v$i root tbf rate 30mbit burst 16k latency 400ms &&
		sshd_on $i -o "RekeyLimit 64k" || return 1
	done &&
	sysctl -qw "$small" && wait_for listens 1 && wait_for listens 2 &&
	head -c 2500000 /dev/urandom >data
'

test_expect_success "a download outlives new keys" '
	x -w h1 -N "seq 1 300000" | cksum >got && seq 1 300000 | cksum | test_cmp - got &&
	test "$(exchanges 1)" -gt 10
'

test_expect_success "an upload does, and so does a standard input" '
	before=$(exchanges 1) &&
	{ perilune push -F "$BED_CONFIG" -w h1 data "$BED/pushed" & pid=$!; } &&
	x --stdin all -w h2 "cat >$BED/given" <data && wait $pid &&
	cmp data "$BED/pushed" && cmp data "$BED/given" &&
	test "$(exchanges 1)" -gt $((before + 10)) && test "$(exchanges 2)" -gt 10 &&
	grep -q "remote software version libssh2" "$BED/log.1" &&
	! grep -q "remote software version OpenSSH" "$BED/log.1"
'

test_expect_success "both ways at once do" '
	x -N --stdin all -w h1 cat <data >back && cmp data back
'

test_expect_success "several on one session do" '
	cat >several.lua <<-END &&
	local pl = require "perilune"
	return pl.recipe { name = "several", run = function(t)
	  local all = t:all { function() return t.hosts:push("data", "$BED/a") end,
	    function() return t.hosts:exec("cksum", { stdin = ("x"):rep(1000000) }) end,
	    function() return t.hosts:exec "seq 1 100000" end }
	  for i = 1, 3 do t:check(all[i].ok, "%s", all[i].why) end
	  t:check(#all[3][1].stdout == 588895, "%d bytes came", #all[3][1].stdout)
	end }
	END
	perilune run -F "$BED_CONFIG" -w h2 ./several.lua && cmp data "$BED/a"
'

test_expect_success "an upload that is too large for libssh2 goes by the system's ssh" '
	seq 1 1300000 >big && perilune push -F "$BED_CONFIG" -w h1 big "$BED/big" &&
	cmp big "$BED/big" && grep -q "remote software version OpenSSH" "$BED/log.1"
'

has_exchanged() { test "$(exchanges "$1")" -gt 3; }

# stops_amid_exchange I: every process of the host stands still while keys are being exchanged.
stops_amid_exchange() {
	stop_host "$1" &&
	grep -o "SSH2_MSG_KEXINIT sent\|SSH2_MSG_NEWKEYS received" "$BED/log.$1" | tail -n 1 |
		grep -q KEXINIT && return
	go_on_host "$1"
	return 1
}

test_expect_success "a host that stops amid an exchange is lost when its silence has lasted too long" '
	for i in 3 4; do
		host_up $i && sshd_on $i -o "RekeyLimit 16k" && wait_for listens $i &&
		bad_line_to $i 60 0 || return 1
	done &&
	{ printf "Host h3 h4\n ServerAliveInterval 1\n ServerAliveCountMax 2\n"; cat "$BED_CONFIG"; } >config &&
	{ perilune exec -F config --json -w h3 "exec seq 1 9000000" >down 2>&1 & down=$!; } &&
	{ perilune exec -F config --json --stdin all -w h4 "exec cat >/dev/null" <big >up 2>&1 & up=$!; } &&
	wait_for has_exchanged 3 && wait_for stops_amid_exchange 3 &&
	wait_for has_exchanged 4 && wait_for stops_amid_exchange 4 &&
	expect_exit 3 wait $down && expect_exit 3 wait $up &&
	for how in down up; do
		grep "\"outcome\":\"lost\",\"phase\":\"stream\"" $how | grep -q "no byte for 2 s" || return 1
	done
'

test_done
