/* copy_script.c - see copy_script.h */
#include "transport/copy_script.h"

#include <stdio.h>

#include "base/mem.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)

#define FAIL "no() { printf \"%s\\n\" \"$1\" >&2; exit 1; }; "

/* sum FILE: $s becomes its SHA-256, - where nothing can make it. */
#define SUM                                                                                        \
	"sum() { for c in sha256sum \"shasum -a 256\" \"openssl dgst -sha256 -r\" "                \
	"\"busybox sha256sum\"; do s=$($c <\"$1\" 2>/dev/null) || continue; s=${s%% *}; "          \
	"[ ${#s} -ne 64 ] || return 0; done; s=-; }; "

/* Where it goes: $d; the folder of that: $b; the temporary name: $p; what is left behind: $q. */
#define PLACE                                                                                      \
	"d=$1; if [ -d \"$d\" ]; then d=${d%/}/$2; "                                               \
	"elif [ \"$3\" = 1 ]; then no \"$d: no such folder\"; fi; "                                \
	"case $d in */*) b=${d%/*}/;; *) b=;; esac; "                                              \
	"[ -z \"$b\" ] || [ -d \"$b\" ] || no \"$b: no such folder\"; "                             \
	"p=$b.perilune-$key.$4.part; q=$b.perilune-$key.part; "

/* Whatever happens, nothing of ours stays but what can be gone on with. */
#define LEAVE                                                                                      \
	"keep=; leave() { x=$?; trap \"\" 1 2 13 15; if [ -e \"$p\" ]; then "                      \
	"[ -z \"$keep\" ] || [ -e \"$q\" ] || mv -f -- \"$p\" \"$q\"; "                            \
	"chmod -R u+rwx -- \"$p\" 2>/dev/null; rm -rf -- \"$p\"; fi; exit $x; }; "                 \
	"trap leave 0; trap \"exit 1\" 1 2 13 15; umask 077; "

/* Only what is ours is taken over: in /tmp others could have put it there. */
#define TAKE_OVER                                                                                  \
	"take() { [ \"$ask\" = 1 ] || return 1; [ -h \"$q\" ] && return 1; "                       \
	"[ -O \"$q\" ] && mv -f -- \"$q\" \"$p\" 2>/dev/null; }; "                                 \
	"[ \"$size\" -lt " STRING(COPY_KEEP) " ] || keep=1; "

#define COPY_TIME "[ \"$mtime\" = - ] || touch -d \"@$mtime\" -- \"$p\" || exit 1; "

#define PUT_FILE                                                                                   \
	"file() { [ -d \"$d\" ] && no \"$d: is a directory\"; have=0; "                            \
	"if take && [ -f \"$p\" ]; then have=$(($(wc -c <\"$p\"))); "                              \
	"else e=$( (set -C; : >\"$p\") 2>&1) || no \"$d: cannot be written: ${e##*: }\"; fi; "     \
	"[ $have -le $size ] || { : >\"$p\"; have=0; }; "                                          \
	"[ \"$ask\" -ne 1 ] || echo \"HAVE $have\"; "                                              \
	"cat >>\"$p\" || { keep=; exit 1; }; have=$(($(wc -c <\"$p\"))); "                         \
	"[ $have -eq $size ] || no \"$d: $have of $size bytes came\"; keep=; "                     \
	"sum \"$p\"; case $s in \"$sum\") ;; -) echo UNCHECKED;; "                                 \
	"*) no \"$d: what came is not what was sent (its checksum differs): not put in place\";; " \
	"esac; chmod \"$mode\" \"$p\" || exit 1; " COPY_TIME "mv -f -- \"$p\" \"$d\" || exit 1; }; "

/* GNU tar reads on when the disk is full; an archive that came to its end was not cut. */
#define PUT_TREE_BYTES                                                                             \
	"command -v tar >/dev/null || no \"tar is not there: folders cannot be copied\"; "         \
	"have=0; take && [ -d \"$p/t\" ] && have=$(($(find \"$p/t//.\" | grep -c //))); "          \
	"[ -d \"$p\" ] || e=$(mkdir \"$p\" 2>&1) || no \"$d: cannot be written: ${e##*: }\"; "      \
	"[ \"$ask\" -ne 1 ] || echo \"HAVE $have\"; "                                              \
	"case $mtime in -) m=m;; *) m=;; esac; "                                                   \
	"tar -xpo${m}f - -C \"$p\" || { [ -e \"$p/sums\" ] && keep=; exit 1; }; "                  \
	"[ -e \"$p/sums\" ] || no \"$d: not all of it came\"; keep=; "

#define CHECK_TREE                                                                                 \
	"if [ -s \"$p/sums\" ]; then c=; for i in sha256sum \"shasum -a 256\" "                    \
	"\"busybox sha256sum\"; do $i </dev/null >/dev/null 2>&1 && { c=$i; break; }; done; "      \
	"if [ -z \"$c\" ]; then echo UNCHECKED; else s=$(cd \"$p/t\" && $c -c ../sums 2>&1) || "   \
	"no \"$d: what came is not what was sent (checksums differ): not put in place\"; fi; fi; "

/* Into a folder that is there: each entry takes its place, folders are gone into. */
#define MERGE                                                                                      \
	"case $d in /*) D=$d;; *) D=$PWD/$d;; esac; B=\"{}\"; export D B; "                       \
	"W=\"for f; do t=\\$D/\\$f; g=; if [ -h \\\"\\$f\\\" ]; then :; "                          \
	"elif [ -d \\\"\\$f\\\" ]; then g=1; fi; if [ -d \\\"\\$t\\\" ]; then "                    \
	"if [ \\\"\\$g\\\" ]; then "                                                               \
	"find \\\"\\$f/.\\\" ! -name . -prune -exec sh -c \\\"\\$W\\\" sh \\$B + || exit 1; "       \
	"continue; fi; if [ -h \\\"\\$t\\\" ]; then rm -f -- \\\"\\$t\\\"; else "                  \
	"echo \\\"\\$t: is a directory\\\" >&2; exit 1; fi; fi; "                                  \
	"mv -f -- \\\"\\$f\\\" \\\"\\$t\\\" || exit 1; done\"; export W; "                         \
	"(cd \"$p/t\" && find . ! -name . -prune -exec sh -c \"$W\" sh {} +) || exit 1; "

#define PUT_TREE                                                                                   \
	"tree() { " PUT_TREE_BYTES CHECK_TREE                                                      \
	"if [ -d \"$d\" ]; then " MERGE "else mv -- \"$p/t\" \"$d\" || exit 1; fi; "               \
	"[ -e \"$p/modes\" ] || return 0; tar -xpo${m}f \"$p/modes\" -C \"$d\"; }; "

/* $1 target, $2 name in it, $3 1 when it must be a folder, $4 tag */
static const char PUT[] =
	FAIL SUM "read -r k size mode sum key mtime ask || exit 1; "
	PLACE LEAVE TAKE_OVER PUT_FILE PUT_TREE
	"case $k in f) file;; d) tree;; *) exit 1;; esac";

#define GET_FILE                                                                                   \
	"file() { exec 3<\"$1\" || exit 1; "                                                       \
	"a=$(stat -L -c \"%a %s %Y\" -- \"$1\" 2>/dev/null || stat -L -f \"%Lp %z %m\" \"$1\") "   \
	"|| exit 1; echo \"f $a\"; a=${a#* }; from=0; "                                            \
	"[ \"${a%% *}\" -lt " STRING(COPY_KEEP) " ] || read -r from || exit 1; "                   \
	"if [ \"$from\" = 0 ]; then cat <&3; else tail -c +$((from + 1)) <&3; fi || exit 1; "      \
	"sum \"$1\"; echo \"$s\"; }; "

/* say WHAT FILE...: says what comes, and how much that is on the disk; waits when it is much. A
 * name with a newline in it must not be taken for a number. */
#define SAY_SIZE                                                                                   \
	"say() { w=$1; shift; k=$(du -sk -- \"$@\" 2>/dev/null | "                                 \
	"sed -n \"s/^\\([0-9][0-9]*\\)[^0-9].*/\\1/p\" | "                                         \
	"{ k=0; while read -r n; do k=$((k + n)); done; echo $k; }); echo \"$w ${k:-0}\"; "        \
	"[ \"${k:-0}\" -lt " STRING(COPY_WAITS_KB) " ] || read -r from || exit 1; }; "

#define GET_MANY                                                                                   \
	"many() { say m \"$@\"; x=0; for f; do f=${f%/}; case $f in */*) D=${f%/*}/;; *) D=.;; esac; "   \
	"(cd -- \"$D\" && exec tar -cf - \"./${f##*/}\") || x=1; done; exit $x; }; "

/* $1 name or pattern */
static const char GET[] =
	FAIL SUM GET_FILE SAY_SIZE GET_MANY
	"n=$1; w=; "
	"if [ -e \"$n\" ] || [ -h \"$n\" ]; then :; else case $n in *[*?[]*) w=1; IFS=; set -- $n; "
	"IFS=\" \";; esac; fi; "
	"[ -e \"$1\" ] || [ -h \"$1\" ] || no \"$n: No such file or directory\"; "
	"if [ -z \"$w\" ] && [ -f \"$1\" ]; then file \"$1\"; exit; fi; "
	"command -v tar >/dev/null || no \"tar is not there: folders cannot be copied\"; "
	"[ -z \"$w\" ] || many \"$@\"; "
	"[ -d \"$1\" ] || no \"$1: not a file or folder\"; "
	"cd -- \"$1\" && say d . && exec tar -cf - .";

/* A path that begins with '-' is no option. */
static char *plain_path(const char *path)
{
	return xasprintf("%s%s", *path == '-' ? "./" : "", path);
}

/* Room for `n` words after the script's own. */
static char **begin_words(const char *script, size_t n)
{
	char **argv = xcalloc(4 + n + 1, sizeof(*argv));

	argv[0] = xstrdup("sh");
	argv[1] = xstrdup("-c");
	argv[2] = xstrdup(script);
	argv[3] = xstrdup("sh");
	return argv;
}

char **copy_script_put(const char *dst, const char *name, bool must_be_folder, const char *tag)
{
	char **argv = begin_words(PUT, 4);

	argv[4] = plain_path(dst);
	argv[5] = xstrdup(name);
	argv[6] = xstrdup(must_be_folder ? "1" : "0");
	argv[7] = xstrdup(tag);
	return argv;
}

char **copy_script_get(const char *src)
{
	char **argv = begin_words(GET, 1);

	argv[4] = plain_path(src);
	return argv;
}

uint64_t copy_script_size(const char *line)
{
	unsigned long long size;
	char kind;

	if (sscanf(line, "f %*o %llu", &size) == 1)
		return size;
	if (sscanf(line, "%c %llu", &kind, &size) == 2 && size < UINT64_MAX / 1024)
		return size * 1024;
	return 0;
}
