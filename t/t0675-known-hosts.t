#!/bin/sh

# Host keys: for each known_hosts file ssh and we come to the same verdict; new keys are written so
# that nothing is lost; unknown ones are listed together.
test_description="host keys"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh ssh-keygen
fleet_start 16 || { skip_all="no fleet could be started"; test_done; }
host=127.1.0.1
# a folder whose name ssh configurations take as it is
mkdir "$FLEET_DIR/test" && cd "$FLEET_DIR/test" || exit 1
name="[$host]:$FLEET_PORT"

# config FILE STRICT: the fleet's, with these known hosts.
config() {
	sed -e "s|UserKnownHostsFile .*|UserKnownHostsFile $1|" \
		-e "s|StrictHostKeyChecking .*|StrictHostKeyChecking $2|" "$FLEET_SSH_CONFIG"
}

test_expect_success "keys of all kinds" '
	for kind in ed25519 ecdsa rsa; do
		ssh-keygen -q -t $kind -N "" -f other_$kind || return 1
	done &&
	good=$(cut -d" " -f1,2 "$FLEET_DIR/host_ed25519.pub") &&
	ed=$(cut -d" " -f1,2 other_ed25519.pub) &&
	ec=$(cut -d" " -f1,2 other_ecdsa.pub) &&
	rsa=$(cut -d" " -f1,2 other_rsa.pub) &&
	hashed=$(echo "$name $good" >plain && ssh-keygen -q -H -f plain 2>/dev/null; cat plain) &&
	hashed_bad=$(echo "$name $ec" >plain && ssh-keygen -q -H -f plain 2>/dev/null; cat plain)
'

# verdict WHO COMMAND...: writes into WHO what becomes of COMMAND, which reads WHO.cfg: the key is
# known, refused, or new and written.
verdict() {
	who=$1
	shift
	cp lines "$who.known" && config "$PWD/$who.known" accept-new >"$who.cfg" &&
	if ! timeout 60 "$@" </dev/null >"$who.out" 2>&1; then
		echo refused
	elif cmp -s lines "$who.known"; then
		echo known
	else
		echo written
	fi >"$who"
}

# agree LINES: what ssh says of a host whose known hosts these are is what we say.
agree() {
	printf "%b" "$1" >lines || return 1
	verdict theirs ssh -F theirs.cfg -o BatchMode=yes -o UpdateHostKeys=no $host true &
	verdict ours perilune exec -F ours.cfg -w $host true
	wait $!
	test_cmp theirs ours || { cat lines theirs.out ours.out; return 1; }
}

# Each line: what it is, then the lines of the file.
while IFS="|" read -r what lines; do
	test_expect_success "same verdict as ssh: $what" "agree \"$lines\""
done <<'END'
the right key|$name $good\n
no key
another key|$name $ed\n
another kind of key|$name $ec\n
another kind of key and the right one|$name $ec\n$name $good\n
an RSA key alone|$name $rsa\n
twice, the wrong one first|$name $ed\n$name $good\n
the bare name|$host $good\n
another key under the bare name|$host $ed\n
the right one with the port, another without|$host $ed\n$name $good\n
another one with the port, the right one without|$host $good\n$name $ec\n
revoked|$name $good\n@revoked * $good\n
revoked under a name that is not asked for|$name $good\n@revoked $host $good\n
another one revoked|$name $good\n@revoked * $ed\n
an authority and the right key|@cert-authority * $ed\n$name $good\n
a line of garbage|$name garbage\n$name $good\n
a comment and blanks|# x\n\n   $name   $good   words\n
several names|x,$name,y $good\n
wildcards|[127.1.*]:* $good\n
negated|*,!$name $good\n
negated, the bare name too|*,!$name,!$host $good\n
hashed|$hashed\n
hashed, another key|$hashed_bad\n
a kind that is not the key's|$name ssh-rsa ${good#* }\n
a key cut short|$name ${good%????}\n
a key with more behind it|$name ${good}AAAA\n
quotes|\\\"$name\\\" $good\n
a marker that nobody knows|@foo $name $good\n
CR at the end|$name $good\r\n
no newline at the end|$name $good
an authority alone, of a host without a certificate|@cert-authority * $ed\n
an authority under a name that is not asked for|@cert-authority other $ed\n
END

test_expect_success "an alias is looked up without a port" '
	echo "gate $good" >known && config "$PWD/known" yes >alias.cfg &&
	echo "HostKeyAlias GATE" >>alias.cfg &&
	perilune exec -F alias.cfg -w $host true &&
	echo "[gate]:$FLEET_PORT $good" >known &&
	expect_exit 3 perilune exec -F alias.cfg -w $host true
'

test_expect_success "new keys are written as ssh writes them, in a folder that is made" '
	config "$PWD/deep/known" accept-new >new.cfg &&
	perilune exec -F new.cfg -w "127.1.0.[1-16]" true &&
	test "$(stat -c %a deep deep/known | tr "\n" " ")" = "700 600 " &&
	test_line_count = 16 deep/known &&
	timeout 20 ssh -F new.cfg -o StrictHostKeyChecking=yes 127.1.0.9 true </dev/null
'

test_expect_success "several at once lose nothing, and join no line that has no end" '
	printf "# no newline" >many && config "$PWD/many" accept-new >many.cfg &&
	pids= &&
	for i in 1 2 3 4; do
		perilune exec -F many.cfg -w "127.1.0.[$i,$((i + 4)),$((i + 8))]" true 2>err.$i &
		pids="$pids $!"
	done &&
	for pid in $pids; do wait $pid || return 1; done &&
	test_line_count = 13 many && head -n 1 many | grep "^# no newline$"
'

test_expect_success "names are hashed when HashKnownHosts says so" '
	config "$PWD/hashed" accept-new >hashed.cfg && echo "HashKnownHosts yes" >>hashed.cfg &&
	perilune exec -F hashed.cfg -w "127.1.0.[1-3]" true &&
	test 3 -eq "$(grep -c "^|1|" hashed)" &&
	timeout 20 ssh -F hashed.cfg -o StrictHostKeyChecking=yes 127.1.0.2 true </dev/null &&
	perilune exec -F hashed.cfg -w "127.1.0.[1-3]" true && test_line_count = 3 hashed
'

test_expect_success "unknown keys are listed together, with the command that accepts them" '
	: >unknown && config "$PWD/unknown" yes >unknown.cfg &&
	expect_exit 3 perilune exec -F unknown.cfg -l root -w "127.1.0.[1-9]" true 2>err &&
	shown=$(ssh-keygen -lf "$FLEET_DIR/host_ed25519.pub" | cut -d" " -f2) &&
	grep "1 host key is not known:" err && grep "^  $shown: 127.1.0.\[1-9\]$" err &&
	sed -n "s/^  when they are right: //p" err >accept.sh && test_line_count = 1 accept.sh &&
	sh ./accept.sh && test_line_count = 9 unknown &&
	perilune exec -F unknown.cfg -w "127.1.0.[1-9]" true
'

# From here on the host has a certificate, too.
test_expect_success "a certificate of the host, by the authority that is called \$ca here" '
	ssh-keygen -q -t ed25519 -N "" -f authority && ca=$(cut -d" " -f1,2 authority.pub) &&
	ssh-keygen -q -s authority -I host -h -n $host "$FLEET_DIR/host_ed25519.pub" &&
	echo "HostCertificate $FLEET_DIR/host_ed25519-cert.pub" >>"$FLEET_DIR/sshd_config" &&
	pid=$(cat "$FLEET_DIR/sshd.pid") && rm "$FLEET_DIR/sshd.pid" && kill -HUP "$pid" &&
	wait_for test -s "$FLEET_DIR/sshd.pid"
'

while IFS="|" read -r what lines; do
	test_expect_success "same verdict as ssh: $what" "agree \"$lines\""
done <<'END'
the authority alone|@cert-authority * $ca\n
another authority alone|@cert-authority * $ed\n
the authority, and another key of the host|@cert-authority * $ca\n$name $ec\n
the authority is revoked, and known|@cert-authority * $ca\n@revoked * $ca\n
the authority is revoked|@revoked * $ca\n
the authority is revoked, the key is known|@revoked * $ca\n$name $good\n
the authority is revoked for other hosts|@revoked 10.* $ca\n$name $good\n
the authority is revoked without the port|@revoked $host $ca\n$name $good\n
the key in the certificate is revoked|@cert-authority * $ca\n@revoked * $good\n
something else is revoked, the key is known|@revoked * $ed\n$name $good\n
something else is revoked, the key is new|@revoked * $ed\n
END

test_expect_success "an authority that is revoked is told as such, and nothing is to be accepted" '
	echo "@revoked * $ca" >revoked && config "$PWD/revoked" yes >revoked.cfg &&
	expect_exit 3 perilune exec -F revoked.cfg -w $host true 2>err && cat err &&
	grep "hostkey.*certificate, or the authority that signed it, is revoked" err &&
	! grep "accept-new\|not known" err &&
	config "$PWD/revoked" accept-new >revoked.cfg &&
	expect_exit 3 perilune exec -F revoked.cfg -w $host true && test_line_count = 1 revoked
'

test_expect_success "a host whose authority nobody knows is listed with its key, to be accepted" '
	echo "@cert-authority * $ed" >unsigned && config "$PWD/unsigned" yes >unsigned.cfg &&
	shown=$(ssh-keygen -lf "$FLEET_DIR/host_ed25519.pub" | cut -d" " -f2) &&
	expect_exit 3 perilune exec -F unsigned.cfg -w $host true 2>err && cat err &&
	grep "^  $shown: $host$" err
'

test_done
