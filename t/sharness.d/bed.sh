# Loaded by sharness. A bed of hosts for tests: a network namespace with a real sshd for each host,
# and ways to break them. A test that wants it begins with
#
#	. "$PERILUNE_SRCDIR/t/bed/enter.sh"
#	. /usr/share/sharness/sharness.sh
#	bed_start
#
# and then plugs hosts in. Host h1 is 10.98.0.2, and so on; the test itself is 10.98.255.254.

# bed_start: an empty bed in the folder $BED, gone when the test ends; BED_CONFIG is for -F.
bed_start() {
	BED=/run/bed
	bed_world >bed.log 2>&1 && return
	cat bed.log >&2
	error "the bed could not be made"
}

# The network that hosts are plugged into, and files of the system as the test wants them.
bed_world() {
	mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs /run &&
	mkdir -p /run/sshd /run/netns "$BED" &&
	ip link set lo up && ip link add br0 type bridge && ip link set br0 up &&
	ip addr add 10.98.255.254/16 dev br0 &&
	printf '127.0.0.1 localhost\n10.98.255.254 %s\n' "$(hostname)" >"$BED/hosts" && : >"$BED/resolv.conf" &&
	mount --bind "$BED/hosts" /etc/hosts && mount --bind "$BED/resolv.conf" /etc/resolv.conf &&
	ssh-keygen -q -t ed25519 -N '' -C bed -f "$BED/host_key" &&
	ssh-keygen -q -t ed25519 -N '' -C bed -f "$BED/id" &&
	ssh-keygen -q -t ed25519 -N '' -C other -f "$BED/other_key" &&
	echo "h* $(cut -d' ' -f1,2 "$BED/host_key.pub")" >"$BED/known_hosts" &&
	bed_sshd_config && bed_ssh_config
}

bed_sshd_config() {
	cat >"$BED/sshd_config" <<-END
		HostKey $BED/host_key
		AuthorizedKeysFile $BED/id.pub
		StrictModes no
		UsePAM no
		UseDNS no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PrintMotd no
		PrintLastLog no
		LogLevel ERROR
		Subsystem sftp internal-sftp
		SetEnv SHLVL=5
	END
}

bed_ssh_config() {
	BED_CONFIG=$BED/ssh_config
	cat >"$BED_CONFIG" <<-END
		Host h*
		  User root
		  IdentityFile $BED/id
		  IdentitiesOnly yes
		  IdentityAgent none
		  UserKnownHostsFile $BED/known_hosts
		  GlobalKnownHostsFile /dev/null
		  StrictHostKeyChecking yes
		  BatchMode yes
		  LogLevel ERROR
	END
}

# host_up I: plugs host hI in, nothing runs on it.
host_up() {
	ip netns add "h$1" && ip link add "v$1" type veth peer name eth0 netns "h$1" &&
	ip link set "v$1" master br0 up && ip -n "h$1" link set lo up &&
	ip -n "h$1" addr add "10.98.$(($1 / 250)).$(($1 % 250 + 1))/16" dev eth0 &&
	ip -n "h$1" link set eth0 up &&
	ip -n "h$1" route add 10.97.0.0/16 via 10.98.255.254 &&
	echo "10.98.$(($1 / 250)).$(($1 % 250 + 1)) h$1" >>"$BED/hosts"
}

# leg_up I NET: plugs host hI into the inner network NET (1, 2) as well, where the test is not: it is
# 10.99..., 10.100... there.
leg_up() {
	ip link show "br$2" >/dev/null 2>&1 || { ip link add "br$2" type bridge && ip link set "br$2" up; } &&
	ip link add "v$1.$2" type veth peer name "eth$2" netns "h$1" &&
	ip link set "v$1.$2" master "br$2" up && ip -n "h$1" link set lo up &&
	ip -n "h$1" addr add "10.$(($2 + 98)).$(($1 / 250)).$(($1 % 250 + 1))/16" dev "eth$2" &&
	ip -n "h$1" link set "eth$2" up
}

# inner_up I NET: plugs host hI into that network alone.
inner_up() {
	ip netns add "h$1" && leg_up "$1" "$2" &&
	echo "10.$(($2 + 98)).$(($1 / 250)).$(($1 % 250 + 1)) h$1" >>"$BED/hosts"
}

# on I COMMAND...: in the network of host hI.
on() {
	bed_i=$1
	shift
	ip netns exec "h$bed_i" "$@"
}

# sshd_on I [OPTION...]: its sshd, with more options (-o ...), as the first process of a machine;
# the shell commands in BED_BEFORE come first, with files of their own where they mount any.
sshd_on() {
	bed_i=$1
	shift
	on "$bed_i" unshare -umpf --mount-proc --kill-child sh -c '
		hostname "$1" && shift && eval "$BED_BEFORE" && exec /usr/sbin/sshd -D "$@"' \
		sh "h$bed_i" -f "$BED/sshd_config" -E "$BED/log.$bed_i" -o PidFile=none "$@" </dev/null \
		>/dev/null 2>&1 &
}

# hosts_up FROM TO: whole hosts.
hosts_up() {
	for bed_n in $(seq "$1" "$2"); do
		host_up "$bed_n" && sshd_on "$bed_n" || return 1
	done
	for bed_n in $(seq "$1" "$2"); do
		wait_for listens "$bed_n" || return 1
	done
}

listens() { on "$1" sh -c 'grep -q ":0016 00000000:0000 0A" /proc/net/tcp'; }

# pids_on I: all processes of host hI, as seen from here.
pids_on() { ip netns pids "h$1"; }

# stop_host I, go_on_host I: every process there stands still, and goes on; one may just have ended.
stop_host() { pids_on "$1" | xargs kill -STOP 2>/dev/null || :; }
go_on_host() { pids_on "$1" | xargs kill -CONT 2>/dev/null || :; }

# kill_host I: every process there dies; its first takes others along, before we come to them.
kill_host() { pids_on "$1" | xargs kill -KILL 2>/dev/null || :; }

# filter I RULE: a rule of nft for what comes in to host hI, such as "tcp dport 22 drop".
filter() {
	on "$1" nft "table inet f { chain in { type filter hook input priority 0; $2; }; }"
}

unfilter() { on "$1" nft "delete table inet f"; }

# bad_server_on I HOW: instead of sshd; see t/bed/badserver.
bad_server_on() {
	on "$1" perl "$PERILUNE_SRCDIR/t/bed/badserver" "$2" </dev/null >/dev/null 2>&1 &
}

# dns_on I: a name server, which the test asks from then on; see t/bed/nameserver.
dns_on() {
	on "$1" perl "$PERILUNE_SRCDIR/t/bed/nameserver" "10.98.$(($1 / 250)).$(($1 % 250 + 1))" \
		</dev/null >/dev/null 2>&1 &
	echo "nameserver 10.98.$(($1 / 250)).$(($1 % 250 + 1))" >"$BED/resolv.conf"
}

# hold_on I: connects to port 22 there, says nothing, and stays.
hold_on() {
	perl -MIO::Socket::INET -e '
		my $held = IO::Socket::INET->new("$ARGV[0]:22") or die; <$held>; sleep' "$1" &
}

# bad_line_to I DELAY_MS LOSS_PERCENT: between host hI and the others lies a long, bad line.
bad_line_to() {
	ip link add "w$1" type veth peer name "x$1" && ip link set "v$1" nomaster up &&
	ip link set "w$1" up && ip link set "x$1" master br0 up || return 1
	# a frame must carry its own checksum, and be no longer than the line takes
	for bed_if in br0 "v$1" "w$1" "x$1"; do
		ethtool -K "$bed_if" tx off rx off tso off gso off gro off || return 1
	done
	on "$1" ethtool -K eth0 tx off rx off tso off gso off gro off || return 1
	"$PERILUNE_BUILDDIR/t/bed/delay" "v$1" "w$1" "$2" "$3" </dev/null >/dev/null 2>&1 &
}

# machine_of_four: own.lua, the machine that `map` is asked about.
machine_of_four() {
	cat >own.lua <<-EOF
	return { hosts = "h[1-4]", gpus_per_host = 2, topology = {
	  { name = "host", count = 2, bandwidth_gbyte_s = 450, link = "nvlink" },
	  { name = "fabric", count = 4, bandwidth_gbyte_s = 50, link = "infiniband" } } }
	EOF
}

# map FORMAT ARGUMENTS...: for four hosts of two GPUs, in an order that nobody would guess.
map() {
	format=$1
	shift
	perilune map --topo ./own.lua --for mpi --hosts h3,h1,h4,h2 --format "$format" "$@"
}
