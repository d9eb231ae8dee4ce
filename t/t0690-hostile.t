#!/bin/sh
# Strings made to break quoting, through everything that reaches a host: each arrives byte for byte,
# or is refused, and nothing else happens. A canary file would tell.
test_description="hostile strings"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen

CASES=60
! test_have_prereq EXPENSIVE || CASES=2000

canary=$(pwd)/canary
no_canary() { ! ls -d "$canary" "$HOME/canary" "$scratch/canary" 2>/dev/null; }

# The folder for what is made there: its name goes into ssh's files, which allow no space in it.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/perilune-hostile.XXXXXX") || test_done
trap 'status=$?; rm -rf "$scratch"; fleet_stop; (exit $status); die' EXIT

# tried WHERE: strings by the hundred, from a seed.
tried() {
	rm -rf "$scratch" && mkdir -m 700 "$scratch" &&
	timeout 100 perilune _lua "$PERILUNE_SRCDIR/t/hostile.lua" "$1" "$scratch" $CASES >out 2>err
	status=$?
	head -n 20 out
	[ $status -eq 0 ] && no_canary
}

test_expect_success "words, variables, lines, folders, files, names: on this machine" '
	tried local
'

# fleet_with_shell SHELL: a fleet whose users have this login shell, by a passwd of its own.
fleet_with_shell() {
	FLEET_DIR=$(mktemp -d "${TMPDIR:-/tmp}/perilune-fleet.XXXXXX") || return 1
	sed "s|^\($(id -un):.*:\)[^:]*\$|\1$1|" /etc/passwd >passwd &&
	unshare -m sh -c "mount --make-rprivate / && mount --bind passwd /etc/passwd &&
		exec fleet start $FLEET_DIR 8" >env.out 2>env.err && . "$FLEET_DIR/env" &&
	test "$(perilune exec -F "$FLEET_SSH_CONFIG" -N -w 127.1.0.1 "echo \$SHELL")" = "$1"
}
unshare -m true 2>/dev/null && test_set_prereq UNSHARE

for shell in /bin/sh /bin/bash /bin/tcsh /usr/bin/fish; do
	[ -x $shell ] || { say "$shell is not installed"; continue; }
	test_expect_success UNSHARE "the same over SSH, with the login shell $shell" '
		fleet_with_shell $shell; status=$?
		{ test $status -eq 0 && tried "$FLEET_SSH_CONFIG"; } || status=1
		fleet_stop; return $status
	'
done

# ---- the command line ----

x() { timeout 20 perilune exec -t 1s "$@" >out 2>err; }

# options that take a string, each with strings that a shell would act on: nothing may come of it
cat >"strings" <<END
\$(touch $canary)
\`touch $canary\`
;touch $canary;
'; touch $canary; '
"; touch $canary; "
|touch $canary
&&touch $canary
>$canary
-oProxyCommand=touch\${IFS}$canary
-oProxyCommand=touch $canary
--
-
!touch
{a,touch}
*
~root
%h%p
END

fleet_start 2 || test_done

test_expect_success "hosts, users, folders, files: no string is read by a shell" '
	while IFS= read -r string; do
		x -F "$FLEET_SSH_CONFIG" -w "$string" true
		x -F "$FLEET_SSH_CONFIG" --transport openssh -w "$string" true
		x -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 -l "$string" true
		x -F "$FLEET_SSH_CONFIG" --transport openssh -w 127.1.0.1 -l "$string" true
		x -F "$string" -w 127.1.0.1 true
		x --transport local -w "$string" --outdir "out.$string" true
		x --transport local --script "$string" "$string"
		no_canary || return 1
	done <strings
'

test_expect_success "a name of a host is no option of ssh" '
	for name in -oProxyCommand=true -F/dev/null -- -V; do
		for how in ssh openssh; do
			printf "%s\n" "$name" >names &&
			timeout 20 perilune exec -t 1s --transport $how -w ^names true >out 2>err
			case $? in 2 | 3) ;; *) echo "$how $name: $?"; return 1 ;; esac
		done
	done
'

# Both ways of ssh put the names into the line of a ProxyCommand, which a shell reads.
named="true %h %n %r %p; exit 1"

test_expect_success "a user, a host, a jump host: no string is read by the shell of a ProxyCommand" '
	for how in ssh openssh; do
		{ echo "ProxyCommand $named" && cat "$FLEET_SSH_CONFIG"; } >proxy &&
		while IFS= read -r string; do
			x -F proxy --transport $how -w 127.1.0.1 -l "$string" true
			printf "%s\n" "$string" >names && x -F proxy --transport $how -w ^names true
			{ printf "Host jumped\n  ProxyJump %s\nHost other\n  ProxyJump 127.1.0.1,%s@h,%s\n" \
				"$string" "$string" "$string" && cat proxy; } >jump &&
			x -F jump --transport $how -w jumped,other true
			no_canary || { echo "$how: $string"; return 1; }
		done <strings || return 1
	done
'

test_expect_success "a user that ssh would refuse is refused, one that it takes is not" '
	for user in "\$(id)" "a;b" "a|b" "a -oProxyCommand=x" "-a" "a\\" "a\"b" "a\$HOME"; do
		expect_exit 3 x -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 -l "$user" true &&
		grep -F "is no user name: a shell could" err || return 1
	done &&
	for user in "DOM\\user" "a b" "a@b.c" "a-b" "a.b+c"; do
		expect_exit 3 x -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 -l "$user" true &&
		grep "^  auth (auth refused\|login refused\|refused" err || { cat err; return 1; }
	done
'

test_expect_success "words of --argv arrive, of scripts and from the command line" '
	printf "#!/bin/sh\nprintf \"%%s\\\\0\" \"\$@\"" >words.sh &&
	while IFS= read -r string; do
		printf "%s\0x y\0" "$string" >expected &&
		perilune exec -F "$FLEET_SSH_CONFIG" -N -w 127.1.0.1 --argv -- printf "%s\\0" "$string" "x y" >out &&
		test_cmp expected out &&
		perilune exec -F "$FLEET_SSH_CONFIG" -N -w 127.1.0.1 --script words.sh -- "$string" "x y" >out &&
		test_cmp expected out && no_canary || return 1
	done <strings
'

test_expect_success "so do lines, bytes that are no text, and nothing at all, to two interpreters" '
	printf "#!/usr/bin/env -S perl -w\nprint map { \"\$_\\0\" } @ARGV" >words.pl &&
	for script in words.sh words.pl; do
		for string in "a
touch $canary" "$(printf "\377\001\033[2J")" "" "-e print" "--" "\\"; do
			printf "%s\0x y\0" "$string" >expected &&
			for how in ssh openssh; do
				perilune exec -F "$FLEET_SSH_CONFIG" --transport $how -N -w 127.1.0.1 \
					--script $script -- "$string" "x y" >out && test_cmp expected out &&
				no_canary || return 1
			done
		done
	done
'

test_expect_success "the name of a run, its folder, what is recorded and listed of it" '
	printf "n\233\033[2J\n\$(touch $canary)" >odd && odd=$(cat odd) &&
	cat >odd.lua <<-END &&
	return require "perilune".recipe { name = "odd", options = { s = { type = "string" } },
	  run = function(t, o) t:note("%s", o.s); t.hosts:exec({ "printf", "%s", o.s }):must() end }
	END
	perilune exec -N --argv -- true "$odd" &&
	perilune run --name "$odd" --run-dir "$(pwd)/dir $odd" ./odd.lua --s "$odd" >out 2>err &&
	test -s "dir $odd/journal" && ! LC_ALL=C grep -a "$(printf "\033\[2J\|\233")" err && no_canary &&
	if command -v script >/dev/null; then
		SHELL=/bin/sh script -q -c "perilune runs list; perilune runs show last" screen >/dev/null &&
		grep "2J" screen && ! LC_ALL=C grep -a "$(printf "\033\[2J\|\233")" screen || return 1
	fi &&
	while IFS= read -r string; do
		perilune run --name "$string" --run-dir "$(pwd)/dir.$(printf "%s" "$string" | tr / _)" \
			./odd.lua --s "$string" >out 2>&1 && no_canary || { cat out; return 1; }
	done <strings
'

test_expect_success "copies come from the path that is named, to the path that is named" '
	mkdir "$scratch/get" && for how in ssh openssh; do
		while IFS= read -r string; do
			name=$(printf "%s" "$string" | tr / _) && echo "$string" >"$scratch/get/$name" &&
			dst=got.$how.$(printf "%s" "$name" | sed "s/%/%%/g") &&
			perilune pull -F "$FLEET_SSH_CONFIG" --transport $how -w 127.1.0.1 \
				"$scratch/get/$name" "$dst" 2>err &&
			test_cmp "$scratch/get/$name" "got.$how.$name" && no_canary ||
				{ echo "$how: $string"; cat err; return 1; }
		done <strings || return 1
	done
'

test_expect_success "copies go to the path that is named" '
	mkdir "$scratch/put" && echo content >source &&
	while IFS= read -r string; do
		name=$(printf "%s" "$string" | tr / _) &&
		dst=$(printf "%s" "$scratch/put/$name" | sed "s/%/%%/g") &&
		perilune push -F "$FLEET_SSH_CONFIG" -w 127.1.0.1 source "$dst" 2>err &&
		test_cmp source "$scratch/put/$name" && no_canary || return 1
	done <strings
'

test_done
