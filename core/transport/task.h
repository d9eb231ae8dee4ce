/*
 * task.h - one thing to do on one host, and how it ended. The words that every floor shares.
 */
#ifndef PL_TRANSPORT_TASK_H
#define PL_TRANSPORT_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* How a host ended. Names as printed: outcome_name(). */
enum outcome {
	OUTCOME_NONE, /* not ended yet */
	OUTCOME_OK,
	OUTCOME_EXIT,	     /* the command exited nonzero: code */
	OUTCOME_SIGNAL,	     /* the command died by a signal: signal */
	OUTCOME_TIMEOUT,     /* it ran longer than allowed */
	OUTCOME_IDLE,	     /* it wrote nothing for longer than allowed */
	OUTCOME_UNREACHABLE, /* resolve, connect, banner, kex, open failed */
	OUTCOME_AUTH,	     /* the login was refused */
	OUTCOME_HOSTKEY,     /* the host's key is unknown, changed or revoked */
	OUTCOME_LOST,	     /* the connection went away after the command had begun */
	OUTCOME_CANCELED,    /* somebody asked */
	OUTCOMES
};

/* Where a transport failure happened. */
enum phase {
	PHASE_NONE,
	PHASE_RESOLVE,
	PHASE_CONNECT,
	PHASE_BANNER,
	PHASE_KEX,
	PHASE_HOSTKEY,
	PHASE_AUTH,
	PHASE_OPEN,
	PHASE_EXEC,
	PHASE_STREAM,
	PHASES
};

const char *outcome_name(enum outcome o); /* "ok", "exit", ... */
const char *phase_name(enum phase p);	  /* "resolve", ...; PHASE_NONE is "" */
enum outcome outcome_parse(const char *name); /* OUTCOME_NONE when unknown */
enum phase phase_parse(const char *name);     /* PHASE_NONE when unknown */

enum stream { STREAM_OUT = 1, STREAM_ERR = 2 };

enum task_kind {
	TASK_EXEC, /* run a command */
	TASK_PUT,  /* copy a local file or folder there */
	TASK_GET,  /* copy a file or folder from there */
};

/* Bytes of all copies of a command. */
struct copy_count {
	uint64_t done, total; /* total: as far as known */
	size_t copies;	      /* of which they are known */
};

/*
 * What to do. Shared by many tasks, owned by whoever made it, unchanged and alive until the last
 * of them is done.
 */
struct command {
	enum task_kind kind;
	/* TASK_EXEC: exactly one of these two */
	const char *line;	 /* for the login shell there, as ssh does */
	const char *const *argv; /* exact words, NULL-terminated */
	const char *const *env;	 /* NULL-terminated "NAME=value" added there, or NULL */
	const char *cwd;	 /* directory there, or NULL for the login's */
	bool stdin_open;	 /* task_write() will feed it; else /dev/null */
	bool merge;		 /* stderr into stdout, there */
	bool sudo;		 /* as root there, through sudo */
	bool survive;		 /* runs on when the connection ends: its output is spooled there */
	bool detach;		 /* started, then neither followed nor ended */
	/* TASK_PUT, TASK_GET: see copy.h. Where it goes, "%h" is the host and "%%" a '%'; a folder that
	 * is there gets it under its own name. */
	const char *local_path;
	const char *remote_path; /* relative to the login directory, or absolute. Of a get: a name,
				  * or when nothing has that name, a pattern */
	int mode;		 /* permission bits of a file's copy; -1: those of the source */
	bool into_folder;	 /* where it goes must be a folder */
	bool name_host;		 /* TASK_GET: ".HOST" follows the name of what goes into a folder */
	bool keep_times;	 /* the copy has the times of the source */
	struct copy_count *count; /* kept up to date; NULL: nobody wants to know */
};

/* How a task was that does not run now: what a transport adds that answers from a record. */
struct task_past {
	int64_t seconds_us;
	unsigned attempts;
	uint64_t out_total, err_total;	 /* bytes that came then; now it may be only the first */
	const char *out_path, *err_path; /* the whole stream, where it did not fit; or NULL */
};

struct task_result {
	enum outcome outcome;
	enum phase phase; /* of a transport failure, else PHASE_NONE */
	bool begun;	  /* the first byte of the exec request was written: never run it again */
	bool other_way;	  /* this transport lacks what the host asks for; the system's ssh may not */
	int code;	  /* exit code with OUTCOME_OK (0) and OUTCOME_EXIT */
	char signal[16];  /* "TERM" with OUTCOME_SIGNAL, without SIG */
	uint64_t bytes;	  /* TASK_PUT, TASK_GET: moved */
	/*
	 * One sentence for a person, "" with OUTCOME_OK, and the same words for the same reason:
	 * hosts with equal reasons are told together, and the host's name stands in front already.
	 * So no name or address of the host here, no fingerprint, nothing that is its alone:
	 * that is the `detail`, which is told where a host fails alone.
	 */
	char why[400];
	char detail[200]; /* "10.0.0.7 port 22"; "" when there is nothing to add */
	const struct task_past *past; /* NULL: it was now */
};

/* Appends ,"outcome":...,"phase":...,"code":...,"signal":...,"why":...,"detail":... as JSON,
 * what applies: how a task ended as `--json` and the journal say it. */
void task_result_json(struct strbuf *out, const struct task_result *r);

struct task;

/* All fire from the loop, on the loop's thread; see transport.h for what is promised. */
struct task_events {
	void (*on_phase)(struct task *task, enum phase phase); /* entered; may be NULL */
	void (*on_start)(struct task *task);		       /* the command runs; may be NULL */
	/* bytes as they came, valid during the call */
	void (*on_output)(struct task *task, enum stream stream, const void *bytes, size_t len);
	void (*on_drain)(struct task *task); /* all of task_write() was taken; may be NULL */
	void (*on_moved)(struct task *task); /* some bytes of a copy; may be NULL */
	/* result is valid during the call; the task may be freed in here */
	void (*on_done)(struct task *task, const struct task_result *result);
};

/* Owned by the caller of transport_start, alive and in place until on_done. */
struct task {
	const char *host; /* as the user named it */
	unsigned index;	  /* which of several tasks on that host (local rank), from 0 */
	/* names run, host, task and attempt, unique on earth; there in the environment as
	 * PERILUNE_TASK, where a transport may add a ':' and more. Letters, digits, '.', '_',
	 * '-' only. */
	const char *tag;
	const struct command *command;
	const struct task_events *events;
	void *owner; /* the caller's */
	void *impl;  /* the transport's; NULL before start and after on_done */
};

#endif
