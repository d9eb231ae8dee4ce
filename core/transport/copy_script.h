/*
 * copy_script.h - the two commands that copy files at the other end, and what they say to us.
 * POSIX sh, without newlines (csh has no quote for them) and without '!' before a word; what else
 * they use is in GNU, busybox and BSD systems: cat tail wc chmod mv find, tar for folders, and one
 * of sha256sum, shasum, openssl, busybox.
 *
 * put: we send one line
 *	f SIZE MODE SUM KEY MTIME ASK		a file of SIZE bytes
 *	d SIZE MODE - KEY MTIME ASK		an archive (archive.h)
 * and, unless ASK is 1, the bytes. With ASK the answer "HAVE n" comes first: of a file so many
 * bytes are there from an earlier attempt, of an archive the tree has so many entries; we send what
 * follows byte n, or entry n - 1, which may not be whole. MTIME is - or seconds. "UNCHECKED" comes
 * where the sum could not be made.
 *
 * What comes lies in DIR/.perilune-KEY.TAG.part, in the folder of its target, until it is whole and
 * its sum is right. When the connection breaks or the copy is cancelled, and COPY_KEEP bytes are
 * exceeded, it is left behind as DIR/.perilune-KEY.part: whoever copies the same next, takes it
 * over.
 *
 * get: the answer begins with one line,
 *	f MODE SIZE MTIME	a file. From COPY_KEEP bytes on we say first from which byte on; then
 *				come the bytes, and "SUM\n" of the whole file, "-" when there is none
 *	d KB			an archive of what is in the folder, of near KB KiB
 *	m KB			archives, one after the other, of what a pattern matched
 * From COPY_WAITS_KB on these wait for a line from us too.
 */
#ifndef PL_TRANSPORT_COPY_SCRIPT_H
#define PL_TRANSPORT_COPY_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#define COPY_KEEP 1048576 /* bytes */
#define COPY_WAITS_KB 8192

/*
 * The words of the command that puts `name` at `dst`, or into it when it is a folder there;
 * must_be_folder: it has to be one. NULL-terminated; each word, and the array, to be freed.
 */
char **copy_script_put(const char *dst, const char *name, bool must_be_folder, const char *tag);

/* Of the command that sends `src`: a name, or when nothing has that name, a pattern. */
char **copy_script_get(const char *src);

/* Near so many bytes there are, by the first line of its answer; 0 when that is nonsense. */
uint64_t copy_script_size(const char *line);

#endif
