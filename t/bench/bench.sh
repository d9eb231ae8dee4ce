# shellcheck shell=sh
# bench.sh - sourced by the benchmarks: where things are, a scratch folder that is a world of its own
# and goes away, and a private loopback fleet.

: "${PERILUNE_BUILDDIR:?run it with make bench}" "${PERILUNE_SRCDIR:?run it with make bench}"
perilune=$PERILUNE_BUILDDIR/perilune
cost=$PERILUNE_BUILDDIR/t/bench/cost
rounds=${BENCH_ROUNDS:-3}
dir=$(mktemp -d)
trap 'bench_fleet stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export HOME="$dir" XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/config"

bench_fleet() { "$PERILUNE_SRCDIR/scripts/dev/fleet" "$1" "$dir/fleet" ${2+"$2"}; }

# bench_fleet_start N: sets FLEET_HOSTS, FLEET_SSH_CONFIG and the rest of the fleet's env.
bench_fleet_start() {
	bench_fleet start "$1" >/dev/null
	. "$dir/fleet/env"
}

# run_mark OPTION...: the bare mark on the fleet's n hosts, with `hostname`.
run_mark() {
	FLEET_HOSTKEY=$FLEET_DIR/host_ed25519.pub "$cost" "$PERILUNE_MARK" -f "$FLEET_HOSTS" -n "$n" \
		-w 64 -p "$FLEET_PORT" -i "$FLEET_DIR/id_ed25519" -a 1 -k curve25519-sha256 \
		-e aes128-ctr -m hmac-sha2-256 -c hostname "$@"
}
