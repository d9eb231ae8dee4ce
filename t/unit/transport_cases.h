/*
 * transport_cases.h - the promises of core/transport/transport.h as test cases that every
 * transport passes.
 *
 * A transport's test describes how to make one and calls run_transport_cases():
 *
 *	static const struct transport_under_test ssh = {
 *		.name = "ssh", .time = LOOP_REAL, .shell = true, .create = create_ssh,
 *		.host = loopback_host,
 *	};
 *	int main(void) { return start_sshd() ? run_transport_cases(&ssh) : skip_all("no sshd"); }
 *
 * What a transport cannot do by its caps is skipped; without `shell` the cases of
 * transport_shell_cases.c are left out.
 */
#ifndef PL_T_TRANSPORT_CASES_H
#define PL_T_TRANSPORT_CASES_H

#include "unit.h"

#include "base/strbuf.h"
#include "loop/loop.h"
#include "transport/transport.h"

struct transport_under_test {
	const char *name;
	enum loop_time time;
	bool shell;	/* commands reach a real shell on this machine */
	void *arg;	/* for the test that made it */
	struct transport *(*create)(struct loop *loop, void *arg);
	/* Writes the name of host i (0, 1, ...). NULL: "node0", ... */
	void (*host)(char *name, size_t size, unsigned i, void *arg);
};

/* Runs all cases as one cmocka group; returns the exit status of main. */
int run_transport_cases(const struct transport_under_test *tut);

/* Says why nothing can be tested here, in TAP; returns the exit status of main. */
int skip_all_transport_cases(const char *why);

/* ---- for the files of cases: each runs on a stage of its own ---- */

extern const struct CMUnitTest transport_shell_cases[];
extern const size_t transport_shell_cases_n;

int open_transport_stage(void **state);
int close_transport_stage(void **state);

#define TRANSPORT_CASE(f)                                                                          \
	cmocka_unit_test_setup_teardown(f, open_transport_stage, close_transport_stage)

/* ---- the plain commands of the cases, and what must come of them ---- */

struct plain_case {
	const char *line;
	bool merge;
	enum outcome outcome;
	int code;
	const char *signal; /* NULL: "" */
	const char *out, *err;
	size_t out_len; /* where out holds NULs; 0: its strlen */
};

/* The expectation for a line, NULL when unknown: for a responder of the sim transport. */
const struct plain_case *plain_case_find(const char *line);

/* Lines that never end, and that write what much_output() adds to a buffer. */
#define LINE_ENDLESS "sleep 300"
#define LINE_MUCH "seq 1 1500000" /* 10 MB */
void much_output(struct strbuf *out);

/* ---- for tests of one transport that want the same tools ---- */

/* A loop with one transport on it. */
struct stage {
	const struct transport_under_test *tut;
	struct loop *loop;
	struct transport *tp;
	struct loop_timer watchdog;
	bool late;  /* the watchdog barked */
	int inside; /* > 0 while a call into the transport runs */
};

void stage_open(struct stage *st, const struct transport_under_test *tut);
void stage_close(struct stage *st);

/* One task and all that was told of it. */
struct probe {
	struct task task;
	struct command command;
	struct stage *st;
	char host[64], tag[64];
	struct strbuf out, err;
	struct task_result result;
	int phases, starts, chunks, drains, dones;
	bool paused;
	const char *broken; /* the promise that was broken, NULL when none was */
	/* called at the end of each callback, may be NULL */
	void (*on_start)(struct probe *p);
	void (*on_output)(struct probe *p);
	void (*on_drain)(struct probe *p);
	void (*on_done)(struct probe *p);
};

/* A probe for host i; fill probe.command, then probe_start. */
void probe_init(struct probe *p, struct stage *st, unsigned i);
void probe_line(struct probe *p, struct stage *st, unsigned i, const char *line);
void probe_fini(struct probe *p);

/* These assert that no callback fires inside the call. */
void probe_start(struct probe *p);
void probe_cancel(struct probe *p);
void probe_write(struct probe *p, const void *bytes, size_t len);
void probe_close_stdin(struct probe *p);
void probe_pause(struct probe *p);
void probe_resume(struct probe *p);

/* Turns until the probe is done (or *flag is true); fails the test when that never happens. */
void probe_wait(struct probe *p);
void stage_wait_for(struct stage *st, const bool *flag);

/* Asserts that all promises held and the task ended so. */
void probe_ended(const struct probe *p, enum outcome outcome);

/* probe_line, start, wait. */
void probe_run(struct probe *p, struct stage *st, const char *line);

#endif
