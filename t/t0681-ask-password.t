#!/bin/sh
# Passwords: asked for once, on a terminal, and only by wish. The terminal is one of script(1).
test_description="passwords, asked on the terminal"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen script openssl unshare setsid

password="correct horse"
fleet_start 8 || test_done
all="127.1.0.[1-8]"

# sshd sees accounts of its own: nothing of this machine's is changed.
private_sshd() {
	cat >"$FLEET_DIR/private" <<-END
		set -e
		mount --bind "$FLEET_DIR/shadow" /etc/shadow
		mount --bind "$FLEET_DIR/pam" /etc/pam.d/sshd
		exec $(PATH=$PATH:/usr/sbin command -v sshd) -f "$FLEET_DIR/sshd_config" "\$@"
	END
	unshare -m sh "$FLEET_DIR/private" "$@"
}

{
	awk -F: -v OFS=: -v user="$(id -un)" -v hash="$(openssl passwd -6 "$password")" \
		'$1 == user { $2 = hash } { print }' /etc/shadow >"$FLEET_DIR/shadow" &&
	chmod 600 "$FLEET_DIR/shadow" &&
	printf "%s required pam_%s.so\n" auth unix account permit session permit \
		>"$FLEET_DIR/pam" && fleet_end=$(cat "$FLEET_DIR/sshd.pid") && kill "$fleet_end" &&
	wait_for test ! -e "$FLEET_DIR/sshd.pid"
} 2>/dev/null && private_sshd -t -o PermitRootLogin=yes 2>/dev/null || {
	skip_all="no accounts of its own for an sshd here (root and mount namespaces)"
	test_done
}

# serve OPTION...: the fleet's sshd with other ways to log in
serve() {
	if [ -e "$FLEET_DIR/sshd.pid" ]; then kill "$(cat "$FLEET_DIR/sshd.pid")"; fi &&
	wait_for test ! -e "$FLEET_DIR/sshd.pid" &&
	private_sshd -o PermitRootLogin=yes -o PubkeyAuthentication=no "$@" &&
	wait_for test -e "$FLEET_DIR/sshd.pid"
}

# typed ANSWER COMMAND: runs COMMAND on a terminal, where ANSWER is typed once it asks. What the
# terminal shows is in `screen`; output in `out`.
typed() {
	: >screen
	{ wait_for grep -q "password: " screen && printf "%s\n" "$1"; } |
		SHELL=/bin/sh timeout 60 script -q -f -e -c "$2 >out" screen >/dev/null
}

sed "/BatchMode/d; s|IdentityFile.*|IdentityFile none|" "$FLEET_SSH_CONFIG" >ask.cfg

test_expect_success "a password logs in, is asked for once, and is not shown" '
	serve -o PasswordAuthentication=yes &&
	typed "$password" "perilune exec --ask-password -F ask.cfg -w $all echo hi" &&
	test_line_count = 8 out && test "$(grep -c "password: " screen)" = 1 &&
	! grep "$password" screen
'

test_expect_success "so does an answer to the question of keyboard-interactive" '
	serve -o UsePAM=yes -o KbdInteractiveAuthentication=yes &&
	typed "$password" "perilune exec --ask-password -F ask.cfg -w $all echo hi" &&
	test_line_count = 8 out
'

test_expect_success "a wrong one is refused, once a host" '
	expect_exit 3 typed "wrong" "perilune exec --ask-password -F ask.cfg -w 127.1.0.1 true" &&
	grep "auth (login as .* refused: the password is not accepted" screen
'

test_expect_success "without a terminal there is nobody to ask" '
	expect_exit 2 setsid -w perilune exec --ask-password -F ask.cfg -w 127.1.0.1 true 2>err &&
	grep "ask-password: there is no terminal" err
'

test_expect_success "without the wish nobody is asked" '
	expect_exit 3 perilune exec -F ask.cfg -w 127.1.0.1 true 2>err </dev/null &&
	! grep password: err
'

test_expect_success "it is in no file of ours" '
	! grep -rF "$password" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME"
'

test_done
