/*
 * copy.h - a copy to or from one host, whatever the transport: a command there (copy_script.h),
 * what goes into its stdin and what becomes of its stdout. Files and folders are read and written
 * on the pool; near 400 kB are held.
 *
 *	put: WAITING (for the command to run, and for the source to be known) -> ASKING (what is
 *	     there already) -> MOVING -> OVER
 *	get: WAITING -> ASKING (where it goes here, what is here already) -> MOVING -> ENDING -> OVER
 *
 * Resumed copies, checksums: copy_script.h, copy_target.h. One folder put on many hosts is walked
 * and summed once, while the first connections are made: copy_source.h.
 */
#ifndef PL_TRANSPORT_COPY_H
#define PL_TRANSPORT_COPY_H

#include "transport/copy_source.h"
#include "transport/task.h"

struct copy;

/* What a transport does for a copy. None of them may call the copy back from inside. */
struct copy_io {
	void (*write)(void *arg, const void *bytes, size_t len); /* to its stdin; copied */
	void (*close_stdin)(void *arg);
	void (*pause)(void *arg, bool on); /* its output */
	/*
	 * May be NULL. Near so many bytes are to be moved. Of a put it comes once, in a turn after
	 * copy_create and before it needs the command, which can be begun because of it. Of a get it
	 * comes when the command has said so, before anything is moved: true gives this command up,
	 * and the copy is to be destroyed, and made anew, in a later turn.
	 */
	bool (*on_size)(void *arg, uint64_t bytes);
	/* What still comes from the command is not wanted: end it; copy_end follows, in a later
	 * turn. */
	void (*give_up)(void *arg);
	void (*on_end)(void *arg, const struct task_result *result); /* last, after copy_end */
};

/* `task` is a put or a get and outlives the copy. */
struct copy *copy_create(struct copy_sources *sources, struct loop *loop, struct task *task,
			 const struct copy_io *io, void *arg);

/* The words to run there, with stdin open; alive as long as the copy. */
const char *const *copy_argv(const struct copy *c);

void copy_started(struct copy *c); /* the command runs */
void copy_drained(struct copy *c); /* all that was written has been taken */
void copy_output(struct copy *c, enum stream stream, const void *bytes, size_t len);

/* The command has ended like this. on_end follows, at once or in a later turn, with what it came
 * to. */
void copy_end(struct copy *c, const struct task_result *result);

/* At any time: no call comes any more. NULL is a no-op. */
void copy_destroy(struct copy *c);

/* "%h" in `path` becomes the host (a '/' in its name '_'), "%%" a '%'. To be freed. */
char *copy_expand(const char *path, const char *host);

#endif
