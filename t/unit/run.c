/* run.c - tests of core/run over a simulated fleet on virtual time, and over real processes */
#include "unit.h"

#include "sim_fleet.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "run/run.h"

/* ---- a sink that remembers ---- */

struct memory {
	struct run_sink sink;
	size_t n_begin, n_end, n_results, n_attempts, n_starts;
	size_t now, most; /* handed out and not ended */
	size_t starting, most_starting;
	unsigned char *handed; /* by task: handed out now */
	unsigned char *started;
	unsigned char *results;
	struct strbuf order; /* hosts as they were handed out */
	uint64_t bytes;
	size_t cancel_at_start, cancel_at_result; /* 1 + task: cancels the run there */
	bool pause_at_output;
};

static struct memory *memory_of(struct run_sink *sink)
{
	return container_of(sink, struct memory, sink);
}

static void on_begin(struct run_sink *sink, struct run *run)
{
	struct memory *m = memory_of(sink);

	m->n_begin++;
	m->handed = xcalloc(run_count(run), 1);
	m->started = xcalloc(run_count(run), 1);
	m->results = xcalloc(run_count(run), 1);
}

static void on_attempt(struct run_sink *sink, struct run *run, size_t i, unsigned attempt)
{
	struct memory *m = memory_of(sink);

	m->n_attempts++;
	strbuf_addf(&m->order, "%s.%u ", run_host(run, i), attempt);
	if (m->handed[i]) /* an attempt that failed is over, which no sink is told */
		return;
	m->handed[i] = 1;
	m->now++;
	m->starting++;
	m->most = m->now > m->most ? m->now : m->most;
	m->most_starting = m->starting > m->most_starting ? m->starting : m->most_starting;
}

static void on_start(struct run_sink *sink, struct run *run, size_t i)
{
	struct memory *m = memory_of(sink);

	m->n_starts++;
	m->starting--;
	m->started[i] = 1;
	if (m->cancel_at_start == i + 1)
		run_cancel(run);
}

static void on_output(struct run_sink *sink, struct run *run, size_t i, enum stream stream,
		      const void *bytes, size_t len)
{
	struct memory *m = memory_of(sink);

	(void)i, (void)stream, (void)bytes;
	m->bytes += len;
	if (m->pause_at_output) {
		m->pause_at_output = false;
		run_pause(run);
	}
}

static void on_result(struct run_sink *sink, struct run *run, size_t i,
		      const struct run_result *result)
{
	struct memory *m = memory_of(sink);

	(void)result;
	m->n_results++;
	m->results[i]++;
	if (m->handed[i]) {
		m->now--;
		m->starting -= !m->started[i];
	}
	if (m->cancel_at_result == i + 1)
		run_cancel(run);
}

static void on_end(struct run_sink *sink, struct run *run)
{
	(void)run;
	memory_of(sink)->n_end++;
}

static const struct run_sink_ops memory_ops = { on_begin,  on_attempt, on_start, on_output,
						NULL,	   on_result,  on_end };

static void memory_init(struct memory *m)
{
	*m = (struct memory){ .sink = { &memory_ops } };
}

static void memory_fini(struct memory *m)
{
	free(m->handed);
	free(m->started);
	free(m->results);
	strbuf_fini(&m->order);
}

/* ---- one run ---- */

#define MAX_TASKS 100

static const struct command echo_command = { .line = "echo", .mode = -1 };

/* Tasks of the hosts in `names`, separated by spaces. */
struct stage {
	struct fleet fleet;
	struct memory memory;
	struct run_spec spec;
	struct run_task tasks[MAX_TASKS];
	char *names;
	struct run *run;
};

static void stage_open(struct stage *st, const char *names)
{
	char *save, *name;

	fleet_open(&st->fleet);
	memory_init(&st->memory);
	st->names = xstrdup(names);
	st->run = NULL;
	st->spec = (struct run_spec){ .loop = st->fleet.loop,
				      .transport = st->fleet.tp,
				      .id = "t-1",
				      .tasks = st->tasks,
				      .fanout = 4,
				      .max_fail = RUN_NO_LIMIT,
				      .keep_bytes = RUN_KEEP_BYTES };
	for (name = strtok_r(st->names, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
		st->tasks[st->spec.n_tasks++] = (struct run_task){ name, 0, &echo_command };
}

static void stage_start(struct stage *st)
{
	struct run_sink *sinks[] = { &st->memory.sink };
	struct pl_error err = { 0 };

	st->run = run_start(&st->spec, sinks, 1, &err);
	if (st->run == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(st->memory.n_begin, 0);
}

static void stage_finish(struct stage *st)
{
	while (!run_ended(st->run))
		assert_true(loop_turn(st->fleet.loop, LOOP_WAIT) > 0);
	assert_int_equal(st->memory.n_begin, 1);
	assert_int_equal(st->memory.n_end, 1);
	assert_int_equal(st->memory.n_results, st->spec.n_tasks);
	for (size_t i = 0; i < st->spec.n_tasks; i++)
		assert_int_equal(st->memory.results[i], 1);
	assert_int_equal(st->memory.now, 0);
}

static void stage_run(struct stage *st)
{
	stage_start(st);
	stage_finish(st);
}

static void stage_close(struct stage *st)
{
	run_destroy(st->run);
	memory_fini(&st->memory);
	fleet_close(&st->fleet);
	free(st->names);
}

/* Outcomes of all tasks, "ok exit canceled". */
static const char *outcomes(const struct stage *st)
{
	static char text[MAX_TASKS * 12];

	text[0] = '\0';
	for (size_t i = 0; i < st->spec.n_tasks; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, outcome_name(run_outcome(st->run, i)));
	}
	return text;
}

/* ---- tests ---- */

static void a_spec_without_sense_is_refused(void **state)
{
	static const char *const argv[] = { "a", NULL };
	static const struct command both = { .line = "a", .argv = argv };
	static const struct command neither = { 0 };
	static const struct command half = { .kind = TASK_PUT, .local_path = "x" };
	struct stage st;
	struct run_spec good;
	struct pl_error err;

	(void)state;
	stage_open(&st, "ok1");
	good = st.spec;
	st.spec.fanout = 0;
	assert_null(run_start(&st.spec, NULL, 0, &err));
	assert_int_equal(err.code, PL_EUSAGE);
	st.spec = good;
	st.spec.id = "has space";
	assert_null(run_start(&st.spec, NULL, 0, &err));
	st.spec = good;
	st.spec.timeout_us = -1;
	assert_null(run_start(&st.spec, NULL, 0, &err));
	st.spec = good;
	st.tasks[0].command = &both;
	assert_null(run_start(&st.spec, NULL, 0, &err));
	st.tasks[0].command = &neither;
	assert_null(run_start(&st.spec, NULL, 0, &err));
	st.tasks[0].command = &half;
	assert_null(run_start(&st.spec, NULL, 0, &err));
	assert_int_equal(err.code, PL_EUSAGE);
	stage_close(&st);
}

static void a_run_of_no_tasks_ends(void **state)
{
	struct stage st;

	(void)state;
	stage_open(&st, "");
	stage_run(&st);
	assert_int_equal(run_exit_status(st.run), 0);
	stage_close(&st);
}

static void each_outcome_has_its_exit_status_and_the_worst_wins(void **state)
{
	static const struct {
		const char *hosts, *outcomes;
		int status;
	} cases[] = {
		{ "ok1 ok2", "ok ok", 0 },
		{ "ok1 exit1", "ok exit", 1 },
		{ "sig1", "signal", 1 },
		{ "exit1 down1 ok1", "exit unreachable ok", 3 },
		{ "auth1", "auth", 3 },
		{ "drop1", "lost", 3 },
		{ "hang1 exit1", "timeout exit", 124 },
		{ "hang1 down1", "timeout unreachable", 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage st;

		stage_open(&st, cases[i].hosts);
		st.spec.timeout_us = 10 * SECOND;
		stage_run(&st);
		assert_string_equal(outcomes(&st), cases[i].outcomes);
		assert_int_equal(run_exit_status(st.run), cases[i].status);
		stage_close(&st);
	}
	assert_int_equal(exit_status_worse(2, 130), 2);
	assert_int_equal(exit_status_worse(143, 3), 143);
	assert_int_equal(exit_status_worse(99, 1), 1);
	assert_int_equal(exit_status_worse(0, 99), 99);
	assert_int_equal(exit_status_worse(124, 3), 3);
}

static void tasks_start_in_order_within_the_window(void **state)
{
	struct stage st;

	(void)state;
	stage_open(&st, "ok1 ok2 ok3 ok4 ok5 ok6 ok7 ok8 ok9");
	st.spec.fanout = 3;
	stage_run(&st);
	assert_int_equal(st.memory.most, 3);
	assert_string_equal(st.memory.order.s,
			    "ok1.1 ok2.1 ok3.1 ok4.1 ok5.1 ok6.1 ok7.1 ok8.1 ok9.1 ");
	assert_true(loop_now_us(st.fleet.loop) >= 3 * SECOND);
	stage_close(&st);
}

static void a_gang_runs_all_at_once_and_one_failure_ends_it(void **state)
{
	struct stage st;

	(void)state;
	stage_open(&st, "slow1 slow2 slow3 slow4 slow5 exit1 slow6");
	st.spec.gang = true;
	st.spec.fanout = 2;
	stage_run(&st);
	assert_int_equal(st.memory.most, 7);
	assert_true(st.memory.most_starting <= 2);
	assert_string_equal(outcomes(&st),
			    "canceled canceled canceled canceled canceled exit canceled");
	assert_int_equal(run_exit_status(st.run), 1);
	stage_close(&st);
}

static void what_did_not_begin_is_tried_again_and_nothing_else(void **state)
{
	struct stage st;
	struct run_result r;

	(void)state;
	stage_open(&st, "flaky1 down1 auth1 exit1 drop1 ok1");
	st.spec.retries = 2;
	stage_run(&st);
	assert_string_equal(outcomes(&st), "ok unreachable auth exit lost ok");
	for (size_t i = 0; i < 6; i++) {
		static const unsigned attempts[] = { 2, 3, 1, 1, 1, 1 };

		run_result(st.run, i, &r);
		assert_int_equal(r.attempts, attempts[i]);
	}
	stage_close(&st);
}

static void a_pause_before_a_retry_holds_no_place(void **state)
{
	struct stage st;

	(void)state;
	stage_open(&st, "down1 ok1 ok2");
	st.spec.retries = 1;
	st.spec.fanout = 1;
	stage_run(&st);
	assert_string_equal(st.memory.order.s, "down1.1 ok1.1 down1.2 ok2.1 ");
	stage_close(&st);
}

static void limits_of_failure_cancel_the_rest(void **state)
{
	struct stage st;

	(void)state;
	stage_open(&st, "exit1 slow1 ok1 ok2");
	st.spec.fanout = 2;
	st.spec.fail_fast = true;
	stage_run(&st);
	assert_string_equal(outcomes(&st), "exit canceled canceled canceled");
	assert_int_equal(run_exit_status(st.run), 1);
	stage_close(&st);

	stage_open(&st, "exit1 exit2 ok1 exit3 ok2 ok3");
	st.spec.fanout = 1;
	st.spec.max_fail = 2;
	stage_run(&st);
	assert_string_equal(outcomes(&st), "exit exit ok exit canceled canceled");
	stage_close(&st);

	stage_open(&st, "exit1 ok1");
	st.spec.fanout = 1;
	st.spec.max_fail = 0;
	stage_run(&st);
	assert_string_equal(outcomes(&st), "exit canceled");
	stage_close(&st);
}

static void deadlines_name_their_reason(void **state)
{
	struct stage st;
	struct run_result r;

	(void)state;
	stage_open(&st, "hang1 ok1 slow1");
	st.spec.timeout_us = 5 * SECOND;
	st.spec.idle_timeout_us = 20 * SECOND;
	stage_run(&st);
	assert_string_equal(outcomes(&st), "timeout ok timeout");
	run_result(st.run, 0, &r);
	assert_string_equal(r.end.why, "ran longer than 5 s");
	assert_true(r.end.begun);
	assert_int_equal(run_exit_status(st.run), 124);
	stage_close(&st);

	stage_open(&st, "hang1 ok1");
	st.spec.timeout_us = 50 * SECOND;
	st.spec.idle_timeout_us = 2 * SECOND;
	stage_run(&st);
	assert_string_equal(outcomes(&st), "idle ok");
	stage_close(&st);
}

static void a_cancel_at_any_stage_leaves_one_outcome_each(void **state)
{
	struct stage st;

	(void)state;
	/* before the first turn */
	stage_open(&st, "ok1 ok2 ok3");
	stage_start(&st);
	run_cancel(st.run);
	stage_finish(&st);
	assert_string_equal(outcomes(&st), "canceled canceled canceled");
	assert_int_equal(st.memory.n_attempts, 0);
	assert_int_equal(run_exit_status(st.run), 130);
	stage_close(&st);
	/* after each number of turns */
	for (int turns = 1; turns < 12; turns++) {
		stage_open(&st, "ok1 slow1 down1 hang1 say1 ok2 flaky1");
		st.spec.fanout = 3;
		st.spec.retries = 1;
		stage_start(&st);
		for (int i = 0; i < turns && !run_ended(st.run); i++)
			loop_turn(st.fleet.loop, LOOP_WAIT);
		run_cancel(st.run);
		run_cancel(st.run);
		stage_finish(&st);
		stage_close(&st);
	}
	/* from inside callbacks */
	stage_open(&st, "ok1 ok2 ok3 hang1 ok4 ok5");
	st.memory.cancel_at_start = 2;
	stage_run(&st);
	stage_close(&st);
	stage_open(&st, "ok1 slow1 hang1 ok2 ok3 ok4");
	st.spec.fanout = 2;
	st.memory.cancel_at_result = 1;
	stage_run(&st);
	assert_string_equal(outcomes(&st), "ok canceled canceled canceled canceled canceled");
	stage_close(&st);
}

static void one_task_is_cancelled_alone(void **state)
{
	struct stage st;

	(void)state;
	stage_open(&st, "hang1 ok1 hang2 ok2");
	st.spec.fanout = 2;
	stage_start(&st);
	run_cancel_task(st.run, 3);
	while (!st.memory.n_starts)
		loop_turn(st.fleet.loop, LOOP_WAIT);
	run_cancel_task(st.run, 0);
	run_cancel_task(st.run, 0);
	while (st.memory.n_starts < 3)
		loop_turn(st.fleet.loop, LOOP_WAIT);
	run_cancel_task(st.run, 2);
	stage_finish(&st);
	assert_string_equal(outcomes(&st), "canceled ok canceled canceled");
	stage_close(&st);
}

static void output_past_the_cap_is_counted_or_spilled(void **state)
{
	char dir[] = "/tmp/pl-run-XXXXXX";
	struct stage st;
	struct run_result r;
	struct stat file;

	(void)state;
	assert_non_null(mkdtemp(dir));
	stage_open(&st, "big1 say1 ok1");
	st.spec.keep_bytes = 1000;
	stage_run(&st);
	run_result(st.run, 0, &r);
	assert_int_equal(r.out_len, 1000);
	assert_int_equal(r.out_total, BIG);
	assert_memory_equal(r.out, st.fleet.big, 1000);
	assert_null(r.out_path);
	run_result(st.run, 1, &r);
	assert_string_equal(r.out, "hello\n");
	run_result(st.run, 2, &r);
	assert_null(r.out);
	assert_int_equal(st.memory.bytes, BIG + 6);
	stage_close(&st);

	assert_int_equal(rmdir(dir), 0); /* it is made when it is needed */
	stage_open(&st, "say1");
	st.spec.spill_dir = dir;
	stage_run(&st);
	assert_int_equal(access(dir, F_OK), -1);
	stage_close(&st);

	stage_open(&st, "big1 say1");
	st.spec.keep_bytes = 70000;
	st.spec.spill_dir = dir;
	stage_run(&st);
	run_result(st.run, 0, &r);
	assert_int_equal(r.out_len, 70000);
	assert_non_null(r.out_path);
	assert_int_equal(stat(r.out_path, &file), 0);
	assert_int_equal(file.st_size, BIG);
	assert_int_equal(file.st_mode & 0777, 0600);
	unlink(r.out_path);
	stage_close(&st);
	assert_int_equal(rmdir(dir), 0);
}

static void a_spill_that_fails_is_no_crash(void **state)
{
	struct stage st;
	struct run_result r;

	(void)state;
	stage_open(&st, "big1 big2");
	st.spec.keep_bytes = 1000;
	st.spec.spill_dir = "/nowhere/at/all";
	stage_run(&st);
	assert_string_equal(outcomes(&st), "ok ok");
	run_result(st.run, 1, &r);
	assert_int_equal(r.out_len, 1000);
	assert_int_equal(r.out_total, BIG);
	assert_null(r.out_path);
	stage_close(&st);
}

static void a_paused_run_is_not_idle(void **state)
{
	struct stage st;

	(void)state;
	stage_open(&st, "big1");
	st.spec.idle_timeout_us = 2 * SECOND;
	st.memory.pause_at_output = true;
	stage_start(&st);
	while (st.memory.bytes == 0)
		assert_true(loop_turn(st.fleet.loop, LOOP_WAIT) > 0);
	while (loop_now_us(st.fleet.loop) < 30 * SECOND)
		assert_true(loop_turn(st.fleet.loop, LOOP_WAIT) > 0);
	assert_true(st.memory.bytes < BIG);
	run_resume(st.run);
	stage_finish(&st);
	assert_string_equal(outcomes(&st), "ok");
	assert_int_equal(st.memory.bytes, BIG);
	stage_close(&st);
}

struct waiting {
	size_t n, last;
	enum phase phase;
};

static void note_waiting(void *arg, size_t i, const char *host, enum phase phase, int64_t since_us)
{
	struct waiting *w = arg;

	assert_true(strncmp(host, "slow", 4) == 0);
	assert_true(since_us >= 0);
	w->n++;
	w->last = i;
	w->phase = phase;
}

static void who_is_waited_for_is_known(void **state)
{
	struct waiting w = { 0 };
	struct stage st;

	(void)state;
	stage_open(&st, "ok1 slow1 ok2 slow2");
	stage_start(&st);
	while (st.memory.n_results < 2)
		loop_turn(st.fleet.loop, LOOP_WAIT);
	run_waiting(st.run, note_waiting, &w);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.last, 3);
	assert_int_equal(w.phase, PHASE_STREAM);
	stage_finish(&st);
	stage_close(&st);
}

/* ---- ten thousand hosts ---- */

static size_t memory_in_use(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	size_t size = 0, resident = 0;

	assert_int_equal(fscanf(f, "%zu %zu", &size, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void count_waiting(void *arg, size_t i, const char *host, enum phase phase, int64_t since_us)
{
	(void)i, (void)host, (void)phase, (void)since_us;
	(*(size_t *)arg)++;
}

static void ten_thousand_hosts_have_one_outcome_each(void **state)
{
	static const char *const kinds[] = { "ok",    "exit", "sig", "down", "auth", "flaky",
					     "drop",  "hang", "say", "ok" };
	static const size_t expected[OUTCOMES] = {
		[OUTCOME_OK] = 4000,	       [OUTCOME_EXIT] = 1000, [OUTCOME_SIGNAL] = 1000,
		[OUTCOME_UNREACHABLE] = 1000, [OUTCOME_AUTH] = 1000, [OUTCOME_LOST] = 1000,
		[OUTCOME_TIMEOUT] = 1000,
	};
	size_t n = 10000, most = 0;
	struct run_task *tasks = xcalloc(n, sizeof(*tasks));
	struct run_summary sum;
	struct stage st;

	(void)state;
	stage_open(&st, "");
	for (size_t i = 0; i < n; i++)
		tasks[i] = (struct run_task){ xasprintf("%s%zu", kinds[i % 10], i), 0,
					      &echo_command };
	st.spec.tasks = tasks;
	st.spec.n_tasks = n;
	st.spec.fanout = 500;
	st.spec.retries = 1;
	st.spec.timeout_us = 5 * SECOND;
	stage_start(&st);
	while (!run_ended(st.run)) {
		size_t out = 0;

		assert_true(loop_turn(st.fleet.loop, LOOP_WAIT) > 0);
		run_waiting(st.run, count_waiting, &out);
		most = out > most ? out : most;
	}
	stage_finish(&st);
	assert_int_equal(most, 500);
	run_summary(st.run, &sum);
	for (int o = 0; o < OUTCOMES; o++)
		assert_int_equal(sum.by_outcome[o], expected[o]);
	stage_close(&st);
	for (size_t i = 0; i < n; i++)
		free((char *)tasks[i].host);
	free(tasks);
}

static void a_hundred_thousand_idle_tasks_are_small(void **state)
{
	size_t n = 100000, before, after;
	struct run_task *tasks = xcalloc(n, sizeof(*tasks));
	struct stage st;

	(void)state;
	stage_open(&st, "");
	for (size_t i = 0; i < n; i++)
		tasks[i] = (struct run_task){ "say1", (unsigned)i, &echo_command };
	st.spec.tasks = tasks;
	st.spec.n_tasks = n;
	st.spec.fanout = 1000;
	before = memory_in_use();
	stage_run(&st);
	after = memory_in_use();
	print_message("# %zu bytes a task, output included\n", (after - before) / n);
#ifndef __SANITIZE_ADDRESS__
	assert_true((after - before) / n < 400);
#endif
	stage_close(&st);
	free(tasks);
}

/* ---- real processes ---- */

static void stage_go_local(struct stage *st)
{
	transport_destroy(st->fleet.tp);
	loop_destroy(st->fleet.loop);
	st->fleet.loop = loop_create(LOOP_REAL, NULL);
	st->fleet.tp = local_create(st->fleet.loop, NULL);
	st->spec.loop = st->fleet.loop;
	st->spec.transport = st->fleet.tp;
}

static void stdin_reaches_every_task_whole(void **state)
{
	static const struct command cat = { .line = "cat", .stdin_open = true };
	struct stage st;
	struct run_result r;

	(void)state;
	stage_open(&st, "a b c d e");
	stage_go_local(&st);
	st.spec.fanout = 2;
	for (size_t i = 0; i < st.spec.n_tasks; i++)
		st.tasks[i].command = &cat;
	stage_start(&st);
	run_write(st.run, RUN_ALL_TASKS, "one ", 4);
	run_write(st.run, 3, "own ", 4);
	while (st.memory.n_starts < 1)
		loop_turn(st.fleet.loop, LOOP_WAIT);
	run_write(st.run, RUN_ALL_TASKS, "two\n", 4);
	run_close_stdin(st.run, RUN_ALL_TASKS);
	stage_finish(&st);
	assert_string_equal(outcomes(&st), "ok ok ok ok ok");
	for (size_t i = 0; i < 5; i++) {
		run_result(st.run, i, &r);
		assert_string_equal(r.out, i == 3 ? "one own two\n" : "one two\n");
	}
	stage_close(&st);
}

static void real_commands_time_out_and_are_signalled(void **state)
{
	static const struct command sleeps = { .line = "sleep 1000" };
	static const struct command exits = { .line = "echo out; echo err >&2; exit 7" };
	struct stage st;
	struct run_result r;
	struct pl_error err;

	(void)state;
	stage_open(&st, "a b c");
	stage_go_local(&st);
	st.tasks[0].command = st.tasks[1].command = &sleeps;
	st.tasks[2].command = &exits;
	st.spec.timeout_us = SECOND / 5;
	stage_start(&st);
	assert_int_equal(run_signal(st.run, 1, SIGTERM, &err), -1);
	while (st.memory.n_starts < 3)
		loop_turn(st.fleet.loop, LOOP_WAIT);
	assert_int_equal(run_signal(st.run, 1, SIGUSR1, &err), 0);
	stage_finish(&st);
	assert_string_equal(outcomes(&st), "timeout signal exit");
	run_result(st.run, 1, &r);
	assert_string_equal(r.end.signal, "USR1");
	run_result(st.run, 2, &r);
	assert_int_equal(r.end.code, 7);
	assert_string_equal(r.out, "out\n");
	assert_string_equal(r.err, "err\n");
	stage_close(&st);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_spec_without_sense_is_refused),
	cmocka_unit_test(a_run_of_no_tasks_ends),
	cmocka_unit_test(each_outcome_has_its_exit_status_and_the_worst_wins),
	cmocka_unit_test(tasks_start_in_order_within_the_window),
	cmocka_unit_test(a_gang_runs_all_at_once_and_one_failure_ends_it),
	cmocka_unit_test(what_did_not_begin_is_tried_again_and_nothing_else),
	cmocka_unit_test(a_pause_before_a_retry_holds_no_place),
	cmocka_unit_test(limits_of_failure_cancel_the_rest),
	cmocka_unit_test(deadlines_name_their_reason),
	cmocka_unit_test(a_cancel_at_any_stage_leaves_one_outcome_each),
	cmocka_unit_test(one_task_is_cancelled_alone),
	cmocka_unit_test(output_past_the_cap_is_counted_or_spilled),
	cmocka_unit_test(a_spill_that_fails_is_no_crash),
	cmocka_unit_test(a_paused_run_is_not_idle),
	cmocka_unit_test(who_is_waited_for_is_known),
	cmocka_unit_test(ten_thousand_hosts_have_one_outcome_each),
	cmocka_unit_test(a_hundred_thousand_idle_tasks_are_small),
	cmocka_unit_test(stdin_reaches_every_task_whole),
	cmocka_unit_test(real_commands_time_out_and_are_signalled),
};

UNIT_MAIN(tests)
