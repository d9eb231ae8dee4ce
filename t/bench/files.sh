#!/bin/sh
# files.sh   Copies: CPU of the client, the processes of ssh included, against the system's own sftp
# (its cipher, and the one that we ask it for) with the same file; and a small file to many hosts.
#
# BENCH_MB (256) and BENCH_HOSTS (200). We make SHA-256 sums of what we copy, sftp none.
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"
n=${BENCH_HOSTS:-200}
mb=${BENCH_MB:-256}
four="127.1.0.[1-4]"
bench_fleet_start "$n"
head -c "${mb}M" /dev/urandom >"$dir/big"
head -c 1024 /dev/urandom >"$dir/small"
mkdir "$dir/back"
while read -r host; do mkdir -p "$dir/there/$host"; done <"$FLEET_HOSTS"

p() {
	verb=$1
	shift
	"$cost" "$perilune" "$verb" -q -F "$FLEET_SSH_CONFIG" "$@" 2>"$dir/errors"
}
sftp_of() { # TIMES COMMAND [OPTION]...
	times=$1
	echo "$2" >"$dir/batch"
	shift 2
	for i in $(seq "$times"); do
		"$cost" sftp -q -F "$FLEET_SSH_CONFIG" -b "$dir/batch" "$@" "127.1.0.$i"
	done | awk '{ ms += $1; bad += $4 } END { print ms, 0, 0, bad }'
}

# The least of some rounds: "CPU_MS STATUS".
least() {
	for _ in $(seq "$rounds"); do "$@"; done |
		awk '{ if (NR == 1 || $1 < ms) ms = $1; bad += $4 } END { print ms, bad }'
}
# compare WHAT OURS THEIRS THEIRS_GCM
compare() {
	echo "$2 $3 $4" | awk -v what="$1" '{ printf "%s: %.2f s, sftp %.2f s, sftp -c aes128-gcm %.2f s: ratio %.2f, %.2f; failed %d\n",
		what, $1 / 1000, $3 / 1000, $5 / 1000, $1 / $3, $1 / $5, $2 + $4 + $6 }'
}
gcm=aes128-gcm@openssh.com

put="put $dir/big $dir/there/sftp" get="get $dir/there/sftp $dir/back/sftp"
compare "push $mb MB to 1 host" "$(least p push -w 127.1.0.1 "$dir/big" "$dir/there/%h/big")" \
	"$(least sftp_of 1 "$put")" "$(least sftp_of 1 "$put" -c $gcm)"
compare "push $mb MB to 4 hosts" "$(least p push -w "$four" "$dir/big" "$dir/there/%h/big")" \
	"$(least sftp_of 4 "$put")" "$(least sftp_of 4 "$put" -c $gcm)"
compare "pull $mb MB from 1 host" \
	"$(least p pull -w 127.1.0.1 "$dir/there/127.1.0.1/big" "$dir/back/big")" \
	"$(least sftp_of 1 "$get")" "$(least sftp_of 1 "$get" -c $gcm)"
cmp "$dir/big" "$dir/back/big" && cmp "$dir/big" "$dir/there/127.1.0.4/big"

least p push -w "^$FLEET_HOSTS" -f 64 "$dir/small" "$dir/there/%h/small" |
	awk -v n="$n" '{ printf "push 1 kB to %d hosts: %.2f ms of CPU for each; failed %d\n", n, $1 / n, $2 }'
least p pull -w "^$FLEET_HOSTS" -f 64 "$dir/there/127.1.0.1/small" "$dir/back/" |
	awk -v n="$n" '{ printf "pull 1 kB from %d hosts: %.2f ms of CPU for each; failed %d\n", n, $1 / n, $2 }'
