#!/bin/sh
# Hosts that libssh2 may be unable to reach are reached by the system's ssh, without being asked to.
test_description="hosts that need the system's ssh"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

fleet_start 8 || test_done
fleet_homes
made=$FLEET_DIR # is where keys are made: no space is in its name
cp "$FLEET_DIR/sshd_config" base
cp "$FLEET_DIR/authorized_keys" keys
sed '/KexAlgorithms/d' "$FLEET_SSH_CONFIG" >client

# sshd_with LINE...: the fleet's sshd has these settings beside its own from now on.
sshd_with() {
	printf '%s\n' "$@" | cat - base >"$FLEET_DIR/sshd_config" && pid=$(cat "$FLEET_DIR/sshd.pid") &&
	rm "$FLEET_DIR/sshd.pid" && kill -HUP "$pid" && wait_for test -s "$FLEET_DIR/sshd.pid"
}

# key NAME KIND: makes one.
key() { ssh-keygen -q -t "$2" -N "" -f "$made/$1"; }

# known NAME MARK KEY: a file with this key for all hosts.
known() {
	printf '%s[127.1.*]:%s %s\n' "$2" "$FLEET_PORT" "$(cut -d' ' -f1,2 "$made/$3.pub")" \
		>"$made/$1" && sed "s,UserKnownHostsFile .*,UserKnownHostsFile $made/$1," client
}

# reached CONFIG: three hosts answer; that another way was taken is told in one line, if it was.
reached() {
	perilune exec -F "$1" --progress never -w "127.1.0.[1-3]" "echo up; exit 0" >out 2>err; status=$?
	cat out err
	[ $status = 0 ] && test_line_count = 3 out && test_line_count -le 1 err &&
	! grep -v "^perilune: .*3 hosts go by the system's ssh: " err
}

# No libssh2 has these yet; of the others later ones know some.
test_expect_success "a key exchange that libssh2 has not: reached, and told once" '
	sshd_with "KexAlgorithms sntrup761x25519-sha512@openssh.com" && reached client &&
	test_line_count = 1 err && grep "key exchange in common with libssh2" err
'

test_expect_success "so are ciphers and MACs" '
	sshd_with "Ciphers chacha20-poly1305@openssh.com" && reached client &&
	sshd_with "Ciphers aes128-ctr" "MACs hmac-sha2-256-etm@openssh.com" && reached client &&
	sshd_with "Ciphers aes256-gcm@openssh.com" && reached client
'

test_expect_success "--json is not mixed with it" '
	perilune exec --json -F client -w "127.1.0.[1-3]" true >out && ! grep -v "^{" out
'

test_expect_success "push and pull go the same way" '
	head -c 300000 /dev/urandom >data &&
	perilune push -F client -w "127.1.0.[1-8]" data copy &&
	for home in "$FLEET_HOMES"/127.1.0.*; do cmp data "$home/copy" || return 1; done &&
	mkdir back && perilune pull -F client -w "127.1.0.[1-8]" copy back/ &&
	test "$(find back -type f | wc -l)" = 8 && for f in $(find back -type f); do
		cmp data "$f" || return 1
	done
'

test_expect_success "an RSA key is all that is authorized" '
	sshd_with "# as it was" && key id_rsa rsa &&
	sed "s,IdentityFile .*,IdentityFile $made/id_rsa," client >client-rsa &&
	cp "$made/id_rsa.pub" "$FLEET_DIR/authorized_keys" && reached client-rsa;
	status=$?; cp keys "$FLEET_DIR/authorized_keys"; return $status
'

test_expect_success "a host that has and is known by an RSA key alone" '
	key host_rsa rsa && cp base base.was && sed "/^HostKey/d" base.was >base &&
	sshd_with "HostKey $made/host_rsa" && mv base.was base &&
	known known-rsa "" host_rsa >client-known-rsa && reached client-known-rsa
'

test_expect_success "an ed25519 certificate of the user" '
	key ca ed25519 && key id_user ed25519 &&
	ssh-keygen -q -s "$made/ca" -I user -n "$(id -un)" "$made/id_user.pub" &&
	sshd_with "AuthorizedKeysFile none" "TrustedUserCAKeys $made/ca.pub" &&
	sed "s,IdentityFile .*,IdentityFile $made/id_user," client >client-user &&
	reached client-user && rm "$made/id_user-cert.pub" &&
	expect_exit 3 perilune exec -F client-user -w 127.1.0.1 true
'

test_expect_success "a certificate of the host, known by its authority" '
	key host_cert ed25519 && ssh-keygen -q -s "$made/ca" -I host -h "$made/host_cert.pub" &&
	sshd_with "HostKey $made/host_cert" "HostCertificate $made/host_cert-cert.pub" &&
	known known-ca "@cert-authority " ca >client-ca && reached client-ca &&
	known known-ca "@revoked " ca >client-ca &&
	expect_exit 3 perilune exec -F client-ca -w 127.1.0.1 true
'

test_expect_success "a host that no way leads to fails as what it is, in one line" '
	sshd_with "Ciphers 3des-cbc" &&
	expect_exit 3 perilune exec -F client -w 127.1.0.1 true >out 2>err; cat err
	grep "127.1.0.1" err | grep "no matching cipher"
'

test_expect_success "nothing is left in the folder of sockets" '
	sshd_with "# as it was" && mkdir run &&
	XDG_RUNTIME_DIR=$PWD/run perilune exec --transport openssh -F client -w "127.1.0.[1-8]" true &&
	rmdir run
'

test_done
