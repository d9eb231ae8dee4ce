/*
 * sim_fleet.h - a simulated fleet on virtual time for tests: what a host does is in its name.
 *
 *	ok exit sig down auth flaky drop hang slow	as they say; each takes a second
 *	big	3 MiB of lines		say	"hello"		name	its own name
 */
#ifndef PL_T_SIM_FLEET_H
#define PL_T_SIM_FLEET_H

#include "base/mem.h"
#include "run/run.h"
#include "transport/sim.h"

#define SECOND 1000000

struct fleet {
	struct loop *loop;
	struct transport *tp;
	char *big; /* 3 MiB of lines */
	bool shorter; /* big2 says a byte less */
};

#define BIG (3 * 1024 * 1024)

static inline bool is(const struct sim_query *q, const char *kind)
{
	return strncmp(q->host, kind, strlen(kind)) == 0;
}

static inline void answer(void *arg, struct sim_query *q)
{
	struct fleet *f = arg;
	struct sim_reply r = { .seconds_us = SECOND };

	if (is(q, "exit"))
		r.code = 3;
	else if (is(q, "sig"))
		r.signal = "KILL";
	else if (is(q, "down"))
		r = (struct sim_reply){ .refuse = OUTCOME_UNREACHABLE, .phase = PHASE_CONNECT };
	else if (is(q, "auth"))
		r = (struct sim_reply){ .refuse = OUTCOME_AUTH, .phase = PHASE_AUTH };
	else if (is(q, "flaky") && q->task != NULL && strcmp(strrchr(q->task->tag, '.'), ".1") == 0)
		r = (struct sim_reply){ .refuse = OUTCOME_UNREACHABLE, .phase = PHASE_BANNER };
	else if (is(q, "drop"))
		r.drop = true;
	else if (is(q, "hang"))
		r.hang = true;
	else if (is(q, "slow"))
		r.seconds_us = 100 * SECOND;
	else if (is(q, "big"))
		r.out = f->big, r.out_len = BIG - (f->shorter && q->host[3] == '2');
	else if (is(q, "name"))
		r.out = q->host, r.out_len = strlen(q->host);
	else if (is(q, "say"))
		r.out = "hello\n", r.out_len = 6;
	sim_answer(q, &r);
}

static inline void fleet_open(struct fleet *f)
{
	*f = (struct fleet){ .loop = loop_create(LOOP_VIRTUAL, NULL) };
	f->tp = sim_create(f->loop, answer, f, NULL);
	f->big = xmalloc(BIG + 1);
	for (size_t i = 0; i < BIG; i++)
		f->big[i] = i % 64 == 63 ? '\n' : (char)('a' + i % 26);
}

static inline void fleet_close(struct fleet *f)
{
	transport_destroy(f->tp);
	loop_destroy(f->loop);
	free(f->big);
}

/* Starts on the given hosts and turns the loop to the end. */
static inline struct run *fleet_run(struct fleet *f, const char *const *hosts, size_t n,
                                    const struct command *command, struct run_sink *sink)
{
	struct run_task *tasks = xcalloc(n, sizeof(*tasks));
	struct run_spec spec = { .loop = f->loop,
		                 .transport = f->tp,
		                 .id = "t-1",
		                 .tasks = tasks,
		                 .n_tasks = n,
		                 .fanout = 1000,
		                 .max_fail = RUN_NO_LIMIT,
		                 .keep_bytes = RUN_KEEP_BYTES,
		                 .timeout_us = 5 * SECOND };
	struct run *run;

	for (size_t i = 0; i < n; i++)
		tasks[i] = (struct run_task){ hosts[i], 0, command };
	run = run_start(&spec, &sink, sink != NULL, NULL);
	assert_non_null(run);
	while (!run_ended(run))
		assert_true(loop_turn(f->loop, LOOP_WAIT) > 0);
	free(tasks);
	return run;
}

#endif
