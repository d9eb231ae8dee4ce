#!/bin/sh
# The strings of t0690 through --sudo: read by the login shell, by sudo and by root's shell, each
# arrives byte for byte.
test_description="hostile strings, through sudo"
. /usr/share/sharness/sharness.sh

CASES=40
! test_have_prereq EXPENSIVE || CASES=1000

sudo_fleet_start 8 || test_done
sudo_rules "$SUDO_USER_ASKED,$SUDO_USER_FREE,$SUDO_USER_NOISY ALL=(ALL) NOPASSWD: ALL"
scratch=$FLEET_DIR/scratch

# with_shell SHELL: the login shell of all of them. In place: the file is bound over another.
with_shell() {
	sed "s|^\(perilune-.*\):[^:]*\$|\1:$1|" "$FLEET_DIR/passwd" >passwd &&
		cat passwd >"$FLEET_DIR/passwd" &&
		test "$(perilune exec -F "$FLEET_SSH_CONFIG" -N -w 127.1.0.1 "echo \$SHELL")" = "$1"
}

for shell in /bin/sh /bin/bash /bin/tcsh /usr/bin/fish; do
	[ -x $shell ] || { say "$shell is not installed"; continue; }
	test_expect_success "words, variables, lines, folders, with the login shell $shell" '
		with_shell $shell && rm -rf "$scratch" && mkdir -m 700 "$scratch" &&
		timeout 100 perilune _lua "$PERILUNE_SRCDIR/t/hostile.lua" "sudo $FLEET_SSH_CONFIG" \
			"$scratch" $CASES >out 2>err
		status=$?; head -n 20 out err
		[ $status -eq 0 ] && [ -z "$(find "$FLEET_DIR" -name "canary*")" ]
	'
done

test_expect_success "the words of a script" '
	with_shell /bin/sh && printf "#!/bin/sh\nid -u; printf \"%%s\\\\0\" \"\$@\"" >words.sh &&
	for string in "\$(touch $scratch/canary)" "a
touch $scratch/canary" "$(printf "\377\001\047")" "" "--"; do
		printf "0\n%s\0x y\0" "$string" >expected &&
		setsid -w timeout 60 perilune exec -F "$FLEET_SSH_CONFIG" --sudo -N -w 127.1.0.1 \
			--script words.sh -- "$string" "x y" </dev/null >out 2>err &&
		test_cmp expected out || { cat err; return 1; }
	done && [ ! -e "$scratch/canary" ]
'

# What sudo says may be anything.
cat >"$FLEET_DIR/sudo" <<END
#!/bin/sh
printf '\033[2Jrefused \$(touch $scratch/canary)\033]0;title\a' >&2
exit 1
END
printf '#!/bin/sh\nPATH=%s:$PATH exec /bin/sh "$@"\n' "$FLEET_DIR" >"$FLEET_DIR/shell"
chmod 755 "$FLEET_DIR/sudo" "$FLEET_DIR/shell"

test_expect_success "what sudo says drives no terminal" '
	with_shell "$FLEET_DIR/shell" &&
	expect_exit 3 setsid -w timeout 60 perilune exec -F "$FLEET_SSH_CONFIG" --sudo -w 127.1.0.1 id \
		</dev/null >out 2>err && grep "sudo refused: .*title" err &&
	! grep "$(printf "[\033\a]")" err && [ ! -e "$scratch/canary" ]
'

test_done
