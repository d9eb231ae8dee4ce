#!/bin/sh
# --audit: the supervisor tells the host's system log of each start. The log is a real socket, in a
# /dev of this test's own, of which a listener writes down what comes.
test_description="each start in the host's system log"
. "$PERILUNE_SRCDIR/t/bed/enter.sh"
. /usr/share/sharness/sharness.sh

skip_all_without sshd ssh-keygen logger perl

# A /dev with a log; as others see it nothing changes.
own_dev() {
	mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/sshd /run/dev &&
	for node in null zero full random urandom tty ptmx; do
		[ ! -e /dev/$node ] || { : >/run/dev/$node && mount --bind /dev/$node /run/dev/$node; } ||
			return 1
	done
	for folder in pts shm; do
		mkdir /run/dev/$folder && mount --rbind /dev/$folder /run/dev/$folder || return 1
	done
	ln -s /proc/self/fd /run/dev/fd && mount --rbind /run/dev /dev && ip link set lo up
}
listen() {
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "/dev/log") or die;
		open my $log, ">>", $ARGV[0] or die; $log->autoflush;
		while (defined $s->recv(my $line, 65536)) { print $log "$line\n" }' "$1" &
	wait_for test -S /dev/log
}

own_dev || { skip_all="no /dev of its own is to be had here"; test_done; }
log=$(pwd)/log
: >"$log" && listen "$log" && fleet_start 2 || test_done
who="$(id -un)@$(uname -n)"
x() { verb=$1; shift; perilune "$verb" -F "$FLEET_SSH_CONFIG" -w "127.1.0.[1-2]" "$@"; }
told() { grep -F "perilune: $who start " "$log" | grep -c "$1"; }
told_n() { [ "$(told "$2")" -eq "$1" ]; }

test_expect_success "a start is one line on each host: who, from where, what" '
	x exec --audit "echo hello" && wait_for told_n 2 " 2[-0-9a-f]*-1\\.127\\.1\\.0\\.[12]\\.[01]\\.1 echo hello$"
'

test_expect_success "nothing is told that was not asked for" '
	x exec "echo silent" && x exec --audit "echo last" && wait_for told_n 2 "echo last" &&
	! grep silent "$log"
'

test_expect_success "a command is one line of bounded length, whatever it holds" '
	x exec --audit "echo a;
		printf \"x\\033[2Jy\" $(seq -s " " 1 2000)" >/dev/null && wait_for told_n 2 "echo a;^J" &&
	! grep "^	" "$log" && [ "$(wc -L <"$log")" -lt 1024 ] && grep "\\.\\.\\.$" "$log"
'

# Each behind a comment sign, for the login shell; with other signs for what a terminal would obey.
cat >"strings" <<END
\$(touch $(pwd)/canary) \`touch $(pwd)/canary\`
'; touch $(pwd)/canary; "; touch $(pwd)/canary
end 2026-1.h.0.1 9 0
-- -t other -f /etc/passwd %s %n \\ \n * ? [a-z] {a,b} ~ !! \$HOME
perilune: $who start forged
END
told_exactly() { [ "$(grep -cF -e " true # $1" "$log")" -eq 2 ] && [ "$(grep -cF -e "$1" "$log")" -eq 2 ]; }

test_expect_success "whatever words are told is one line as it stands, and obeyed by nobody" '
	while IFS= read -r string; do
		x exec --audit "true # $string" 2>err && wait_for told_exactly "$string" || return 1
	done <strings && [ ! -e canary ] &&
	x exec --audit "true # a$(printf "\n: # start x forged\r\033]0;t\a\302\233\233\342\200\256")z" &&
	wait_for told_exactly "a^J: # start x forged^M^[]0;t^G\\xc2\\x9b\\x9b\\u202ez" && ! grep "^start" "$log"
'

test_expect_success "neither its standard input nor its environment is told" '
	cat >secret.lua <<-\END &&
	local pl = require "perilune"
	return pl.recipe { name = "secret", summary = "Has one.", run = function(t)
	  t.hosts:exec("cat >/dev/null; echo \"$S\" >/dev/null", { env = { S = "hidden1" }, stdin = "hidden2" }):must()
	end }
	END
	x run --audit ./secret.lua && wait_for told_n 2 "cat >/dev/null" && ! grep hidden "$log"
'

test_expect_success "copies are told too, and what outlives its connection" '
	echo >file && x push --audit file "$FLEET_DIR/there" && wait_for told_n 2 "push to $FLEET_DIR/there" &&
	x pull --audit "$FLEET_DIR/there" . && wait_for told_n 2 "pull of $FLEET_DIR/there" &&
	cat >apart.lua <<-\END &&
	local pl = require "perilune"
	return pl.recipe { name = "apart", summary = "Outlives.", run = function(t)
	  t.hosts:exec("echo outlives", { detach = true }):must()
	end }
	END
	x run --audit ./apart.lua && wait_for told_n 2 " echo outlives$"
'

test_expect_success "an administrator can ask for it, against --no-supervisor too" '
	mkdir -p etc/perilune && cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache etc/ &&
	echo "return { limits = { audit = true, max_auth_fail = 1, connect_rate = 50 } }" \
		>etc/perilune/config.lua &&
	unshare -m sh -c "mount --bind etc /etc && exec \"\$@\"" sh perilune exec \
		-F "$FLEET_SSH_CONFIG" -w "127.1.0.[1-2]" --no-supervisor "echo asked" 2>err &&
	wait_for told_n 2 "echo asked" &&
	grep "the supervisor is asked for by /etc/perilune/config.lua" err
'

test_expect_success "--audit without a supervisor makes no sense" '
	expect_exit 2 x exec --audit --no-supervisor true 2>err && grep "needs the supervisor" err
'

test_done
