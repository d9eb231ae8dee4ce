/* printer_forms.c - how lines, notes, objects and files look; see printer_private.h */
#include "run/printer_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "base/screen.h"
#include "base/strtable.h"

#define BLUE "\033[34m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

static void add_text(struct strbuf *to, bool screen, const char *text, size_t len)
{
	if (screen)
		screen_text(to, text, len);
	else
		strbuf_add(to, text, len);
}

static void add_label(struct strbuf *to, bool screen, const struct run_result *who)
{
	add_text(to, screen, who->host, strlen(who->host));
	if (who->index > 0)
		strbuf_addf(to, "/%u", who->index);
}

void printer_line(const struct printer *p, struct strbuf *to, bool screen, enum stream stream,
		  const struct run_result *who, const char *text, size_t len, unsigned flags)
{
	if (p->options.prefix) {
		size_t from;

		if (p->options.color)
			strbuf_adds(to, stream == STREAM_OUT ? BLUE : RED);
		from = to->len;
		add_label(to, screen, who);
		/* the rest of a line that was too long to keep: told apart from a new line */
		strbuf_addc(to, flags & LINES_GOES_ON ? '+' : ':');
		while (to->len - from < p->options.width)
			strbuf_addc(to, ' ');
		if (p->options.color)
			strbuf_adds(to, PLAIN);
		strbuf_addc(to, ' ');
	}
	add_text(to, screen, text, len);
	strbuf_addc(to, '\n');
}

static void add_reason(struct strbuf *to, const struct run_result *r)
{
	switch (r->end.outcome) {
	case OUTCOME_EXIT:
		strbuf_addf(to, "exit %d", r->end.code);
		return;
	case OUTCOME_SIGNAL:
		strbuf_addf(to, "killed by SIG%s", r->end.signal);
		return;
	default:
		strbuf_adds(to, outcome_name(r->end.outcome));
	}
	if (r->end.phase != PHASE_NONE)
		strbuf_addf(to, " (%s)", phase_name(r->end.phase));
	if (r->end.why[0] != '\0')
		strbuf_addf(to, ": %s", r->end.why);
	if (r->end.detail[0] != '\0')
		strbuf_addf(to, "; %s", r->end.detail);
}

void printer_note(struct strbuf *to, const struct run_result *r)
{
	struct strbuf reason = STRBUF_INIT;

	add_reason(&reason, r);
	strbuf_adds(to, "perilune: ");
	add_label(to, true, r);
	strbuf_adds(to, ": ");
	screen_text(to, strbuf_str(&reason), reason.len);
	strbuf_addc(to, '\n');
	strbuf_fini(&reason);
}

/* ---- JSON ---- */

static void add_stream(struct strbuf *to, const char *name, const char *bytes, size_t len)
{
	strbuf_addc(to, ',');
	jsontext_bytes(to, name, bytes != NULL ? bytes : "", len);
}

void printer_object(struct strbuf *to, const struct run_result *r)
{
	strbuf_addc(to, '{');
	jsontext_bytes(to, "host", r->host, strlen(r->host));
	if (r->index > 0)
		jsontext_number(to, "index", r->index);
	task_result_json(to, &r->end);
	if (r->attempts > 1)
		jsontext_number(to, "attempts", r->attempts);
	jsontext_seconds(to, "seconds", r->seconds_us);
	add_stream(to, "stdout", r->out, r->out_len);
	add_stream(to, "stderr", r->err, r->err_len);
	if (r->out_total > r->out_len || r->err_total > r->err_len)
		strbuf_adds(to, ",\"truncated\":true");
	if (r->out_path != NULL)
		jsontext_field(to, "stdout_path", r->out_path);
	if (r->err_path != NULL)
		jsontext_field(to, "stderr_path", r->err_path);
	strbuf_adds(to, "}\n");
}

void printer_summary(struct strbuf *to, const struct run *run)
{
	struct run_summary sum;

	run_summary(run, &sum);
	strbuf_addf(to, "{\"summary\":{\"tasks\":%zu", sum.n_tasks);
	for (int o = OUTCOME_OK; o < OUTCOMES; o++)
		jsontext_number(to, outcome_name(o), (int64_t)sum.by_outcome[o]);
	strbuf_adds(to, "}}\n");
}

/* ---- files ---- */

#define FILE_NAME_MAX 200 /* of a host's name; file systems allow 255 for all of it */

/* Different hosts have different files: what is replaced can be told from what stood there. A name
 * too long for a file ends in its hash. */
static void add_file_name(struct strbuf *to, const char *host)
{
	size_t from = to->len;

	for (const char *c = host; *c != '\0'; c++) {
		bool fit = (unsigned char)*c > ' ' && *c != '/' && *c != '%' && *c != 0x7f;

		if (fit && (*c != '.' || c != host))
			strbuf_addc(to, *c);
		else
			strbuf_addf(to, "%%%02X", (unsigned char)*c);
	}
	if (to->len - from <= FILE_NAME_MAX)
		return;
	to->len = from + FILE_NAME_MAX - 17;
	strbuf_addf(to, "%%%016llx", (unsigned long long)strtable_hash(host, strlen(host)));
}

/* Opened for each chunk: a thousand hosts at once would need more descriptors than there are. */
int printer_file(const struct printer *p, const char *host, unsigned index, enum stream stream,
		 bool first, const void *bytes, size_t len)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	struct strbuf path = STRBUF_INIT;
	int fd, rc = 0;

	strbuf_addf(&path, "%s/", p->outdir);
	add_file_name(&path, host);
	if (index > 0)
		strbuf_addf(&path, ".%u", index);
	strbuf_adds(&path, stream == STREAM_OUT ? ".out" : ".err");
	fd = open(path.s, flags | (first ? O_TRUNC : 0), 0600);
	strbuf_fini(&path);
	if (fd < 0)
		return errno;
	for (const char *b = bytes; len > 0 && rc == 0;) {
		ssize_t n = write(fd, b, len);

		if (n < 0 && errno != EINTR)
			rc = errno;
		b += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	if (close(fd) != 0 && rc == 0 && errno != EINTR)
		rc = errno;
	return rc;
}
