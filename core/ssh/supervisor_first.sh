# supervisor_first.sh - the beginning of supervisor.sh, which says what it is for: as much as a
# session needs that is over within a second. It travels with every session; the rest follows as a
# line of its input, where there is more to do.
#
#	exec env PERILUNE_SUPERVISOR=TOKEN sh -c TEXT perilune TOKEN [AUDIT [TICK [GRACE [SLOW]]]]
#
# with	AUDIT: what lines for the system log begin with; TICK in seconds (5); GRACE in tenths from
#	SIGTERM to SIGKILL at the end of the session (20); SLOW: look every that many ticks (12
#	where there are no lists of children)
# reads	.		we are there; said every 5 s
#	bye		no command runs any more: the session is about to end
#	(any other)	the rest, obeyed by this shell
# says	orphaned	nothing was heard for four ticks
#
# As long as it is alone, ours are: what carries :TOKEN in its environment, what has one of these
# above it or is in his session.
#
# Written for dash, bash and busybox; needs grep and sleep, writes no file. It travels as one line
# that every login shell must read alike: no single quote, backslash or exclamation mark outside
# comments; a line ends with a semicolon's meaning unless it ends with do, then, else, { or ;;
#
# What shellcheck may not say, as every byte travels: that words are not quoted which are pids,
# hex digits or lists (SC2086, SC2295), that nothing is assigned by `name= ` (SC1007), that a failed
# mkdir goes on as a failed test does (SC2015), that a name is only used in the other part (SC2034);
# and sleep is to hold no stdin (SC2217).
# shellcheck shell=sh disable=SC1007,SC2015,SC2034,SC2086,SC2217,SC2295
exec 2>/dev/null
# otherwise bash reads on when a tick comes, and dash would end of an option it does not know
command set -o posix
LC_ALL=C
token=$1 audit=$2 tick=${3:-5} grace=${4:-20} slow=$5 need=3 watch= quiet=0 line=

# Who is ours, into $found. A login shell that is about to set its tag has it among its words.
look() {
	found= any=
	new=$(grep -ls "[:]$token" /proc/[0-9]*/environ)
	[ $need = 1 ] || new="$new $(grep -ls "[:]$token" /proc/[0-9]*/cmdline)"
	while :; do
		for p in $new; do
			p=${p#/proc/} p=${p%%/*}
			case " $$ $found " in *" $p "*) ;; *) found="$found $p" ;; esac
		done
		set -- $found
		[ "$any" = "$*" ] && return
		any=$* IFS="|"
		new="($*)"
		unset IFS
		new=$(grep -lsE "[)] . ($new |[0-9]+ [0-9]+ $new )" /proc/[0-9]*/stat)
	done
}

# The end of the session: of what ticks, of all that is ours, then of what is us. Amid an exec a
# process shows no marks: unless all is known to be over, that nobody is there is believed when it
# was seen thrice.
over() {
	trap "" USR1 TERM
	exec </dev/null >/dev/null
	read -r k </proc/$$/task/$$/children
	for p in $k; do
		read -r k </proc/$p/task/$p/children
		kill -9 $p $k
	done
	n=0
	while look; [ -n "$found" ] || [ $need -gt 1 ]; do
		if [ -z "$found" ]; then need=$((need - 1))
		elif [ $n -eq 0 ]; then kill -15 $found; kill -CONT $found
		elif [ $n -gt $((grace + 12)) ]; then exit
		elif [ $n -ge $grace ]; then kill -9 $found
		fi
		n=$((n + 1))
		sleep 0.1 || { sleep 1; n=$((n + 9)); }
	done
	exit
}

# A tick without a word from the other side; four are too many. $watch: what else is done then.
tick() {
	ticked=1 quiet=$((quiet + 1))
	[ $quiet -lt 4 ] || { echo orphaned; over; }
	$watch
}

# One line of input.
obey() {
	case $line in
	.) ;;
	bye) need=1 ;;
	*) eval "$line" ;;
	esac
}

trap "" HUP INT QUIT PIPE
trap tick USR1
trap over TERM
# what ticks while we wait for a line holds nothing of ours, and stops when we are gone
{
	while sleep $tick; do
		read -r l </proc/self/stat
		case $l in *") "?" $$ "*) kill -USR1 $$ ;; *) exit ;; esac
	done
} </dev/null >/dev/null &
while :; do
	got= ticked=
	IFS= read -r got
	case $?:$ticked in
	0:*) line=$line$got quiet=0; obey; line= ;;
	*:1) line=$line$got ;;
	*) over ;;
	esac
done
