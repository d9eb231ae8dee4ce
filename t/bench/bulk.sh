#!/bin/sh
# bulk.sh   Large outputs: 1 MB from each of many hosts, every byte checked, and one large stream
# from one host; CPU and peak memory of the client.
#
# BENCH_HOSTS (200; the mark is for 1,000) and BENCH_MB (256; the mark is for 1,024).
set -eu
. "$PERILUNE_SRCDIR/t/bench/bench.sh"
n=${BENCH_HOSTS:-200}
mb=${BENCH_MB:-256}
bench_fleet_start "$n"

report() {
	awk -v what="$1" '{ printf "%s: %.2f s CPU, %.1f MB peak, exit %s, %s\n", what, $1 / 1000, $3 / 1024, $4, $5 }'
}

# what every host writes, different for each
one_mb='set -- $SSH_CONNECTION; yes "$3 0123456789abcdefghijklmnopqrstuvwxyz" | head -c 1048576'

outputs() {
	"$cost" "$perilune" exec -q -f 64 -F "$FLEET_SSH_CONFIG" -w "^$FLEET_HOSTS" \
		--outdir "$dir/out" "$one_mb" 2>"$dir/errors" | tail -n 1
}
wrong_outputs() {
	while read -r host; do
		yes "$host 0123456789abcdefghijklmnopqrstuvwxyz" | head -c 1048576 |
			cmp -s - "$dir/out/$host.out" || echo "$host"
	done <"$FLEET_HOSTS" | wc -l
}

line=$(outputs)
echo "$line $(wrong_outputs) wrong" | report "$n hosts x 1 MB"

head -n 1 "$FLEET_HOSTS" >"$dir/one"
line=$("$cost" "$perilune" exec -q -F "$FLEET_SSH_CONFIG" -w "^$dir/one" --outdir "$dir/big" \
	"head -c ${mb}M /dev/zero" 2>>"$dir/errors" | tail -n 1)
echo "$line $(stat -c %s "$dir"/big/*.out)_bytes" | report "1 host x $mb MB"
