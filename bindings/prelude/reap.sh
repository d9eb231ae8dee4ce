# reap.sh - what `perilune reap` sends to a host, on the standard input of
#
#	sh -s RUN list|end all|- GRACE [CALL...]
#
# With CALLs, only what these calls of the run have left counts.
#
# It looks for the processes of the user it runs as, through sudo also of who called it, that carry
# a tag of the run in their environment, and with `end` ends them: SIGTERM, SIGKILL after GRACE
# tenths of a second. One that was started to be left alone (PERILUNE_DETACH) is left alone, unless
# `all` is said.
#
# says	found|kept PID SECONDS TAG COMMAND	with tabs between
#	alive PID				it would not die
# and exits 1 when one would not. Needs sh, grep, sleep and tr; writes no file.
#
# Lists and fields are unquoted (SC2086), nothing is assigned by `name= ` (SC1007).
# shellcheck shell=sh disable=SC1007,SC2086
run=$1 what=$2 whose=$3 grace=$4
shift 4
tags="-e PERILUNE_TASK=$run- -e PERILUNE_TASK=$run."
[ $# -eq 0 ] || tags=
for call in "$@"; do tags="$tags -e PERILUNE_TASK=$run-$call."; done
LC_ALL=C
exec 2>/dev/null
z=lszF
printf x | grep -qsz x || z=lsF

# The files $2... that have the word $1.
having() {
	word=$1
	shift
	[ $# -eq 0 ] || grep -$z -e "$word" "$@"
}

# The files $@ that have a tag of the run: RUN-CALL.HOST.TASK.ATTEMPT.
tagged() {
	[ $# -eq 0 ] || grep -$z $tags "$@"
}

uid_of() {
	uid=
	while read -r name l uid rest; do
		[ "$name" = Uid: ] && return
	done <"/proc/$1/status"
	uid=
}

# State and start of process $1; a name may hold anything.
start_of() {
	s=
	while read -r l; do s=$l; done <"/proc/$1/stat"
	set -- ${s##*) }
	state=$1 start=${20}
}

# The tagged of our user that are not told of yet or still there, as PID:START, into $found. A pid
# counts when its environment has the tag before and after its start was read.
look() {
	files= starts=" " found=
	for f in $(tagged /proc/[0-9]*/environ); do
		p=${f#/proc/} p=${p%/*}
		uid_of "$p"
		start_of "$p"
		case " $mine " in *" $uid "*) ;; *) continue ;; esac
		case $state in "" | Z | X) continue ;; esac
		files="$files $f" starts="$starts$p:$start "
	done
	for f in $(tagged $files); do
		p=${f#/proc/} p=${p%/*}
		start_of "$p"
		case "$starts" in *" $p:$start "*) found="$found $p:$start" ;; esac
	done
}

age_of() {
	read -r up l </proc/uptime
	age=$((${up%.*} - ${1#*:} / 100))
	[ "$age" -ge 0 ] || age=0
}

# The tag in the environment of $1; without NULs its end is the digit of the attempt and, where a
# session ends it, the session's name.
tag_of() {
	tag=$(tr "\000" "\n" <"/proc/$1/environ" | grep "^PERILUNE_TASK=")
	tag=${tag#*=}
	tag=${tag%%:*}
}

tell() {
	for e in $found; do
		case " $told" in *" $e "*) continue ;; esac
		p=${e%%:*} word=found
		[ "$whose" = all ] || [ -z "$(having PERILUNE_DETACH= "/proc/$p/environ")" ] || word=kept
		[ $word = found ] || kept="$kept$e "
		told="$told$e "
		age_of "$e"
		tag_of "$p"
		shown=$(tr "\000" " " <"/proc/$p/cmdline" | tr -c "\040-\176" "?")
		printf "%s\t%s\t%s\t%s\t%s\n" $word "$p" "$age" "$tag" "${shown% }"
	done
}

# Signal $1 to those found who are still who they were and are not kept.
send() {
	count=0
	for e in $found; do
		case " $kept" in *" $e "*) continue ;; esac
		start_of "${e%%:*}"
		[ "$start" = "${e#*:}" ] || continue
		count=$((count + 1))
		case " $sent" in *" $1:$e "*) continue ;; esac
		sent="$sent$1:$e "
		kill "-$1" "${e%%:*}"
		kill -CONT "${e%%:*}"
	done
}

uid_of self
mine="$uid $SUDO_UID" told= kept= sent= empty=0 killed=0 begun=0
[ -n "$uid" ] || exit 2
if [ "$what" = list ]; then
	look
	tell
	exit 0
fi
read -r up l </proc/uptime
begun=${up%.*}
# amid an exec a process shows no environment: only three looks in a row are believed
while [ $empty -lt 3 ]; do
	look
	tell
	read -r up l </proc/uptime
	if [ $((${up%.*} - begun)) -ge $((grace / 10)) ]; then
		killed=$((killed + 1))
		send KILL
	else
		send TERM
	fi
	if [ $count -gt 0 ]; then empty=0; else empty=$((empty + 1)); fi
	[ $killed -lt 12 ] || break
	sleep 0.1 || sleep 1
done
[ $count -gt 0 ] || exit 0
for e in $found; do
	case " $kept" in *" $e "*) ;; *) printf "alive\t%s\n" "${e%%:*}" ;; esac
done
exit 1
