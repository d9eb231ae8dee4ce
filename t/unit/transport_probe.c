/* transport_probe.c - the stage and the probes of transport_cases.h */
#include "transport_cases.h"

#include <unistd.h>

#define WATCHDOG_US (60 * INT64_C(1000000))

/* ---- the stage ---- */

static void on_watchdog(void *arg)
{
	struct stage *st = arg;

	st->late = true;
}

void stage_open(struct stage *st, const struct transport_under_test *tut)
{
	struct pl_error err = { 0 };

	*st = (struct stage){ .tut = tut };
	st->loop = loop_create(tut->time, &err);
	assert_non_null(st->loop);
	st->tp = tut->create(st->loop, tut->arg);
	assert_non_null(st->tp);
	loop_timer_init(&st->watchdog, st->loop, on_watchdog, st);
}

void stage_close(struct stage *st)
{
	transport_destroy(st->tp);
	loop_timer_stop(&st->watchdog);
	loop_destroy(st->loop);
}

static void turn_until(struct stage *st, const bool *flag, const int *count)
{
	st->late = false;
	loop_timer_start(&st->watchdog, WATCHDOG_US);
	while (!(flag != NULL ? *flag : *count > 0)) {
		if (loop_turn(st->loop, LOOP_WAIT) == 0)
			fail_msg("nothing is left that could ever happen");
		if (st->late)
			fail_msg("it did not happen within the time of the watchdog");
	}
	loop_timer_stop(&st->watchdog);
}

void stage_wait_for(struct stage *st, const bool *flag)
{
	turn_until(st, flag, NULL);
}

/* ---- what the transport tells; assertions wait, as none may jump out of the loop ---- */

static void broken(struct probe *p, const char *promise)
{
	if (p->broken == NULL)
		p->broken = promise;
}

static struct probe *told(struct task *task)
{
	struct probe *p = task->owner;

	if (p->st->inside > 0)
		broken(p, "no callback fires inside a call");
	if (p->dones > 0)
		broken(p, "nothing fires after on_done");
	return p;
}

static void on_phase(struct task *task, enum phase phase)
{
	struct probe *p = told(task);

	(void)phase;
	p->phases++;
	if (p->starts > 0)
		broken(p, "on_phase comes before on_start");
}

static void on_start(struct task *task)
{
	struct probe *p = told(task);

	if (p->starts++ > 0)
		broken(p, "on_start fires once");
	if (p->on_start != NULL)
		p->on_start(p);
}

static void on_output(struct task *task, enum stream stream, const void *bytes, size_t len)
{
	struct probe *p = told(task);

	p->chunks++;
	if (p->starts == 0)
		broken(p, "on_start comes before on_output");
	if (p->paused)
		broken(p, "no output comes while paused");
	strbuf_add(stream == STREAM_OUT ? &p->out : &p->err, bytes, len);
	if (p->on_output != NULL)
		p->on_output(p);
}

static void on_drain(struct task *task)
{
	struct probe *p = told(task);

	p->drains++;
	if (p->on_drain != NULL)
		p->on_drain(p);
}

static void on_done(struct task *task, const struct task_result *result)
{
	struct probe *p = told(task);

	p->dones++;
	p->result = *result;
	if (task->impl != NULL)
		broken(p, "impl is NULL after on_done");
	if (p->on_done != NULL)
		p->on_done(p);
}

static const struct task_events probe_events = {
	.on_phase = on_phase,
	.on_start = on_start,
	.on_output = on_output,
	.on_drain = on_drain,
	.on_done = on_done,
};

/* ---- the probe ---- */

void probe_init(struct probe *p, struct stage *st, unsigned i)
{
	static unsigned serial;
	const struct transport_under_test *tut = st->tut;

	*p = (struct probe){ .st = st };
	if (tut->host != NULL)
		tut->host(p->host, sizeof(p->host), i, tut->arg);
	else
		snprintf(p->host, sizeof(p->host), "node%u", i);
	snprintf(p->tag, sizeof(p->tag), "unit-%ld.%u.%u", (long)getpid(), i, serial++);
	p->command.mode = -1;
	p->task = (struct task){
		.host = p->host,
		.tag = p->tag,
		.command = &p->command,
		.events = &probe_events,
		.owner = p,
	};
}

void probe_line(struct probe *p, struct stage *st, unsigned i, const char *line)
{
	probe_init(p, st, i);
	p->command.line = line;
}

void probe_fini(struct probe *p)
{
	strbuf_fini(&p->out);
	strbuf_fini(&p->err);
}

void probe_start(struct probe *p)
{
	struct pl_error err = { 0 };
	struct task *task = &p->task;

	p->st->inside++;
	if (transport_start(p->st->tp, &task, 1, &err) < 0)
		fail_msg("start: %s", err.text);
	p->st->inside--;
}

void probe_cancel(struct probe *p)
{
	p->st->inside++;
	p->st->tp->ops->cancel(&p->task);
	p->st->inside--;
}

void probe_write(struct probe *p, const void *bytes, size_t len)
{
	p->st->inside++;
	p->st->tp->ops->write(&p->task, bytes, len);
	p->st->inside--;
}

void probe_close_stdin(struct probe *p)
{
	p->st->inside++;
	p->st->tp->ops->close_stdin(&p->task);
	p->st->inside--;
}

void probe_pause(struct probe *p)
{
	p->st->inside++;
	p->paused = true;
	p->st->tp->ops->pause(&p->task);
	p->st->inside--;
}

void probe_resume(struct probe *p)
{
	p->st->inside++;
	p->paused = false;
	p->st->tp->ops->resume(&p->task);
	p->st->inside--;
}

void probe_wait(struct probe *p)
{
	turn_until(p->st, NULL, &p->dones);
	/* anything that fires too late should fire now */
	for (int i = 0; i < 3; i++)
		loop_turn(p->st->loop, LOOP_NOWAIT);
}

void probe_ended(const struct probe *p, enum outcome outcome)
{
	if (p->broken != NULL)
		fail_msg("broken promise: %s", p->broken);
	assert_int_equal(p->dones, 1);
	if (p->result.outcome != outcome)
		fail_msg("%s: ended as %s (code %d, signal %s, phase %s: %s), not as %s; stderr: %s",
			 p->command.line != NULL ? p->command.line : "task",
			 outcome_name(p->result.outcome), p->result.code, p->result.signal,
			 phase_name(p->result.phase), p->result.why, outcome_name(outcome),
			 strbuf_str(&p->err));
	if (outcome == OUTCOME_OK)
		assert_string_equal(p->result.why, "");
	else
		assert_true(p->result.why[0] != '\0');
}

void probe_run(struct probe *p, struct stage *st, const char *line)
{
	probe_line(p, st, 0, line);
	probe_start(p);
	probe_wait(p);
}
