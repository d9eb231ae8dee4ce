#!/bin/sh
# Commands as root through the sudo of the system.
test_description="commands as root, through sudo"
. /usr/share/sharness/sharness.sh

sudo_fleet_start 7 || test_done
all="127.1.0.[1-4]"
user=$SUDO_USER_ASKED free=$SUDO_USER_FREE noisy=$SUDO_USER_NOISY password=$SUDO_PASSWORD

# x OPTION...: without a terminal, so that nobody can be asked.
x() { setsid -w timeout 60 perilune exec -F "$FLEET_SSH_CONFIG" --sudo "$@" </dev/null 2>err; }

exec_sudo="perilune exec -F $FLEET_SSH_CONFIG --sudo"

test_expect_success "the account is nobody without sudo" '
	perilune exec -F "$FLEET_SSH_CONFIG" -N -w 127.1.0.1 "id -un" >out && echo $user | test_cmp - out
'

test_expect_success "refused: which host, why, and what to do" '
	sudo_rules "" && expect_exit 3 x -w "$all" "id -u" >out && test_must_be_empty out &&
	grep "sudo refused: sudo: a password is required (--sudo asks" err && grep "127.1.0.\[1-4\]" err
'

for transport in ssh openssh; do
	test_expect_success "where sudo asks nothing, with stdin, tag and environment ($transport)" '
		sudo_rules "$user ALL=(ALL) NOPASSWD: ALL" &&
		x --transport $transport -N -w "$all" "id -u; sh -c \"echo \\\$PERILUNE_TASK\"; echo \$SHELL" >out &&
		test "$(grep -c "^0$" out)" = 4 && test "$(grep -c ":[0-9a-f]\{16\}$" out)" = 4 &&
		test "$(grep -c "^/bin/sh$" out)" = 4 &&
		cat >env.lua <<-END &&
		local pl = require "perilune"
		return pl.recipe { name = "env", summary = "As root.", run = function(t)
		  local opts = { sudo = true, env = { HIDDEN = "a\nb" }, stdin = "one\ntwo" }
		  io.write(t.hosts:exec("id -u; printenv HIDDEN; cat", opts):must()[1].stdout, "\n")
		  io.write(t.hosts:exec({ "id", "-un" }):must()[1].stdout)
		end }
		END
		timeout 60 perilune run -F "$FLEET_SSH_CONFIG" --transport $transport -w 127.1.0.1 ./env.lua >out 2>err &&
		printf "%s\n" 0 a b one two $user >expected && head -n 6 out | test_cmp expected -
	'

	test_expect_success "with a password, asked for once, shown nowhere ($transport)" '
		sudo_rules "$user ALL=(ALL) ALL" &&
		typed "$password" "$exec_sudo --transport $transport -N -w $all \
			\"id -u; cat /proc/[0-9]*/cmdline | tr \\\\\\\\0 x >$marks/cmdlines; cat\"" &&
		test "$(grep -c "^0$" out)" = 4 && test_line_count = 4 out &&
		test "$(grep -c "sudo password" screen)" = 1 && ! grep -F "$password" screen &&
		test -s "$marks/cmdlines" && ! grep -aF "$password" "$marks/cmdlines" &&
		! grep -rF "$password" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME"
	'
done

test_expect_success "a password that is not asked for is not taken for stdin" '
	sudo_rules "$user ALL=(ALL) NOPASSWD: ALL" &&
	typed "$password" "$exec_sudo -N -w 127.1.0.1 \"id -u; cat\"" && echo 0 | test_cmp - out
'

# From here on every try is in a log: the machine is the same behind all names.
tries() { grep -c "incorrect password" "$FLEET_DIR/sudo.log"; }
rules_with_log() { rm -f "$FLEET_DIR/sudo.log" && sudo_rules "Defaults logfile=$FLEET_DIR/sudo.log\n$1"; }

test_expect_success "a wrong one is refused, and was tried once on a host" '
	rules_with_log "$user ALL=(ALL) ALL" &&
	expect_exit 3 typed wrong "$exec_sudo -w 127.1.0.1 id" && test_must_be_empty out &&
	grep "sudo refused: sudo: .*(is the password right" screen && test "$(tries)" = 1
'

for how in "" --no-supervisor "--transport openssh"; do
	test_expect_success "a wrong one is tried at one host of many, the others are told so ($how)" '
		rules_with_log "$user ALL=(ALL) ALL" &&
		expect_exit 3 typed wrong "$exec_sudo $how --json -w $all id" && test "$(tries)" = 1 &&
		test "$(grep -c "\"outcome\":\"auth\",\"phase\":\"auth\"" out)" = 4 &&
		test "$(grep -c "sudo refused: sudo: " out)" = 1 &&
		test "$(grep -c "not tried: 1 host refused the same password for sudo, and none accepted" out)" = 3
	'

	test_expect_success "where none is needed nobody waits for that, and it is not told ($how)" '
		rules_with_log "$user ALL=(ALL) ALL\n$free ALL=(ALL) NOPASSWD: ALL" &&
		expect_exit 3 typed wrong "$exec_sudo $how -N -w 127.1.0.[1-6] \"id -u; cat\"" &&
		test "$(tries)" = 1 && printf "0\n0\n" | test_cmp - out
	'
done

test_expect_success "one that sudo does not let is no judge of the password" '
	rules_with_log "$free ALL=(ALL) ALL" &&
	expect_exit 3 typed "$password" "$exec_sudo -f 1 -N -w 127.1.0.1,127.1.0.5 \"id -u\"" &&
	echo 0 | test_cmp - out && grep "sudo refused: $user is not in .*127.1.0.1" screen
'

test_expect_success "what login files say on stderr comes through, before and behind it" '
	sudo_rules "$noisy ALL=(ALL) ALL" &&
	typed "$password" "$exec_sudo -N -w 127.1.0.7 \"id -u; echo mine >&2\" 2>both" &&
	echo 0 | test_cmp - out && grep noise both && grep mine both && ! grep "perilune .*sudo" both
'

# other_sudo SCRIPT: what the shell of one user finds in place of sudo, when asked with a password.
other_sudo() {
	printf "#!/bin/sh\ncase \$1 in -n) exit 1 ;; esac\n%s\nexit 1\n" "$1" >"$FLEET_DIR/sudo" &&
	chmod 755 "$FLEET_DIR/sudo" &&
	printf "#!/bin/sh\nPATH=$FLEET_DIR:\$PATH exec /bin/sh \"\$@\"\n" >"$FLEET_DIR/noise"
}

test_expect_success "nor is one whose sudo takes no password, or is not there" '
	sudo_rules "$user ALL=(ALL) ALL" && for says in "1: sudo: not found" \
			"sudo: sorry, you must have a tty to run sudo"; do
		other_sudo "echo \"$says\" >&2" &&
		expect_exit 3 typed "$password" "$exec_sudo -N -f 1 -w 127.1.0.7,127.1.0.1 \"id -u\"" &&
		echo 0 | test_cmp - out && grep "sudo refused: $says.*127.1.0.7" screen || return 1
	done &&
	other_sudo "echo \"sudo: something else\" >&2" &&
	expect_exit 3 typed "$password" "$exec_sudo -N -f 1 -w 127.1.0.7,127.1.0.1 \"id -u\"" &&
	test_must_be_empty out && grep "not tried: 1 host refused" screen
'

test_expect_success "a host that takes its time with the password leaves its place to another one" '
	rm -f "$marks/asked" && other_sudo "touch $marks/asked; sleep 2" &&
	expect_exit 3 typed "$password" "$exec_sudo -t 1s -N -f 2 -w 127.1.0.7,127.1.0.1 \"id -u\"" &&
	test -e "$marks/asked" && echo 0 | test_cmp - out
'

# Children that leave: in a session of their own, twice forked, without the tag, deaf to TERM.
cat >"$FLEET_DIR/family" <<END
sh -c 'trap "" TERM HUP INT; echo \$\$ >$marks/deaf.\$\$; while :; do sleep 0.2; done' &
setsid sh -c 'echo \$\$ >$marks/setsid.\$\$; exec sleep 300' &
(sh -c 'echo \$\$ >$marks/twice.\$\$; exec sleep 300' &) &
env -i PATH="\$PATH" sh -c 'echo \$\$ >$marks/bare.\$\$; exec sleep 300' &
wait
END

none_alive() { for p in $(cat "$1"); do ! kill -0 "$p" 2>/dev/null || return 1; done; }

# family OPTION...: starts one on every host, in the background as $pid, until all are up.
family() {
	rm -f "$marks"/* && sudo_rules "$user ALL=(ALL) NOPASSWD: ALL" &&
	{ setsid -w perilune exec -F "$FLEET_SSH_CONFIG" --sudo -w "$all" "$@" "sh $FLEET_DIR/family" \
		</dev/null >out 2>err & pid=$!; } &&
	wait_for count_is 16 "$marks/*" && cat "$marks"/* >pids &&
	for p in $(cat pids); do test "$(stat -c %u "/proc/$p")" = 0 || return 1; done
}

test_expect_success "SIGKILL of perilune ends what runs as root" '
	family && main=$(pgrep -P $pid -x perilune || echo $pid) && kill -KILL $main &&
	{ wait $pid; wait_for none_alive pids; }
'

test_expect_success "so does a time limit" '
	family -u 4s && expect_exit 124 wait $pid && wait_for none_alive pids
'

test_expect_success "and without a supervisor, what keeps its tag" '
	rm -f "$marks"/* && sudo_rules "$user ALL=(ALL) NOPASSWD: ALL" &&
	expect_exit 124 x -w "$all" --no-supervisor -u 3s \
		"setsid sleep 300 & echo \$! >$marks/left.\$!; wait" &&
	cat "$marks"/left.* >pids && test_line_count = 4 pids && wait_for none_alive pids
'

test_done
