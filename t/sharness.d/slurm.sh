# Loaded by sharness. Slurm on a bed of hosts (bed.sh): a munged and a slurmctld of the test's own,
# and a slurmd in each host's namespace, under the host's name, so that what breaks a host breaks it
# for Slurm too. A test that wants it begins as one of the bed does, and then
#
#	slurm_missing && test_done
#	bed_start
#	slurm_start 4
#
# srun, sbatch, scontrol find it through SLURM_CONF; wrap them in timeout: srun of a host that stands
# still waits for ever. All of it is gone when the test ends, with its process namespace.

# slurm_missing: true where Slurm is not installed; then the test is a skipped one that says so.
slurm_missing() {
	for slurm_program in munged slurmctld slurmd srun; do
		command -v "$slurm_program" >/dev/null || {
			skip_all="$slurm_program is not installed"
			return 0
		}
	done
	return 1
}

# slurm_start N [GPUS]: hosts h1 to hN, of 8 cores and GPUS (4) GPUs each, idle in partition p; every
# four of them share a leaf switch.
slurm_start() {
	slurm_world "$1" "${2:-4}" >slurm.log 2>&1 && return
	cat slurm.log "$BED"/slurm/log.* >&2
	error "Slurm could not be started"
}

slurm_world() {
	SLURM=$BED/slurm SLURM_CONF=$BED/slurm/slurm.conf
	export SLURM_CONF
	mkdir -p "$SLURM/state" "$SLURM/spool" "$SLURM/dev" && slurm_files "$1" "$2" &&
	slurm_munge || return 1
	for slurm_i in $(seq 1 "$1"); do
		host_up "$slurm_i" || return 1
	done
	slurmctld || return 1
	for slurm_i in $(seq 1 "$1"); do
		slurmd_on "$slurm_i"
	done
	wait_for slurm_idle "$1"
}

# slurmd_on I: the slurmd of host hI, as the first process of a machine of that name. It wants to see
# control groups, though nothing is done with them.
slurmd_on() {
	on "$1" unshare -umpf --mount-proc --kill-child sh -c '
		mount -t tmpfs cgroup /sys/fs/cgroup && hostname "$1" && exec slurmd -D -N "$1"' \
		sh "h$1" </dev/null >/dev/null 2>&1 &
}

slurm_idle() { [ "$(timeout 10 sinfo -h -t idle -o %D)" = "$1" ]; }

slurm_munge() {
	head -c 32 /dev/urandom >"$SLURM/key" && chmod 600 "$SLURM/key" &&
	munged --force --key-file="$SLURM/key" --socket="$SLURM/munge" --pid-file="$SLURM/pid" \
		--log-file="$SLURM/log.munged" --seed-file="$SLURM/seed" --num-threads=2
}

slurm_files() {
	slurm_gpu=0
	while [ "$slurm_gpu" -lt "$2" ]; do
		mknod "$SLURM/dev/gpu$slurm_gpu" c 1 3 || return 1
		slurm_gpu=$((slurm_gpu + 1))
	done
	echo "NodeName=h[1-$1] Name=gpu File=$SLURM/dev/gpu[0-$(($2 - 1))]" >"$SLURM/gres.conf" &&
	slurm_topology "$1" >"$SLURM/topology.conf" &&
	echo "CgroupPlugin=cgroup/v1" >"$SLURM/cgroup.conf" &&
	cat >"$SLURM_CONF" <<-END
		ClusterName=bed
		SlurmctldHost=$(hostname)(10.98.255.254)
		SlurmUser=root
		SlurmdUser=root
		AuthType=auth/munge
		AuthInfo=socket=$SLURM/munge
		CredType=cred/munge
		StateSaveLocation=$SLURM/state
		SlurmdSpoolDir=$SLURM/spool/%n
		SlurmctldPidFile=$SLURM/slurmctld.pid
		SlurmdPidFile=$SLURM/slurmd-%n.pid
		SlurmctldLogFile=$SLURM/log.slurmctld
		SlurmdLogFile=$SLURM/log.%n
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SwitchType=switch/none
		MpiDefault=none
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		SchedulerType=sched/backfill
		SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
		TopologyPlugin=topology/tree
		SlurmdParameters=config_overrides
		ReturnToService=2
		PlugStackConfig=/dev/null
		MailProg=/bin/true
		KillWait=3
		InactiveLimit=0
		GresTypes=gpu
		NodeName=h[1-$1] CPUs=8 Boards=1 SocketsPerBoard=2 CoresPerSocket=4 RealMemory=1000 Gres=gpu:$2
		PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
	END
}

slurm_topology() {
	slurm_leaves=$((($1 + 3) / 4))
	for slurm_i in $(seq 1 "$slurm_leaves"); do
		slurm_last=$((slurm_i * 4 < $1 ? slurm_i * 4 : $1))
		echo "SwitchName=leaf$slurm_i Nodes=h[$((slurm_i * 4 - 3))-$slurm_last]"
	done
	echo "SwitchName=spine Switches=leaf[1-$slurm_leaves]"
}
