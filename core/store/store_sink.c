/* store_sink.c - a fan-out into the journal: see the events call, result, call_end in journal.h */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/jsontext.h"
#include "run/run.h"
#include "set/hostlist.h"
#include "store/store_private.h"

struct store_sink {
	struct run_sink sink;
	struct store_run *run; /* NULL: over */
	struct store_sink *next;
	unsigned call;
	size_t n_failed;
	struct strbuf text; /* of the event being made */
};

static const struct run_sink_ops sink_ops;

struct run_sink *store_sink_create(struct store_run *run, unsigned call)
{
	struct store_sink *s = xcalloc(1, sizeof(*s));

	s->sink.ops = &sink_ops;
	s->run = run;
	s->call = call;
	s->next = run->sinks;
	run->sinks = s;
	return &s->sink;
}

void store_sink_detach(struct store_sink *s)
{
	struct store_sink **at = &s->run->sinks;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->run = NULL;
}

void store_sink_destroy(struct run_sink *sink)
{
	struct store_sink *s;

	if (sink == NULL)
		return;
	s = container_of(sink, struct store_sink, sink);
	if (s->run != NULL)
		store_sink_detach(s);
	strbuf_fini(&s->text);
	free(s);
}

static void add_words(struct strbuf *to, const char *const *argv)
{
	struct strbuf words = STRBUF_INIT;

	for (size_t i = 0; argv[i] != NULL; i++) {
		strbuf_addc(&words, i > 0 ? ',' : '[');
		/* a word that is no UTF-8 makes the record say so, not the reader stumble */
		jsontext_lossy(&words, argv[i], strlen(argv[i]));
	}
	strbuf_addf(to, ",\"argv\":%s]", strbuf_str(&words));
	strbuf_fini(&words);
}

static void add_command(struct strbuf *to, const struct command *c)
{
	static const char *const kinds[] = { [TASK_EXEC] = "exec", [TASK_PUT] = "put",
					     [TASK_GET] = "get" };

	jsontext_field(to, "kind", kinds[c->kind]);
	if (c->line != NULL)
		jsontext_field(to, "command", c->line);
	if (c->argv != NULL)
		add_words(to, c->argv);
	if (c->cwd != NULL)
		jsontext_field(to, "cwd", c->cwd);
	if (c->local_path != NULL)
		jsontext_field(to, "local", c->local_path);
	if (c->remote_path != NULL)
		jsontext_field(to, "remote", c->remote_path);
}

/* How many times the command changes from one task to the next, and one. */
static size_t count_commands(const struct run *run)
{
	size_t n = run_count(run) > 0;

	for (size_t i = 1; i < run_count(run); i++)
		n += run_command(run, i) != run_command(run, i - 1);
	return n;
}

static bool uses_sudo(const struct run *run)
{
	for (size_t i = 0; i < run_count(run); i++) {
		if (run_command(run, i)->sudo)
			return true;
	}
	return false;
}

static char *fold_hosts(const struct run *run)
{
	struct pl_hostlist *hosts = pl_hostlist_create();
	char *folded;

	for (size_t i = 0; i < run_count(run); i++)
		pl_hostlist_add(hosts, run_host(run, i));
	folded = pl_hostlist_fold(hosts);
	pl_hostlist_destroy(hosts);
	return folded;
}

static void on_begin(struct run_sink *sink, struct run *run)
{
	struct store_sink *s = container_of(sink, struct store_sink, sink);
	size_t n_commands = count_commands(run);
	char *hosts;

	if (s->run == NULL)
		return;
	if ((int64_t)run_count(run) > s->run->row.hosts)
		s->run->row.hosts = (int64_t)run_count(run);
	hosts = fold_hosts(run);
	strbuf_reset(&s->text);
	strbuf_addf(&s->text, "\"call\":%u,\"tasks\":%zu", s->call, run_count(run));
	jsontext_field(&s->text, "hosts", hosts);
	if (n_commands > 0)
		add_command(&s->text, run_command(run, 0));
	if (n_commands > 1)
		jsontext_number(&s->text, "commands", (int64_t)n_commands);
	if (uses_sudo(run))
		strbuf_adds(&s->text, ",\"sudo\":true");
	store_run_note(s->run, "call", s->text.s);
	free(hosts);
}

static void on_result(struct run_sink *sink, struct run *run, size_t i,
		      const struct run_result *r)
{
	struct store_sink *s = container_of(sink, struct store_sink, sink);
	struct strbuf *to = &s->text;

	(void)run;
	if (r->end.outcome != OUTCOME_OK)
		s->n_failed++;
	if (s->run == NULL)
		return;
	s->run->row.failed += r->end.outcome != OUTCOME_OK;
	strbuf_reset(to);
	strbuf_adds(to, "\"call\":");
	strbuf_addu(to, s->call);
	jsontext_number(to, "task", (int64_t)i + 1);
	jsontext_field(to, "host", r->host);
	if (r->index > 0)
		jsontext_number(to, "index", r->index);
	task_result_json(to, &r->end);
	jsontext_seconds(to, "seconds", r->seconds_us);
	jsontext_number(to, "out", (int64_t)r->out_total);
	jsontext_number(to, "err", (int64_t)r->err_total);
	if (r->attempts > 1)
		jsontext_number(to, "attempts", r->attempts);
	if (r->out_path != NULL)
		jsontext_field(to, "out_path", r->out_path);
	if (r->err_path != NULL)
		jsontext_field(to, "err_path", r->err_path);
	store_run_note(s->run, "result", to->s);
}

static void on_end(struct run_sink *sink, struct run *run)
{
	struct store_sink *s = container_of(sink, struct store_sink, sink);

	if (s->run == NULL)
		return;
	strbuf_reset(&s->text);
	strbuf_addf(&s->text, "\"call\":%u,\"ok\":%zu,\"failed\":%zu", s->call,
		    run_count(run) - s->n_failed, s->n_failed);
	store_run_note(s->run, "call_end", s->text.s);
}

static const struct run_sink_ops sink_ops = {
	.on_begin = on_begin,
	.on_result = on_result,
	.on_end = on_end,
};
