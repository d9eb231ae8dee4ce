/* run_limits.c - deadlines, retries, and when enough has failed; see run_private.h */
#include "run/run_private.h"

#include <stdio.h>

#define RETRY_FIRST_US 200000
#define RETRY_LONGEST_US (5 * 1000000)

/* Until the nearer of the two deadlines; INT64_MAX when there is none. */
static int64_t time_left(const struct attempt *a)
{
	const struct run_spec *spec = &a->run->spec;
	int64_t now = loop_now_us(spec->loop);
	int64_t left = INT64_MAX;

	if (spec->timeout_us > 0)
		left = a->slot->started_us + spec->timeout_us - now;
	if (spec->idle_timeout_us > 0 && a->sign_us + spec->idle_timeout_us - now < left)
		left = a->sign_us + spec->idle_timeout_us - now;
	return left;
}

void limits_arm(struct attempt *a)
{
	int64_t left = time_left(a);

	if (left != INT64_MAX)
		loop_timer_start(&a->timer, left > 0 ? left : 0);
}

enum outcome limits_check(struct attempt *a)
{
	const struct run_spec *spec = &a->run->spec;
	int64_t now = loop_now_us(spec->loop);

	if (spec->timeout_us > 0 && now >= a->slot->started_us + spec->timeout_us)
		return OUTCOME_TIMEOUT;
	if (a->run->paused > 0) /* it may have written: nobody looks */
		a->sign_us = now;
	if (spec->idle_timeout_us > 0 && now >= a->sign_us + spec->idle_timeout_us)
		return OUTCOME_IDLE;
	limits_arm(a);
	return OUTCOME_NONE;
}

void limits_explain(const struct run *run, enum outcome why, char *text, size_t size)
{
	if (why == OUTCOME_TIMEOUT)
		snprintf(text, size, "ran longer than %g s",
			 (double)run->spec.timeout_us / 1e6);
	else
		snprintf(text, size, "wrote nothing for %g s",
			 (double)run->spec.idle_timeout_us / 1e6);
}

bool limits_may_retry(const struct slot *slot, unsigned retries, const struct task_result *result)
{
	bool far_end = result->outcome == OUTCOME_UNREACHABLE || result->outcome == OUTCOME_LOST;

	return far_end && !result->begun && slot->attempts <= retries;
}

/* Doubles with each attempt; a half of it depends on the tag, so that hosts that failed together
 * do not come back together, and the same run waits the same. */
void limits_pause(struct attempt *a)
{
	int64_t pause = RETRY_FIRST_US;
	uint64_t h = 0xcbf29ce484222325u;

	for (unsigned i = 1; i < a->slot->attempts && pause < RETRY_LONGEST_US; i++)
		pause *= 2;
	if (pause > RETRY_LONGEST_US)
		pause = RETRY_LONGEST_US;
	for (const char *c = a->tag; *c != '\0'; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3u;
	loop_timer_start(&a->timer, pause / 2 + (int64_t)((h >> 16) % (uint64_t)(pause / 2)));
}

bool limits_end_batches(const struct run *run)
{
	size_t allowed = run->spec.max_fail == RUN_NO_LIMIT ? 0 : run->spec.max_fail;

	return run->n_failed > allowed;
}

bool limits_reached(const struct run *run)
{
	const struct run_spec *spec = &run->spec;

	if (run->n_failed == 0)
		return false;
	return spec->fail_fast || spec->gang || run->n_failed > spec->max_fail;
}
