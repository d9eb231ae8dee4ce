/* ssh_ask.c - see ssh_ask.h */
#include "ssh/ssh_ask.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strtable.h"
#include "loop/child.h"

#define AT_ONCE 8		   /* processes */
#define PATIENCE_US (60 * 1000000) /* with a command of `Match exec`; hosts give up before */
#define DUMP_MAX (1024 * 1024)
#define WORDS_MAX 4096 /* of its complaint */

enum question_state { QUESTION_WAITS, QUESTION_RUNS, QUESTION_ENDED };

struct asker {
	ssh_answer_f fn;
	void *arg;
};

/* One key. */
struct question {
	struct ssh_asks *asks;
	enum question_state state;
	char *host; /* the one that is asked for */
	struct child *child;
	struct loop_timer timer;
	struct loop_defer tell;
	struct strbuf dump, words;
	char why[300]; /* it failed; "" when it did not */
	struct asker *askers;
	size_t n_askers, cap_askers;
	struct question *next; /* of those that wait */
};

struct ssh_asks {
	struct loop *loop;
	const struct ssh_options *options;
	struct strtable by_key; /* -> struct question */
	struct question *first, **last;
	size_t running;
};

static void start_some(struct ssh_asks *asks);

/* ---- answers ---- */

/* Askers may ask again in their callback; they are of the next round. */
static void tell(void *arg)
{
	struct question *q = arg;
	struct asker *askers = q->askers;
	size_t n = q->n_askers;
	bool failed = q->why[0] != '\0';

	q->askers = NULL;
	q->n_askers = q->cap_askers = 0;
	for (size_t i = 0; i < n; i++)
		askers[i].fn(askers[i].arg, failed ? NULL : strbuf_str(&q->dump), q->host, q->why);
	free(askers);
}

static void end_question(struct question *q)
{
	loop_timer_stop(&q->timer);
	strbuf_fini(&q->words);
	q->state = QUESTION_ENDED;
	loop_defer_schedule(&q->tell);
}

/* ---- the process ---- */

static void on_output(void *arg, enum child_stream stream, const void *bytes, size_t len)
{
	struct question *q = arg;
	struct strbuf *to = stream == CHILD_STDOUT ? &q->dump : &q->words;
	size_t most = stream == CHILD_STDOUT ? DUMP_MAX : WORDS_MAX;

	strbuf_add(to, bytes, len < most - to->len ? len : most - to->len);
}

/* What it complained of last: warnings come first. */
static const char *last_line(struct strbuf *words)
{
	const char *nl;

	while (words->len > 0 && strchr("\r\n", words->s[words->len - 1]) != NULL)
		words->s[--words->len] = '\0';
	nl = words->len > 0 ? strrchr(words->s, '\n') : NULL;
	return nl != NULL ? nl + 1 : strbuf_str(words);
}

static void on_exit_status(void *arg, int status)
{
	struct question *q = arg;
	struct ssh_asks *asks = q->asks;

	child_destroy(q->child);
	q->child = NULL;
	asks->running--;
	if (status != 0 && q->why[0] == '\0')
		snprintf(q->why, sizeof(q->why), "ssh -G cannot say how to reach it: %.200s",
			 q->words.len > 0 ? last_line(&q->words) : "it failed");
	end_question(q);
	start_some(asks);
}

static const struct child_events child_events = { .on_output = on_output,
						  .on_exit = on_exit_status };

static void on_patience(void *arg)
{
	struct question *q = arg;

	snprintf(q->why, sizeof(q->why), "ssh -G has not said how to reach it within %d s (a "
		 "command of `Match exec` may hang)", PATIENCE_US / 1000000);
	child_signal(q->child, SIGKILL);
}

static void start(struct question *q)
{
	const struct ssh_options *o = q->asks->options;
	const char *argv[12];
	char port[16];
	size_t n = 0;
	const struct child_spec spec = { .argv = argv, .new_session = true };
	struct pl_error err = { 0 };

	argv[n++] = "ssh";
	argv[n++] = "-G";
	if (o->config_path != NULL) {
		argv[n++] = "-F";
		argv[n++] = o->config_path;
	}
	if (o->user != NULL) {
		argv[n++] = "-l";
		argv[n++] = o->user;
	}
	if (o->port != 0) {
		snprintf(port, sizeof(port), "%d", o->port);
		argv[n++] = "-p";
		argv[n++] = port;
	}
	argv[n++] = "--";
	argv[n++] = q->host;
	argv[n] = NULL;
	q->state = QUESTION_RUNS;
	q->child = child_spawn(q->asks->loop, &spec, &child_events, q, &err);
	if (q->child == NULL) {
		snprintf(q->why, sizeof(q->why), "ssh -G does not run: %.250s", err.text);
		end_question(q);
		return;
	}
	q->asks->running++;
	loop_timer_start(&q->timer, PATIENCE_US);
}

static void start_some(struct ssh_asks *asks)
{
	while (asks->running < AT_ONCE && asks->first != NULL) {
		struct question *q = asks->first;

		asks->first = q->next;
		if (asks->first == NULL)
			asks->last = &asks->first;
		start(q);
	}
}

/* ---- questions ---- */

static void put_in_row(struct question *q)
{
	q->state = QUESTION_WAITS;
	q->why[0] = '\0';
	strbuf_reset(&q->dump);
	q->next = NULL;
	*q->asks->last = q;
	q->asks->last = &q->next;
	start_some(q->asks);
}

static struct question *get_question(struct ssh_asks *asks, const char *host, const char *key)
{
	struct question *q = strtable_get(&asks->by_key, key);

	if (q != NULL)
		return q;
	q = xcalloc(1, sizeof(*q));
	q->asks = asks;
	q->host = xstrdup(host);
	loop_timer_init(&q->timer, asks->loop, on_patience, q);
	loop_defer_init(&q->tell, asks->loop, tell, q);
	strtable_put(&asks->by_key, key, q);
	put_in_row(q);
	return q;
}

void ssh_ask(struct ssh_asks *asks, const char *host, const char *key, ssh_answer_f fn, void *arg)
{
	struct question *q = get_question(asks, host, key);

	if (q->state == QUESTION_ENDED && q->why[0] != '\0' && q->n_askers == 0)
		put_in_row(q);
	ARRAY_GROW(q->askers, q->n_askers, q->cap_askers);
	q->askers[q->n_askers++] = (struct asker){ fn, arg };
	if (q->state == QUESTION_ENDED)
		loop_defer_schedule(&q->tell);
}

struct ssh_asks *ssh_asks_create(struct loop *loop, const struct ssh_options *options)
{
	struct ssh_asks *asks = xcalloc(1, sizeof(*asks));

	asks->loop = loop;
	asks->options = options;
	asks->last = &asks->first;
	return asks;
}

static void question_free(struct question *q)
{
	child_destroy(q->child);
	loop_timer_stop(&q->timer);
	loop_defer_cancel(&q->tell);
	strbuf_fini(&q->dump);
	strbuf_fini(&q->words);
	free(q->askers);
	free(q->host);
	free(q);
}

void ssh_asks_destroy(struct ssh_asks *asks)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	if (asks == NULL)
		return;
	while ((it = strtable_next(&asks->by_key, &pos)) != NULL)
		question_free(it->value);
	strtable_fini(&asks->by_key);
	free(asks);
}
