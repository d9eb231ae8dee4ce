/*
 * controller.h - who conducts a run: the file `controller` in its folder, at most one process.
 *
 * The file's first line is a JSON object: "host", "machine" (of the boot and the namespace of its
 * pids), "pid", "start" (of the process, as in /proc/PID/stat), "since" (seconds since 1970) and
 * "token", which no other has; then comes a '.' for each beat, one in CONTROLLER_BEAT_US. It is
 * made whole under another name and linked, or renamed, to its own; only appended to afterwards;
 * taken away when the controller ends. Whoever takes over renames a file of its own over it: the
 * one before sees that at its next beat, or when it asks (controller_check).
 *
 * A controller on this machine is known to be alive or dead. Of one elsewhere only its beats can
 * be watched: they count up, whatever the clocks say.
 */
#ifndef PL_STORE_CONTROLLER_H
#define PL_STORE_CONTROLLER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CONTROLLER_BEAT_US (5 * 1000000)

/* What a controller is woken with: harmless to a process that does not know it, and one that was
 * stopped goes on. */
#define CONTROLLER_POKE SIGCONT

enum controller_state {
	CONTROLLER_NONE,      /* nobody: it has ended, or there never was one */
	CONTROLLER_ALIVE,     /* a process of this machine, which runs */
	CONTROLLER_DEAD,      /* one of this machine, which does not: it was killed, or the machine */
	CONTROLLER_ELSEWHERE, /* on another machine, or out of sight in another container */
};

struct controller_info {
	enum controller_state state;
	char host[256];
	int64_t pid;
	double since;	  /* seconds since 1970, by its clock */
	uint64_t beats;	  /* so many times it has said that it lives */
	double silent_s;  /* since the last of them, by this machine's clock; 0 and more */
	char token[40];	  /* its own */
};

struct controller;

/* "alive", "dead", "elsewhere"; "none". */
const char *controller_state_name(enum controller_state s);

/* Who conducts the run in this folder. A file that cannot be read is an error (PL_ESYS), one that
 * is not there is CONTROLLER_NONE. */
int controller_read(const char *run_dir, struct controller_info *info, struct pl_error *err);

/* Sends CONTROLLER_POKE to the controller when it is a process of this machine that lives, as its
 * host, pid and start say; else does nothing. */
void controller_poke(const char *run_dir);

/*
 * Becomes the controller. PL_EBUSY, with who it is and what to do, while another one lives or is
 * elsewhere; `takeover` takes its place all the same.
 */
struct controller *controller_take(const char *run_dir, bool takeover, struct pl_error *err);

/* Says that it lives. */
void controller_beat(struct controller *c);

/* PL_EBUSY once another has taken over. One stat(). */
int controller_check(struct controller *c, struct pl_error *err);

/* Ends it and takes the file away, when it is still ours. NULL is a no-op. */
void controller_release(struct controller *c);

#endif
