# Hosts whose accounts may use sudo: an sshd in a mount namespace, with accounts and rules of sudo's
# that are there for one test alone. Nothing of the machine's own is changed.

SUDO_USER_ASKED=perilune-test	# may log in to every host but these:
SUDO_USER_FREE=perilune-free	# 127.1.0.5, 127.1.0.6
SUDO_USER_NOISY=perilune-noisy	# 127.1.0.7; its login shell writes to stderr
SUDO_PASSWORD="correct 'horse"	# of all of them

# sudo_fleet_start N: fleet_start, as those users; the test is skipped where that cannot be. Root's
# home there is $SUDO_ROOT_HOME; $marks is a folder that all may write to.
sudo_fleet_start() {
	skip_all_without sshd ssh-keygen sudo script openssl unshare setsid
	fleet_start "$1" || return 1
	SUDO_ROOT_HOME=$FLEET_DIR/root marks=$FLEET_DIR/marks
	sudo_private_script >"$FLEET_DIR/private"
	{
		sudo_files && kill "$(cat "$FLEET_DIR/sshd.pid")" &&
		wait_for test ! -e "$FLEET_DIR/sshd.pid"
	} 2>/dev/null && unshare -m sh "$FLEET_DIR/private" 2>private.err &&
		wait_for test -e "$FLEET_DIR/sshd.pid" && return 0
	cat private.err >&2
	skip_all="no accounts of its own for an sshd here (root and mount namespaces)"
	test_done
}

# Bound over those of the system, where sshd runs.
sudo_private_script() {
	cat <<-END
	set -e
	mount --make-rprivate /
	for file in passwd group shadow sudoers; do mount --bind "$FLEET_DIR/\$file" /etc/\$file; done
	mount --bind "$FLEET_DIR/pam" /etc/pam.d/sudo
	mount -t tmpfs tmpfs /etc/sudoers.d
	exec $(PATH=$PATH:/usr/sbin command -v sshd) -f "$FLEET_DIR/sshd_config" "\$@"
	END
}

sudo_files() {
	for file in passwd group shadow; do cp "/etc/$file" "$FLEET_DIR/$file" || return 1; done
	sudo_accounts &&
	for kind in "auth required pam_unix.so nodelay" "account required pam_unix.so" \
		"session required pam_permit.so"; do echo "$kind"; done >"$FLEET_DIR/pam" &&
	chmod 600 "$FLEET_DIR/shadow" && sudo_rules "" && chmod 440 "$FLEET_DIR/sudoers" &&
	chmod 711 "$FLEET_DIR" && chmod 644 "$FLEET_DIR/authorized_keys" &&
	mkdir -m 777 "$marks" && mkdir -m 700 "$SUDO_ROOT_HOME" &&
	sed -i "s/^AllowUsers .*/AllowUsers perilune-*/" "$FLEET_DIR/sshd_config" &&
	sed -i "s/^  User .*/  User $SUDO_USER_ASKED/
		1i Host 127.1.0.5 127.1.0.6\n  User $SUDO_USER_FREE
		1i Host 127.1.0.7\n  User $SUDO_USER_NOISY" "$FLEET_SSH_CONFIG"
}

sudo_accounts() {
	secret=$(openssl passwd -6 "$SUDO_PASSWORD") &&
	sed -i "s|^\(root:[^:]*:0:0:[^:]*\):[^:]*:|\1:$SUDO_ROOT_HOME:|" "$FLEET_DIR/passwd" &&
	for u in "$SUDO_USER_ASKED:4242:/bin/sh" "$SUDO_USER_FREE:4243:/bin/sh" \
		"$SUDO_USER_NOISY:4244:$FLEET_DIR/noise"; do
		name=${u%%:*} shell=${u##*:} id=${u#*:} && id=${id%%:*} &&
		mkdir "$FLEET_DIR/$name" && chown "$id:$id" "$FLEET_DIR/$name" &&
		echo "$name:x:$id:$id::$FLEET_DIR/$name:$shell" >>"$FLEET_DIR/passwd" &&
		echo "$name:x:$id:" >>"$FLEET_DIR/group" &&
		echo "$name:$secret:19000:0:99999:7:::" >>"$FLEET_DIR/shadow" || return 1
	done &&
	printf "#!/bin/sh\necho noise >&2\nexec /bin/sh \"\$@\"\n" >"$FLEET_DIR/noise" &&
	chmod 755 "$FLEET_DIR/noise"
}

# sudo_rules TEXT: lines of sudoers, beside root's own; \n between them.
sudo_rules() {
	printf "Defaults env_reset, use_pty\nroot ALL=(ALL) ALL\n%b\n" "$1" >"$FLEET_DIR/sudoers"
}

# typed ANSWER COMMAND: runs COMMAND on a terminal, where ANSWER is typed once it asks. What the
# terminal shows is in `screen`; output in `out`.
typed() {
	: >screen
	{ wait_for grep -q "sudo password" screen && printf "%s\n" "$1"; } |
		SHELL=/bin/sh timeout 60 script -q -f -e -c "$2 >out" screen >/dev/null
}
