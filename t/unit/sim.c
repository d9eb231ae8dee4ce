/* sim.c - tests of core/transport/sim.c beyond what every transport promises */
#include "transport_cases.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "transport/sim.h"

/* What the next query is answered with; late: kept for the test to answer. */
static struct sim_reply next_reply;
static struct sim_query *kept;
static bool keep;

static void respond(void *arg, struct sim_query *query)
{
	(void)arg;
	if (keep)
		kept = query;
	else
		sim_answer(query, &next_reply);
}

static struct transport *create(struct loop *loop, void *arg)
{
	(void)arg;
	return sim_create(loop, respond, NULL, NULL);
}

static struct transport *create_mute(struct loop *loop, void *arg)
{
	(void)arg;
	return sim_create(loop, NULL, NULL, NULL);
}

static const struct transport_under_test sim = {
	.name = "sim",
	.time = LOOP_VIRTUAL,
	.create = create,
};

static const struct transport_under_test mute = {
	.name = "sim without a responder",
	.time = LOOP_VIRTUAL,
	.create = create_mute,
};

static int open_stage(void **state)
{
	struct stage *st = xcalloc(1, sizeof(*st));

	next_reply = (struct sim_reply){ 0 };
	kept = NULL;
	keep = false;
	stage_open(st, *state != NULL ? *state : &sim);
	*state = st;
	return 0;
}

static int close_stage(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static int open_mute_stage(void **state)
{
	*state = (void *)&mute;
	return open_stage(state);
}

/* ---- misuse ---- */

static void there_is_nothing_to_get(void **state)
{
	struct stage *st = *state;
	struct pl_error err = { 0 };
	struct probe p;
	struct task *task = &p.task;

	probe_init(&p, st, 0);
	p.command = (struct command){ .kind = TASK_GET, .local_path = "a", .remote_path = "b" };
	assert_false(transport_can(st->tp, TRANSPORT_GET));
	assert_int_equal(transport_start(st->tp, &task, 1, &err), -1);
	assert_int_equal(err.code, PL_EUNSUPPORTED);
}

static void a_put_needs_its_source(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_init(&p, st, 0);
	p.command = (struct command){
		.kind = TASK_PUT, .local_path = "/nonexistent/file", .remote_path = "x"
	};
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_non_null(strstr(strbuf_str(&p.err), "/nonexistent/file"));
	probe_fini(&p);
}

/* ---- replies ---- */

static void without_a_responder_commands_take_fifty_milliseconds(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_run(&p, st, "anything");
	probe_ended(&p, OUTCOME_OK);
	assert_int_equal(p.out.len + p.err.len, 0);
	assert_int_equal(loop_now_us(st->loop), SIM_DEFAULT_US);
	probe_fini(&p);
}

static void an_hour_passes_at_once(void **state)
{
	struct stage *st = *state;
	struct probe p;

	next_reply = (struct sim_reply){ .seconds_us = INT64_C(3600000000), .code = 2 };
	/* the watchdog of probe_wait lives on the same clock */
	probe_line(&p, st, 0, "slow");
	probe_start(&p);
	while (p.dones == 0)
		assert_true(loop_turn(st->loop, LOOP_WAIT) > 0);
	probe_ended(&p, OUTCOME_EXIT);
	assert_int_equal(loop_now_us(st->loop), 3600000000);
	probe_fini(&p);
}

static void each_refusal_is_told_with_its_phase(void **state)
{
	static const struct {
		enum outcome outcome;
		enum phase phase;
	} cases[] = {
		{ OUTCOME_UNREACHABLE, PHASE_RESOLVE },
		{ OUTCOME_UNREACHABLE, PHASE_CONNECT },
		{ OUTCOME_HOSTKEY, PHASE_HOSTKEY },
		{ OUTCOME_AUTH, PHASE_AUTH },
	};
	struct stage *st = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct probe p;

		next_reply = (struct sim_reply){ .refuse = cases[i].outcome,
						 .phase = cases[i].phase,
						 .seconds_us = (int64_t)i * 1000 };
		int64_t begun = loop_now_us(st->loop);

		probe_run(&p, st, "true");
		probe_ended(&p, cases[i].outcome);
		assert_int_equal(p.result.phase, cases[i].phase);
		assert_int_equal(p.phases, cases[i].phase);
		assert_int_equal(p.starts, 0);
		assert_false(p.result.begun);
		assert_int_equal(loop_now_us(st->loop) - begun, i * 1000);
		probe_fini(&p);
	}
}

static void a_refusal_that_is_waited_for_can_be_cancelled(void **state)
{
	struct stage *st = *state;
	struct probe p;

	next_reply = (struct sim_reply){ .refuse = OUTCOME_UNREACHABLE,
					 .phase = PHASE_CONNECT,
					 .seconds_us = 10000000 };
	probe_line(&p, st, 0, "true");
	probe_start(&p);
	while (p.phases < PHASE_CONNECT)
		assert_true(loop_turn(st->loop, LOOP_WAIT) > 0);
	probe_cancel(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_false(p.result.begun);
	probe_fini(&p);
}

static void a_dropped_connection_is_lost_after_its_output(void **state)
{
	struct stage *st = *state;
	struct probe p;

	next_reply = (struct sim_reply){
		.out = "half", .out_len = 4, .drop = true, .seconds_us = 5000
	};
	probe_run(&p, st, "true");
	probe_ended(&p, OUTCOME_LOST);
	assert_int_equal(p.result.phase, PHASE_STREAM);
	assert_true(p.result.begun);
	assert_string_equal(strbuf_str(&p.out), "half");
	probe_fini(&p);
}

static void start_one_that_hangs(struct probe *p, struct stage *st)
{
	next_reply = (struct sim_reply){ .hang = true };
	probe_line(p, st, 0, "true");
	probe_start(p);
	while (loop_turn(st->loop, LOOP_WAIT) > 0)
		continue;
}

static void a_hanging_command_hangs_until_cancelled(void **state)
{
	struct stage *st = *state;
	struct probe p;

	start_one_that_hangs(&p, st);
	assert_int_equal(p.starts, 1);
	assert_int_equal(p.dones, 0);
	probe_cancel(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_true(p.result.begun);
	probe_fini(&p);
}

static void a_signal_ends_a_hanging_command(void **state)
{
	struct stage *st = *state;
	struct probe p;

	start_one_that_hangs(&p, st);
	assert_int_equal(st->tp->ops->signal(&p.task, SIGINT, NULL), 0);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_SIGNAL);
	assert_string_equal(p.result.signal, "INT");
	probe_fini(&p);
}

static void stdin_is_taken_before_and_after_the_start(void **state)
{
	struct stage *st = *state;
	struct probe p;

	next_reply = (struct sim_reply){ .hang = true };
	probe_line(&p, st, 0, "true");
	p.command.stdin_open = true;
	probe_start(&p);
	probe_write(&p, "early", 5);
	while (p.drains == 0)
		assert_true(loop_turn(st->loop, LOOP_WAIT) > 0);
	assert_int_equal(p.starts, 1);
	probe_write(&p, "late", 4);
	while (p.drains == 1)
		assert_true(loop_turn(st->loop, LOOP_WAIT) > 0);
	probe_cancel(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

/* ---- answers that come later ---- */

static void ask_and_keep(struct probe *p, struct stage *st)
{
	keep = true;
	probe_line(p, st, 7, "true");
	probe_start(p);
	while (loop_turn(st->loop, LOOP_WAIT) > 0)
		continue;
	assert_non_null(kept);
	assert_int_equal(p->starts, 0);
}

static void an_answer_may_come_from_outside_the_loop(void **state)
{
	struct stage *st = *state;
	struct probe p;

	ask_and_keep(&p, st);
	assert_ptr_equal(kept->task, &p.task);
	assert_string_equal(kept->host, "node7");
	st->inside++;
	sim_answer(kept, &(struct sim_reply){ .out = "x", .out_len = 1 });
	st->inside--;
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), "x");
	probe_fini(&p);
}

static void a_query_outlives_its_cancelled_task(void **state)
{
	struct stage *st = *state;
	struct probe p;

	ask_and_keep(&p, st);
	probe_cancel(&p);
	assert_null(kept->task);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_false(p.result.begun);
	sim_answer(kept, &(struct sim_reply){ .out = "x", .out_len = 1 });
	for (int i = 0; i < 3; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	assert_int_equal(p.dones, 1);
	assert_int_equal(p.out.len, 0);
	probe_fini(&p);
}

static void an_answer_between_cancel_and_the_end_is_ignored(void **state)
{
	struct stage *st = *state;
	struct probe p;

	ask_and_keep(&p, st);
	probe_cancel(&p);
	sim_answer(kept, NULL);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void a_query_outlives_the_transport(void **state)
{
	struct stage *st = *state;
	struct probe p;

	ask_and_keep(&p, st);
	probe_cancel(&p);
	probe_wait(&p);
	transport_destroy(st->tp);
	st->tp = NULL;
	sim_answer(kept, NULL); /* frees the last of it: the address sanitizer watches */
	probe_fini(&p);
}

/* ---- the same every time, and many ---- */

static struct strbuf trace;

static void note_done(struct probe *p)
{
	strbuf_addf(&trace, "%s %lld;", p->host, (long long)loop_now_us(p->st->loop));
}

static void respond_by_host(void *arg, struct sim_query *query)
{
	unsigned n = (unsigned)strtoul(query->host + 4, NULL, 10);

	(void)arg;
	sim_answer(query, &(struct sim_reply){ .seconds_us = (n * 7919) % 13 * 1000 });
}

static struct transport *create_by_host(struct loop *loop, void *arg)
{
	(void)arg;
	return sim_create(loop, respond_by_host, NULL, NULL);
}

static void trace_run(void)
{
	static const struct transport_under_test by_host = {
		.name = "sim", .time = LOOP_VIRTUAL, .create = create_by_host
	};
	enum { MANY = 300 };
	struct probe *p = xcalloc(MANY, sizeof(*p));
	struct stage st;

	stage_open(&st, &by_host);
	for (unsigned i = 0; i < MANY; i++) {
		probe_line(&p[i], &st, i, "true");
		p[i].on_done = note_done;
		probe_start(&p[i]);
	}
	while (loop_turn(st.loop, LOOP_WAIT) > 0)
		continue;
	stage_close(&st);
	free(p);
}

static void two_runs_are_the_same(void **state)
{
	char *first;

	(void)state;
	trace_run();
	first = strbuf_detach(&trace);
	trace_run();
	assert_true(trace.len > 300);
	assert_string_equal(first, trace.s);
	free(first);
	strbuf_fini(&trace);
}

struct crowd {
	struct transport *tp;
	size_t done;
};

static void crowd_output(struct task *task, enum stream stream, const void *bytes, size_t len)
{
	(void)task;
	(void)stream;
	(void)bytes;
	(void)len;
}

static const struct command crowd_command = { .line = "true", .mode = -1 };

/* Each host runs a second command when the first is done. */
static void crowd_done(struct task *task, const struct task_result *result)
{
	struct crowd *c = task->owner;

	c->done += result->outcome == OUTCOME_OK;
	if (task->index++ == 0)
		transport_start(c->tp, &task, 1, NULL);
}

static const struct task_events crowd_events = {
	.on_output = crowd_output,
	.on_done = crowd_done,
};

static long resident_kb(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void a_hundred_thousand_hosts_run_two_commands(void **state)
{
	enum { HOSTS = 100000 };
	struct stage *st = *state;
	struct crowd crowd = { .tp = st->tp };
	struct task *tasks = xcalloc(HOSTS, sizeof(*tasks));
	struct task **list = xcalloc(HOSTS, sizeof(*list));
	long before = resident_kb();

	for (size_t i = 0; i < HOSTS; i++) {
		tasks[i] = (struct task){ .host = "node",
					  .command = &crowd_command,
					  .events = &crowd_events,
					  .owner = &crowd };
		list[i] = &tasks[i];
	}
	assert_int_equal(transport_start(st->tp, list, HOSTS, NULL), 0);
	while (loop_turn(st->loop, LOOP_WAIT) > 0)
		continue;
	assert_int_equal(crowd.done, 2 * HOSTS);
	/* a few hundred bytes each; a sanitizer needs several times that */
	assert_true(resident_kb() - before < 400 * 1024);
	free(tasks);
	free(list);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_stage, close_stage)
#define MUTE(f) cmocka_unit_test_setup_teardown(f, open_mute_stage, close_stage)

static const struct CMUnitTest tests[] = {
	CASE(there_is_nothing_to_get),
	CASE(a_put_needs_its_source),
	MUTE(without_a_responder_commands_take_fifty_milliseconds),
	CASE(an_hour_passes_at_once),
	CASE(each_refusal_is_told_with_its_phase),
	CASE(a_refusal_that_is_waited_for_can_be_cancelled),
	CASE(a_dropped_connection_is_lost_after_its_output),
	CASE(a_hanging_command_hangs_until_cancelled),
	CASE(a_signal_ends_a_hanging_command),
	CASE(stdin_is_taken_before_and_after_the_start),
	CASE(an_answer_may_come_from_outside_the_loop),
	CASE(a_query_outlives_its_cancelled_task),
	CASE(an_answer_between_cancel_and_the_end_is_ignored),
	CASE(a_query_outlives_the_transport),
	cmocka_unit_test(two_runs_are_the_same),
	MUTE(a_hundred_thousand_hosts_run_two_commands),
};

UNIT_MAIN(tests)
