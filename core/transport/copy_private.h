/* copy_private.h - a copy's insides, shared by copy.c, copy_put.c and copy_get.c. */
#ifndef PL_TRANSPORT_COPY_PRIVATE_H
#define PL_TRANSPORT_COPY_PRIVATE_H

#include "transport/copy.h"
#include "transport/copy_target.h"

enum copy_state {
	COPY_WAITING,
	COPY_ASKING,
	COPY_MOVING,
	COPY_ENDING, /* the command has ended; what is left to do is done on the pool */
	COPY_OVER,
};

/* What the pool does for a get. */
enum copy_job { COPY_JOB_NONE, COPY_JOB_BEGIN, COPY_JOB_ADD, COPY_JOB_END };

struct copy {
	struct loop *loop;
	struct copy_sources *sources;
	struct task *task;
	const struct copy_io *io;
	void *arg;
	char **argv;
	enum copy_state state;
	bool started;		/* the command runs */
	bool gone;		/* destroyed; freed when the pool is done with it */
	bool sized;		/* the transport knows how much is to be moved */
	struct pl_error error;	/* what went wrong here */
	struct task_result result;
	struct strbuf words;	/* what the command complains */
	struct strbuf line;	/* of its answers, until the newline */
	uint64_t bytes, total;	/* moved, and told to the count as what is to be moved */
	bool unchecked;

	/* put */
	struct copy_reader *reader;
	uint64_t position, end;	/* of what is being sent */
	uint64_t then;		/* and what is to be sent next; UINT64_MAX: nothing */
	bool room;		/* the transport has taken all that it was given */

	/* get */
	struct copy_target *target;
	enum copy_job job;	/* under way */
	struct strbuf arrived, given; /* bytes: waiting, and with the pool */
	bool paused, asks;
	uint64_t from;		/* so much is here from an earlier attempt */
	struct pl_error job_error;
};

/* So many bytes more were moved. */
void copy_count_done(struct copy *c, uint64_t bytes);
void copy_count_total(struct copy *c, uint64_t bytes); /* are to be moved; once */
void copy_fail(struct copy *c, const struct pl_error *why); /* the first reason stays */

/* copy_put.c */
void copy_put_create(struct copy *c);
void copy_put_go_on(struct copy *c);
void copy_put_answer(struct copy *c, const char *line);

/* copy_get.c */
void copy_get_create(struct copy *c);
void copy_get_output(struct copy *c, const char *bytes, size_t len);
void copy_get_end(struct copy *c);

/* copy.c: the end is known. */
void copy_finish(struct copy *c);
void copy_free(struct copy *c);

#endif
