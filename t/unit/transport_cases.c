/* transport_cases.c - see transport_cases.h */
#include "transport_cases.h"

#include <signal.h>

#include "base/mem.h"

static const struct plain_case plain_cases[] = {
	{ .line = "true", .outcome = OUTCOME_OK },
	{ .line = "exit 1", .outcome = OUTCOME_EXIT, .code = 1 },
	{ .line = "exit 7", .outcome = OUTCOME_EXIT, .code = 7 },
	{ .line = "exit 255", .outcome = OUTCOME_EXIT, .code = 255 },
	{ .line = "kill -TERM $$", .outcome = OUTCOME_SIGNAL, .signal = "TERM" },
	{ .line = "kill -KILL $$", .outcome = OUTCOME_SIGNAL, .signal = "KILL" },
	{ .line = "printf no-newline", .outcome = OUTCOME_OK, .out = "no-newline" },
	{ .line = "printf out; printf err >&2", .outcome = OUTCOME_OK, .out = "out", .err = "err" },
	{ .line = "printf a; printf b >&2; exit 3",
	  .outcome = OUTCOME_EXIT,
	  .code = 3,
	  .out = "a",
	  .err = "b" },
	{ .line = "printf 1; printf 2 >&2; printf 3",
	  .merge = true,
	  .outcome = OUTCOME_OK,
	  .out = "123" },
	{ .line = "printf 'x\\000\\377\\001\\n'",
	  .outcome = OUTCOME_OK,
	  .out = "x\0\377\001\n",
	  .out_len = 5 },
};

const struct plain_case *plain_case_find(const char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(plain_cases); i++) {
		if (strcmp(plain_cases[i].line, line) == 0)
			return &plain_cases[i];
	}
	return NULL;
}

void much_output(struct strbuf *out)
{
	for (int i = 1; i <= 1500000; i++)
		strbuf_addf(out, "%d\n", i);
}

static void assert_bytes(const struct strbuf *b, const char *expected, size_t len)
{
	if (expected == NULL)
		expected = "";
	if (len == 0)
		len = strlen(expected);
	assert_int_equal(b->len, len);
	assert_memory_equal(strbuf_str(b), expected, len);
}

/* ---- misuse ---- */

static void a_request_that_makes_no_sense_is_refused_and_nothing_happens(void **state)
{
	static const char *const words[] = { "true", NULL };
	struct stage *st = *state;
	struct probe p;
	struct task *task = &p.task;

	probe_line(&p, st, 0, "true");
	p.command.argv = words;
	assert_int_equal(transport_start(st->tp, &task, 1, NULL), -1);
	p.command = (struct command){ .mode = -1 };
	assert_int_equal(transport_start(st->tp, &task, 1, NULL), -1);
	for (int i = 0; i < 3; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	assert_int_equal(p.dones + p.starts + p.phases, 0);
}

static void calls_after_the_end_do_nothing(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_run(&p, st, "true");
	probe_cancel(&p);
	probe_write(&p, "x", 1);
	probe_close_stdin(&p);
	probe_pause(&p);
	probe_resume(&p);
	assert_int_equal(st->tp->ops->signal(&p.task, SIGTERM, NULL), -1);
	for (int i = 0; i < 3; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	probe_ended(&p, OUTCOME_OK);
	probe_fini(&p);
}

/* ---- plain commands ---- */

static void plain_commands_end_as_they_should(void **state)
{
	struct stage *st = *state;

	for (size_t i = 0; i < ARRAY_LEN(plain_cases); i++) {
		const struct plain_case *c = &plain_cases[i];
		struct probe p;

		probe_line(&p, st, 0, c->line);
		p.command.merge = c->merge;
		probe_start(&p);
		probe_wait(&p);
		probe_ended(&p, c->outcome);
		assert_int_equal(p.result.code, c->code);
		assert_string_equal(p.result.signal, c->signal != NULL ? c->signal : "");
		assert_int_equal(p.starts, 1);
		assert_true(p.result.begun);
		assert_bytes(&p.out, c->out, c->out_len);
		assert_bytes(&p.err, c->err, 0);
		probe_fini(&p);
	}
}

static void two_hundred_tasks_run_at_once(void **state)
{
	enum { MANY = 200 };
	struct stage *st = *state;
	struct probe *p = xcalloc(MANY, sizeof(*p));
	struct task *tasks[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		probe_line(&p[i], st, i, "printf no-newline");
		tasks[i] = &p[i].task;
	}
	st->inside++;
	assert_int_equal(transport_start(st->tp, tasks, MANY, NULL), 0);
	st->inside--;
	for (unsigned i = 0; i < MANY; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		assert_string_equal(strbuf_str(&p[i].out), "no-newline");
		probe_fini(&p[i]);
	}
	free(p);
}

/* ---- back-pressure ---- */

static void pause_at_each_hundredth(struct probe *p)
{
	if (p->chunks % 100 == 1)
		probe_pause(p);
}

static void much_output_arrives_exactly_through_pauses(void **state)
{
	struct stage *st = *state;
	struct strbuf expected = STRBUF_INIT;
	struct probe p;
	int pauses = 0;

	probe_line(&p, st, 0, LINE_MUCH);
	p.on_output = pause_at_each_hundredth;
	probe_start(&p);
	while (p.dones == 0) {
		assert_true(loop_turn(st->loop, LOOP_WAIT) > 0);
		if (!p.paused)
			continue;
		/* nothing may come, however often we look */
		for (int i = 0; i < 20; i++)
			loop_turn(st->loop, LOOP_NOWAIT);
		pauses++;
		probe_resume(&p);
	}
	probe_ended(&p, OUTCOME_OK);
	assert_true(pauses > 0);
	much_output(&expected);
	assert_int_equal(p.out.len, expected.len);
	assert_memory_equal(p.out.s, expected.s, expected.len);
	strbuf_fini(&expected);
	probe_fini(&p);
}

static void a_paused_task_does_not_end_before_its_output_is_read(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, "printf no-newline");
	probe_start(&p);
	probe_pause(&p);
	for (int i = 0; i < 50; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	assert_int_equal(p.dones, 0);
	probe_resume(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), "no-newline");
	probe_fini(&p);
}

/* ---- cancel ---- */

static void cancelled_at_once_it_ends_as_canceled_once(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, LINE_ENDLESS);
	probe_start(&p);
	probe_cancel(&p);
	probe_cancel(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void cancel_it(struct probe *p)
{
	probe_cancel(p);
	probe_cancel(p);
}

static void cancelled_when_it_starts_it_ends_as_canceled(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, LINE_ENDLESS);
	p.on_start = cancel_it;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void cancelled_amid_its_output_it_ends_as_canceled(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, LINE_MUCH);
	p.on_output = cancel_it;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void pause_and_cancel(struct probe *p)
{
	probe_pause(p);
	probe_cancel(p);
}

static void cancelled_while_paused_it_ends_all_the_same(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, LINE_MUCH);
	p.on_output = pause_and_cancel;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void fifty_are_cancelled_together(void **state)
{
	enum { MANY = 50 };
	struct stage *st = *state;
	struct probe *p = xcalloc(MANY, sizeof(*p));

	for (unsigned i = 0; i < MANY; i++) {
		probe_line(&p[i], st, i, LINE_ENDLESS);
		probe_start(&p[i]);
	}
	for (int i = 0; i < 5; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	for (unsigned i = 0; i < MANY; i++)
		probe_cancel(&p[i]);
	for (unsigned i = 0; i < MANY; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_CANCELED);
		probe_fini(&p[i]);
	}
	free(p);
}

/* ---- all of them ---- */

int open_transport_stage(void **state)
{
	struct stage *st = xcalloc(1, sizeof(*st));

	stage_open(st, *state);
	*state = st;
	return 0;
}

int close_transport_stage(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static const struct CMUnitTest plain_tests[] = {
	TRANSPORT_CASE(a_request_that_makes_no_sense_is_refused_and_nothing_happens),
	TRANSPORT_CASE(calls_after_the_end_do_nothing),
	TRANSPORT_CASE(plain_commands_end_as_they_should),
	TRANSPORT_CASE(two_hundred_tasks_run_at_once),
	TRANSPORT_CASE(much_output_arrives_exactly_through_pauses),
	TRANSPORT_CASE(a_paused_task_does_not_end_before_its_output_is_read),
	TRANSPORT_CASE(cancelled_at_once_it_ends_as_canceled_once),
	TRANSPORT_CASE(cancelled_when_it_starts_it_ends_as_canceled),
	TRANSPORT_CASE(cancelled_amid_its_output_it_ends_as_canceled),
	TRANSPORT_CASE(cancelled_while_paused_it_ends_all_the_same),
	TRANSPORT_CASE(fifty_are_cancelled_together),
};

int run_transport_cases(const struct transport_under_test *tut)
{
	size_t n = ARRAY_LEN(plain_tests) + (tut->shell ? transport_shell_cases_n : 0);
	struct CMUnitTest *tests = xcalloc(n, sizeof(*tests));
	int failed;

	memcpy(tests, plain_tests, sizeof(plain_tests));
	if (tut->shell)
		memcpy(tests + ARRAY_LEN(plain_tests), transport_shell_cases,
		       transport_shell_cases_n * sizeof(*tests));
	for (size_t i = 0; i < n; i++)
		tests[i].initial_state = (void *)tut;
	/* the function behind cmocka's macro, which wants an array */
	failed = _cmocka_run_group_tests(tut->name, tests, n, NULL, NULL);
	free(tests);
	return failed;
}

int skip_all_transport_cases(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}
