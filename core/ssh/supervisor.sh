# supervisor.sh - runs on a host beside the commands of one SSH session, watches what they leave
# behind, and ends it: when asked, when the session ends, when nothing is heard any more. It comes
# in two parts: supervisor_first.sh, which reads the lines and tells the ticks, and this one, its
# first line, which knows more.
#
# reads	.			we are there; said every 5 s
#	bye			no command runs any more: the session is about to end
#	end TAG SIGNO GRACE	the signal to everything of that task, SIGKILL after GRACE/10 s
#	signal TAG SIGNO	the signal, once
#	start TAG WHAT		a command begins: one line for the system log, where AUDIT was given
# says	hello 1, ended TAG STATUS, signalled TAG STATUS (0 done, 1 some would not die, 3 nobody),
#	orphaned		nothing was heard for four ticks
#
# Ours are: what carries TAG:TOKEN in its environment, what descends from the sshd of this session
# (noted at every tick as pid:start:sid:tag, so that one who leaves his parent or his environment
# later is still known), who shares a session id with one of these, who is in our cgroup. One who
# carries a tag without TOKEN right below sshd is to survive us, with all below him.
#
# As in the first part, and what shellcheck may not say: every byte travels.
# shellcheck shell=sh disable=SC1007,SC2015,SC2034,SC2086,SC2154,SC2217,SC2295
z= closing= group= known=" " watch=watch ticks=0
[ -e /proc/$$/task/$$/children ] || slow=${slow:-12}

# state, ppid, sid and start of a process; empty when there is none. Its name may hold anything.
stat() {
	s=
	while read -r l; do s=$l; done </proc/${1:-0}/stat
	set -- ${s##*) }
	state=$1 ppid=$2 sid=$4 start=${20}
}

# The children of $1 that its first thread started, with $2 = "*" those of every thread.
kids() {
	kids=
	for f in /proc/$1/task/${2:-$1}/children; do
		k=
		read -r k <$f
		kids="$kids $k"
	done
	[ -z "$slow" ] || pids "$(grep -ls "^PPid:.$1$" /proc/[0-9]*/status)"
}

# /proc/PID/... to PID
pids() {
	kids=
	for f in $1; do
		f=${f#/proc/}
		kids="$kids ${f%%/*}"
	done
}

# A file in which NULs end the words, without them.
words() {
	text=
	while IFS= read -r l || [ -n "$l" ]; do text=$text$l; done <$1
}

# The tag of a child of sshd: it has it in its environment, or is a login shell about to set it.
# Empty when there is none (yet), for one that survives us, and for a supervisor. Amid an exec a
# process shows nothing: where that would make it ours, it is given time.
tag() {
	tag=
	words /proc/$1/environ
	while [ -z "$text" ] && [ ${waits:-0} -gt 0 ]; do
		waits=$((waits - 1))
		nap 0.03
		words /proc/$1/environ
	done
	case $text in *PERILUNE_TASK=*) ;; *) words /proc/$1/cmdline ;; esac
	case $text in
	*PERILUNE_TASK=*:$token*) tag=${text#*PERILUNE_TASK=} tag=${tag%%:$token*} ;;
	*PERILUNE_TASK=* | *PERILUNE_SUPERVISOR=*) ;;
	*) tag=$closing ;;
	esac
}

# Notes process $2, found among the children of the noted $1; a pid that has changed hands is not.
meet() {
	p=${1%%:*}
	stat $p
	case $1 in $p:$start:*) ;; *) return ;; esac
	tag=${1#*:*:*:}
	stat $2
	case $1:$state in "$top":Z) return ;; "$top":*) tag $2 ;; esac
	[ -n "$tag" ] && [ "$ppid" = $p ] && next="$next$2:$start:$sid:$tag "
}

# Forgets who is gone and notes who came, from sshd down. Forks nothing.
walk() {
	level="$top $known" known=" " all=" $level"
	while [ -n "$level" ]; do
		next=
		for e in $level; do
			p=${e%%:*}
			kids $p "$1"
			if [ "$e" = "$top" ]; then :
			elif [ -n "${kids# }" ] || [ -d /proc/$p ]; then known="$known$e "
			else continue
			fi
			for c in $kids; do
				case " $own:$all" in *" $c:"*) ;; *) meet $e $c ;; esac
			done
		done
		level=$next all="$all$next"
	done
}

# Those below sshd who were born before it was there; twice, as some may just be born.
gather() {
	for l in 1 2; do
		walk "*"
		for e in $known; do echo ${e%%:*} >"$group/cgroup.procs"; done
	done
}

# As root: what is born below this sshd from now on is in a cgroup of ours, whatever it does to its
# parents, its session and its environment. Where this does not work nothing is changed.
enclose() {
	[ -n "$top" ] || return
	while IFS=: read -r l kind path; do
		set -- /sys/fs/cgroup
		case $l:$kind in
		0:) set -- "$1$path" "$1/unified$path" ;;
		*:name=systemd) set -- "$1/systemd$path" ;;
		*) continue ;;
		esac
		for d in "$@"; do
			[ -w "$d/cgroup.procs" ] && mkdir "$d/perilune-$token" || continue
			group=$d/perilune-$token
			echo $sshd >"$group/cgroup.procs" && gather && return
			release
		done
	done </proc/$sshd/cgroup
}

# Who is in it, into $kids.
inside() {
	kids=
	while read -r k; do kids="$kids $k"; done <"$group/cgroup.procs"
}

release() {
	inside
	for p in $kids; do echo $p >"${group%/*}/cgroup.procs"; done
	rmdir "$group"
	group=
}

# Adds who is in the cgroup; unless one is there who survives us, as all who shed their tag could
# be children of his.
look_inside() {
	inside
	for p in $kids; do
		stat $p
		case $p:$state in $sshd:* | *: | *:Z | *:X) continue ;; esac
		tag $p
		[ -n "$tag" ] || return
	done
	for p in $kids; do
		stat $p
		[ $p = $sshd ] || add $p
	done
}

# Adds $1 (whose start was just read) to the found, and its session to those to look for.
add() {
	case $found in *" $1:"*) return ;; esac
	case $state in "" | Z | X) return ;; esac
	found="$found$1:$start "
	case "$sids|$alien|" in *"|$sid|"*) ;; *) sids="$sids|$sid" ;; esac
}

# Everything of tag $1, with "-" everything of the session, as pid:start, into $found.
look() {
	found=" " sids=
	[ -z "$closing" ] || waits=3
	[ -n "$z" ] || { z=lszF; printf x | grep -qsz x || z=lsF; }
	walk "*"
	for e in $known; do
		case $1 in - | "${e#*:*:*:}") ;; *) continue ;; esac
		p=${e%%:*}
		stat $p
		case $e in $p:$start:*) add $p ;; esac
	done
	mark=PERILUNE_TASK=$1:$token
	[ "$1" = - ] && mark=:$token
	# twice: one whose start was read in between is the one that has the mark
	pids "$(grep -$z -e "$mark" /proc/[0-9]*/environ)"
	some= starts=" "
	for p in $kids; do
		stat $p
		starts="$starts$p:$start " some="$some /proc/$p/environ"
	done
	[ -z "$some" ] || pids "$(grep -$z -e "$mark" $some)"
	for p in $kids; do
		stat $p
		case $starts in *" $p:$start "*) add $p ;; esac
	done
	[ "$1" = - ] && [ -n "$group" ] && look_inside
	[ -n "$sids" ] || return
	pids "$(grep -lsE "[)] [A-Z] [0-9]+ [0-9]+ (${sids#|}) " /proc/[0-9]*/stat)"
	for p in $kids; do
		stat $p
		case "$sids|" in *"|$sid|"*) add $p ;; esac
	done
}

# Time since boot in tenths of a second.
clock() {
	read -r up l </proc/uptime
	l=${up#*.}
	clock=$((${up%.*} * 10 + ${l%?}))
}

nap() {
	sleep $1 </dev/null >/dev/null || sleep 1 </dev/null >/dev/null
}

# Signal $1 to the found that are still who they were and have not been told it yet.
tell() {
	for e in $found; do
		stat ${e%%:*}
		case $told in *" $1:$e "*) continue ;; esac
		[ "$start" = "${e#*:}" ] || continue
		told="$told$1:$e "
		kill -$1 ${e%%:*}
		[ "$2" = only ] || kill -CONT ${e%%:*}
	done
}

# Ends all of tag $1: signal $2, SIGKILL after $3 tenths. Amid an exec a process shows no marks, so
# that nobody is there is believed when it was seen three times.
finish() {
	status=3 empty=0 killed=0 told=" "
	clock
	begun=$clock
	while [ $empty -lt $need ]; do
		look $1
		clock
		if [ "$found" = " " ]; then
			empty=$((empty + 1))
			[ $empty -lt $need ] && nap 0.03
			continue
		fi
		status=0 empty=0 need=3
		if [ $clock -lt $((begun + $3)) ]; then tell $2
		else
			[ $killed -lt 12 ] || return 1
			killed=$((killed + 1))
			tell 9
		fi
		nap 0.05
	done
	return $status
}

once() {
	look $1
	told=" "
	tell $2 only
	[ "$told" = " " ] && return 3
	return 0
}

# The end of the session: of all that is ours, then of what is us.
over() {
	trap "" USR1 TERM
	kids $$
	for p in $kids; do
		kids $p
		kill -9 $p $kids
	done
	closing=-
	finish - 15 $grace
	[ -z "$group" ] || release
	exit 0
}

watch() {
	ticks=$((ticks + 1))
	[ $((ticks % ${slow:-1})) -gt 0 ] || walk
}

# One line of input.
obey() {
	set -f
	set -- $line
	set +f
	case $1 in
	bye) need=1 ;;
	end) { finish $2 $3 $4; echo "ended $2 $?"; } & ;;
	signal) { once $2 $3; echo "signalled $2 $?"; } & ;;
	# no child of ours: a start is told even when the session ends at once
	start) [ -z "$audit" ] || (logger -t perilune -- "$audit $line" </dev/null >/dev/null &) ;;
	esac
}

# The sshd of our session started us, or sudo in between; own is what it started.
own=$$ sshd=$PPID
for l in 1 2 3; do
	name=
	read -r name </proc/$sshd/comm
	case $name in sudo | su | doas) ;; *) break ;; esac
	stat $sshd
	own=$sshd sshd=${ppid:-0}
done
stat $$
alien=$sid
stat $sshd
alien="$alien|$sid" top=
# the first process has taken us in, as ours is gone: what is below it is of all sessions
[ $sshd = 1 ] && name=
case $name in *sshd* | dropbear*) top="$sshd:$start:$sid:" ;; esac

enclose
walk
echo "hello 1"
