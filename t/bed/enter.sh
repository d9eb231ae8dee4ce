# Read at the very beginning of a test: the test goes on in network, mount and process namespaces of
# its own, so that nothing of it gets out and whatever it leaves ends with it. Where that cannot be,
# it is skipped.

PATH="$PATH:/usr/sbin:/sbin"
export PATH

skip_bed() {
	echo "1..0 # SKIP $1"
	exit 0
}

if [ -z "$PERILUNE_BED" ]; then
	[ "$(id -u)" -eq 0 ] || skip_bed "network namespaces need root"
	for program in ip nft unshare sshd ssh-keygen perl; do
		command -v "$program" >/dev/null || skip_bed "$program is not installed"
	done
	unshare -nmpf --mount-proc ip link add br0 type bridge 2>/dev/null ||
		skip_bed "this machine allows no network namespaces"
	PERILUNE_BED=1
	export PERILUNE_BED
	exec unshare -nmpf --mount-proc --kill-child sh "$0" "$@"
fi
