#!/bin/sh
# exec and push over SSH against a private fleet: hosts that fail do not keep the others from
# working, and each failure says what to do.
test_description="exec and push over ssh"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen
fleet_start 8 || { skip_all="no fleet could be started"; test_done; }
hosts=127.1.0
# a folder whose name ssh configurations and commands take as it is
dir=$FLEET_DIR/test
mkdir "$dir"
x() { perilune exec -F "$FLEET_SSH_CONFIG" "$@"; }

test_expect_success "a login that is refused is told with the key, and is 3" '
	expect_exit 3 x -l nosuchuser -w $hosts.1 true 2>err &&
	grep "auth (login as nosuchuser refused: .*id_ed25519" err
'

test_expect_success "a host key that is not known is told with the file, the others go on" '
	sed "s|UserKnownHostsFile .*|UserKnownHostsFile $dir/known|" "$FLEET_SSH_CONFIG" >"$dir/other_config" &&
	awk "{ \$1 = \"[$hosts.1]:$FLEET_PORT\"; print }" "$FLEET_DIR/known_hosts" >"$dir/known" &&
	expect_exit 3 perilune exec -F "$dir/other_config" -w "$hosts.[1-2]" echo hi >out 2>err &&
	echo "$hosts.1: hi" | test_cmp - out &&
	grep "hostkey (.*$dir/known" err && grep "$hosts.2\$" err
'

test_expect_success "a host key that has changed names the file" '
	ssh-keygen -q -t ed25519 -N "" -f another && sed "s/.*/* &/" another.pub >"$dir/known" &&
	expect_exit 3 perilune exec -F "$dir/other_config" -w "$hosts.[1-3]" true 2>err &&
	grep "hostkey (.*CHANGED.*$dir/known)" err && grep "$hosts.\[1-3\]$" err
'

test_expect_success "refused connections are folded into one line, the others go on" '
	{ printf "Host 127.2.*\n Port 1\n" && cat "$FLEET_SSH_CONFIG"; } >closed_config &&
	sed -i "s/^Host 127\.\*/Host */" closed_config &&
	expect_exit 3 perilune exec -F closed_config -w "$hosts.1,127.2.0.[1-3]" echo hi >out 2>err &&
	echo "$hosts.1: hi" | test_cmp - out &&
	grep "^perilune: exec: 4 hosts: 1 ok, 3 " err && grep "127.2.0.\[1-3\]$" err
'

test_expect_success "every host answers, with its own address" '
	x -w ^"$FLEET_HOSTS" "set -- \$SSH_CONNECTION; echo \$3" >out 2>err &&
	test_line_count = 8 out && test_must_be_empty err &&
	awk -F ": " "\$1 != \$2 { exit 1 }" out
'

test_expect_success "exit status, signal, timeout, standard input and scripts work as on local" '
	expect_exit 7 x -S -w $hosts.1 "exit 7" 2>/dev/null &&
	expect_exit 137 x -S -w $hosts.1 "kill -KILL \$\$" 2>/dev/null &&
	expect_exit 124 x -u 300ms -w $hosts.1 "exec sleep 60" 2>/dev/null &&
	echo words | x -N --stdin all -w $hosts.1 cat >out && echo words | test_cmp - out &&
	printf "#!/bin/sh\necho \"\$1\" \$#\n" >script &&
	x -N -w $hosts.1 --script script "a b" >out && echo "a b 1" | test_cmp - out
'

test_expect_success "push copies bytes and permission bits" '
	head -c 300000 /dev/urandom >file && chmod 750 file &&
	perilune push -F "$FLEET_SSH_CONFIG" -w "$hosts.[1-4]" file "$dir/copy" 2>err &&
	test_must_be_empty err && cmp file "$dir/copy" && test "$(stat -c %a "$dir/copy")" = 750 &&
	expect_exit 1 perilune push -F "$FLEET_SSH_CONFIG" -w "$hosts.[1-2]" file "$dir/none/copy" 2>err &&
	grep "exit 1 (.*/none/: no such folder): $hosts.\[1-2\]$" err
'

test_expect_success "Ctrl-C ends what runs there" '
	(exec perilune exec -F "$FLEET_SSH_CONFIG" -w "$hosts.[1-3]" "echo \$\$ >$dir/pid.\$\$ && mv $dir/pid.\$\$ $dir/up.\$\$; exec sleep 60") 2>err & pid=$! &&
	while test "$(ls "$dir"/up.* 2>/dev/null | wc -l)" -lt 3; do sleep 0.02; done &&
	kill -INT $pid && expect_exit 130 wait $pid &&
	grep "interrupted: ending 3 hosts: $hosts.\[1-3\] (running " err &&
	for there in $(cat "$dir"/up.*); do
		while kill -0 $there 2>/dev/null; do sleep 0.02; done
	done
'

test_done
