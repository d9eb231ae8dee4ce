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
	char *key; /* fields of the call of a recipe, as JSON; NULL: of none */
	size_t n_ok, n_failed;
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

void store_sink_key(struct run_sink *sink, const struct store_key *key)
{
	struct store_sink *s = container_of(sink, struct store_sink, sink);
	struct strbuf text = STRBUF_INIT;

	jsontext_number(&text, "point", key->point);
	jsontext_field(&text, "key", key->key);
	if (key->step != NULL)
		jsontext_field(&text, "step", key->step);
	jsontext_field(&text, "digest", key->digest);
	if (key->where != NULL)
		jsontext_field(&text, "where", key->where);
	if (key->once)
		strbuf_adds(&text, ",\"once\":true");
	if (key->again > 0)
		jsontext_number(&text, "again", key->again);
	free(s->key);
	s->key = strbuf_detach(&text);
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
	free(s->key);
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
	if (c->survive)
		strbuf_adds(to, ",\"survive\":true");
	if (c->detach)
		strbuf_adds(to, ",\"detach\":true");
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

static void add_call(struct store_sink *s, struct run *run)
{
	size_t n_commands = count_commands(run);
	char *hosts = fold_hosts(run);
	struct strbuf *to = &s->text;

	strbuf_reset(to);
	strbuf_addf(to, "\"call\":%u,\"tasks\":%zu", s->call, run_count(run));
	if (s->key != NULL)
		strbuf_adds(to, s->key);
	jsontext_field(to, "hosts", hosts);
	if (n_commands > 0)
		add_command(to, run_command(run, 0));
	if (n_commands > 1)
		jsontext_number(to, "commands", (int64_t)n_commands);
	if (uses_sudo(run))
		strbuf_adds(to, ",\"sudo\":true");
	free(hosts);
}

/* What a recipe asks for is not begun when that cannot be recorded: it could be done twice. */
static void on_begin(struct run_sink *sink, struct run *run)
{
	struct store_sink *s = container_of(sink, struct store_sink, sink);

	if (s->run == NULL)
		return;
	if ((int64_t)run_count(run) > s->run->row.hosts)
		s->run->row.hosts = (int64_t)run_count(run);
	if (s->key == NULL || store_run_check(s->run, NULL) == 0) {
		add_call(s, run);
		store_run_note(s->run, "call", s->text.s);
	}
	if (s->key != NULL && s->run->broken)
		run_cancel(run);
}

/* Where a further attempt left what survives can only be known by its tag. */
static void on_attempt(struct run_sink *sink, struct run *run, size_t i, unsigned attempt)
{
	struct store_sink *s = container_of(sink, struct store_sink, sink);

	if (s->run == NULL || s->key == NULL || attempt < 2 || !run_command(run, i)->survive)
		return;
	strbuf_reset(&s->text);
	strbuf_addf(&s->text, "\"call\":%u,\"task\":%zu,\"attempt\":%u", s->call, i + 1, attempt);
	store_run_note(s->run, "attempt", s->text.s);
}

/* ---- results ---- */

/* DIR/out/CALL.TASK.out (or .err) with the bytes of a stream that is too long for a line. */
static char *write_stream(struct store_sink *s, size_t i, const char *suffix, const char *bytes,
			  size_t len)
{
	char *folder = xasprintf("%s/out", s->run->dir);
	char *name = xasprintf("out/%u.%zu.%s", s->call, i + 1, suffix);
	char *path = xasprintf("%s/%s", s->run->dir, name);
	struct pl_error err;

	if (store_write_new(folder, path, bytes, len, &err) != 0) {
		store_run_break(s->run, &err);
		free(name);
		name = NULL;
	}
	free(folder);
	free(path);
	return name;
}

struct stream_kept {
	const char *field, *file_field, *path_field, *suffix;
	const char *bytes, *path; /* may be NULL */
	size_t len;
};

/* A path inside of the folder of the run is told from there, so that the folder may move. */
static void add_path(struct store_sink *s, const char *field, const char *path)
{
	size_t len = strlen(s->run->dir);
	bool inside = s->key != NULL && strncmp(path, s->run->dir, len) == 0 && path[len] == '/';

	jsontext_field(&s->text, field, inside ? path + len + 1 : path);
}

static void add_stream(struct store_sink *s, size_t i, const struct stream_kept *k)
{
	char *name = NULL;

	if (k->path == NULL && s->key != NULL && k->len > STORE_INLINE_BYTES)
		name = write_stream(s, i, k->suffix, k->bytes, k->len);
	if (k->path != NULL)
		add_path(s, k->path_field, k->path);
	else if (name != NULL)
		jsontext_field(&s->text, k->file_field, name);
	else if (s->key != NULL && k->len > 0 && k->len <= STORE_INLINE_BYTES) {
		strbuf_addc(&s->text, ',');
		jsontext_bytes(&s->text, k->field, k->bytes, k->len);
	}
	free(name);
}

static void add_streams(struct store_sink *s, size_t i, const struct run_result *r)
{
	struct stream_kept out = { "stdout", "stdout_file", "out_path", "out",
				   r->out,   r->out_path,    r->out_len };
	struct stream_kept err = { "stderr", "stderr_file", "err_path", "err",
				   r->err,   r->err_path,    r->err_len };

	add_stream(s, i, &out);
	add_stream(s, i, &err);
}

static void add_result(struct store_sink *s, size_t i, const struct run_result *r)
{
	struct strbuf *to = &s->text;

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
	add_streams(s, i, r);
}

static void on_result(struct run_sink *sink, struct run *run, size_t i,
		      const struct run_result *r)
{
	struct store_sink *s = container_of(sink, struct store_sink, sink);
	bool ok = r->end.outcome == OUTCOME_OK;

	(void)run;
	s->n_failed += !ok;
	s->n_ok += ok;
	if (s->run == NULL || r->past) /* it is there */
		return;
	s->run->row.failed += !ok;
	add_result(s, i, r);
	store_run_note(s->run, "result", s->text.s);
}

static void on_end(struct run_sink *sink, struct run *run)
{
	struct store_sink *s = container_of(sink, struct store_sink, sink);

	(void)run;
	if (s->run == NULL)
		return;
	strbuf_reset(&s->text);
	strbuf_addf(&s->text, "\"call\":%u,\"ok\":%zu,\"failed\":%zu", s->call, s->n_ok,
		    s->n_failed);
	store_run_note(s->run, "call_end", s->text.s);
}

static const struct run_sink_ops sink_ops = {
	.on_begin = on_begin,
	.on_attempt = on_attempt,
	.on_result = on_result,
	.on_end = on_end,
};
