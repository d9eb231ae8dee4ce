/*
 * ssh_agent.c - see ssh_agent.h
 *
 *	CLOSED -> CONNECTING -> IDLE -> SENDING -> RECEIVING -> IDLE
 *
 * and back to CLOSED whenever the connection goes away. CONNECTING waits for room in the backlog of
 * the agent, of which the kernel does not tell.
 */
#include "ssh/ssh_agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define MESSAGE_MAX (256 * 1024) /* as in OpenSSH */
#define KEYS_MAX 2048		 /* likewise */
#define RETRY_US (20 * 1000)

/* Numbers of messages. */
enum {
	ASK_IDENTITIES = 11,
	ANSWER_IDENTITIES = 12,
	ASK_SIGN = 13,
	ANSWER_SIGN = 14,
};

enum agent_state { AGENT_CLOSED, AGENT_CONNECTING, AGENT_IDLE, AGENT_SENDING, AGENT_RECEIVING };

struct ssh_agent_request {
	struct ssh_agent *agent;
	struct ssh_agent_request *next;
	struct strbuf message;
	ssh_agent_sign_f fn; /* NULL: this one asks for the keys */
	void *arg;
};

struct ssh_agent {
	struct loop *loop;
	char *path;
	ssh_agent_f on_listed;
	void *arg;
	enum agent_state state;
	int fd;
	struct loop_io *io;
	struct loop_defer again;
	struct loop_timer retry;
	struct loop_timer patience;		/* armed while the keys are asked for */
	struct ssh_agent_request *first, *last; /* the first is the one under way */
	size_t sent;
	struct strbuf answer;
	bool proven; /* this connection brought an answer */
	bool met;    /* there was a connection once */

	bool asked, listed;
	struct ssh_agent_key *keys;
	size_t n_keys;
	char *trouble;
};

static void on_again(void *arg);
static void on_patience(void *arg);
static void step(struct ssh_agent *agent);

struct ssh_agent *ssh_agent_create(struct loop *loop, const char *path, ssh_agent_f on_listed,
				   void *arg)
{
	struct ssh_agent *agent = xcalloc(1, sizeof(*agent));

	*agent = (struct ssh_agent){ .loop = loop, .on_listed = on_listed, .arg = arg, .fd = -1 };
	agent->path = xstrdup(path);
	loop_defer_init(&agent->again, loop, on_again, agent);
	loop_timer_init(&agent->retry, loop, on_again, agent);
	loop_timer_init(&agent->patience, loop, on_patience, agent);
	return agent;
}

/* ---- requests ---- */

static struct ssh_agent_request *request_add(struct ssh_agent *agent)
{
	struct ssh_agent_request *r = xcalloc(1, sizeof(*r));

	r->agent = agent;
	*(agent->last != NULL ? &agent->last->next : &agent->first) = r;
	agent->last = r;
	loop_defer_schedule(&agent->again);
	return r;
}

static void request_free(struct ssh_agent_request *r)
{
	struct ssh_agent *agent = r->agent;
	struct ssh_agent_request **at = &agent->first, *before = NULL;

	while (*at != r) {
		before = *at;
		at = &(*at)->next;
	}
	*at = r->next;
	if (agent->last == r)
		agent->last = before;
	strbuf_fini(&r->message);
	free(r);
}

struct ssh_agent_request *ssh_agent_sign(struct ssh_agent *agent, struct field blob,
					 struct field data, uint32_t flags, ssh_agent_sign_f fn,
					 void *arg)
{
	struct ssh_agent_request *r = request_add(agent);

	r->fn = fn;
	r->arg = arg;
	field_add_u32(&r->message, (uint32_t)(1 + 4 + blob.len + 4 + data.len + 4));
	strbuf_addc(&r->message, ASK_SIGN);
	field_add_string(&r->message, blob.p, blob.len);
	field_add_string(&r->message, data.p, data.len);
	field_add_u32(&r->message, flags);
	return r;
}

void ssh_agent_list(struct ssh_agent *agent, int64_t patience_us)
{
	if (agent->listed)
		return;
	if (!loop_timer_armed(&agent->patience) ||
	    agent->patience.due_us > loop_now_us(agent->loop) + patience_us)
		loop_timer_start(&agent->patience, patience_us);
	if (agent->asked)
		return;
	agent->asked = true;
	strbuf_add(&request_add(agent)->message, "\0\0\0\1\13", 5);
}

/* ---- what comes of them ---- */

static void finish_list(struct ssh_agent *agent)
{
	agent->listed = true;
	loop_timer_stop(&agent->patience);
	agent->on_listed(agent->arg, agent);
}

static void take_keys(struct ssh_agent *agent, struct field_reader *r)
{
	uint32_t n = field_take_u32(r);

	for (uint32_t i = 0; i < n && i < KEYS_MAX && !r->bad; i++) {
		struct field blob = field_take_string(r);
		struct field comment = field_take_string(r);
		unsigned char *copy;

		if (r->bad || blob.len == 0)
			continue;
		copy = xmalloc(blob.len);
		memcpy(copy, blob.p, blob.len);
		agent->keys = xreallocarray(agent->keys, agent->n_keys + 1, sizeof(*agent->keys));
		agent->keys[agent->n_keys++] = (struct ssh_agent_key){
			.blob = { copy, blob.len },
			.comment = xstrndup((const char *)comment.p, comment.len),
		};
	}
}

static void end_list(struct ssh_agent *agent, struct field answer, const char *why)
{
	struct field_reader r = { answer.p, answer.len, false };

	if (why == NULL && field_take_byte(&r) == ANSWER_IDENTITIES) {
		take_keys(agent, &r);
	} else {
		agent->trouble = xasprintf("the ssh-agent at %s %s: its keys are not used",
					   agent->path,
					   why != NULL ? why : "does not tell what keys it has");
		log_debug(LOG_SSH, "%s", agent->trouble);
	}
	finish_list(agent);
}

static void end_sign(struct ssh_agent_request *r, struct field answer, const char *why)
{
	struct field_reader reader = { answer.p, answer.len, false };
	struct field signature = { 0 };

	if (why == NULL && field_take_byte(&reader) == ANSWER_SIGN)
		signature = field_take_string(&reader);
	if (why == NULL && signature.len == 0)
		why = "refuses to sign";
	r->fn(r->arg, signature, why);
}

/* The first request has its answer, or `why` there will be none. */
static void end_request(struct ssh_agent *agent, struct field answer, const char *why)
{
	struct ssh_agent_request *r = agent->first;
	struct ssh_agent_request own = *r;

	memset(&r->message, 0, sizeof(r->message));
	request_free(r);
	if (own.fn != NULL)
		end_sign(&own, answer, why);
	else if (!agent->listed)
		end_list(agent, answer, why);
	strbuf_fini(&own.message);
}

/* ---- the connection ---- */

static void close_connection(struct ssh_agent *agent)
{
	loop_io_destroy(agent->io);
	agent->io = NULL;
	if (agent->fd >= 0)
		close(agent->fd);
	agent->fd = -1;
	strbuf_reset(&agent->answer);
	agent->proven = false;
	agent->state = AGENT_CLOSED;
}

void ssh_agent_forget(struct ssh_agent_request *r)
{
	struct ssh_agent *agent;

	if (r == NULL)
		return;
	agent = r->agent;
	/* whoever gave up waited long: those behind it get a connection of their own */
	if (agent->first == r &&
	    (agent->state == AGENT_SENDING || agent->state == AGENT_RECEIVING)) {
		close_connection(agent);
		loop_defer_schedule(&agent->again);
	}
	request_free(r);
}

/* The one under way was asked in vain; those behind it are asked through a new connection. */
static void lose(struct ssh_agent *agent, const char *why)
{
	close_connection(agent);
	loop_defer_schedule(&agent->again);
	if (agent->first != NULL)
		end_request(agent, (struct field){ 0 }, why);
}

/* An agent may close a connection after an answer: the next question deserves another one. */
static void went_away(struct ssh_agent *agent)
{
	if (!agent->proven) {
		lose(agent, "went away");
		return;
	}
	close_connection(agent);
	loop_defer_schedule(&agent->again);
}

static void on_patience(void *arg)
{
	lose(arg, "does not answer");
}

static void on_ready(void *arg, int events)
{
	(void)events;
	step(arg);
}

static void fail_all(struct ssh_agent *agent, const char *why)
{
	struct ssh_agent_request *last = agent->last;
	bool more = last != NULL;

	/* what is asked meanwhile waits for another try */
	while (more) {
		more = agent->first != last;
		end_request(agent, (struct field){ 0 }, why);
	}
}

static int open_socket(struct ssh_agent *agent)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(agent->path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, agent->path);
	agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (agent->fd < 0)
		return -1;
	return connect(agent->fd, (struct sockaddr *)&address, sizeof(address));
}

static void open_connection(struct ssh_agent *agent)
{
	int errnum;

	if (open_socket(agent) == 0) {
		agent->io = loop_io_create(agent->loop, agent->fd, on_ready, agent);
		agent->state = AGENT_IDLE;
		agent->met = true;
		return;
	}
	errnum = errno;
	close_connection(agent);
	if (errnum == EAGAIN) {
		agent->state = AGENT_CONNECTING;
		loop_timer_start(&agent->retry, RETRY_US);
	} else {
		fail_all(agent, strerror(errnum));
	}
}

/* False when there is no room for more now, or no connection any more. */
static bool send_some(struct ssh_agent *agent)
{
	const struct strbuf *m = &agent->first->message;
	ssize_t n = send(agent->fd, m->s + agent->sent, m->len - agent->sent, MSG_NOSIGNAL);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno != EAGAIN)
		went_away(agent);
	if (n < 0)
		return false;
	agent->sent += (size_t)n;
	if (agent->sent == m->len)
		agent->state = AGENT_RECEIVING;
	return true;
}

/* The answer when all of it is there: 1; 0 when not yet, -1 when it is nonsense. */
static int take_answer(const struct ssh_agent *agent, struct field *answer)
{
	struct field_reader r = { (const unsigned char *)agent->answer.s, agent->answer.len,
				  false };
	uint32_t len = field_take_u32(&r);

	if (r.bad)
		return 0;
	if (len == 0 || len > MESSAGE_MAX)
		return -1;
	*answer = (struct field){ r.p, len };
	return r.left >= len;
}

static bool receive_some(struct ssh_agent *agent)
{
	ssize_t n = recv(agent->fd, strbuf_reserve(&agent->answer, 4096), 4096, 0);
	struct field answer;
	struct strbuf own;
	int done;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	if (n > 0)
		agent->answer.len += (size_t)n;
	else
		went_away(agent);
	if (n <= 0)
		return false;
	done = take_answer(agent, &answer);
	if (done < 0)
		lose(agent, "talks nonsense");
	if (done <= 0)
		return done == 0;
	agent->state = AGENT_IDLE;
	agent->proven = true;
	own = agent->answer; /* a callback may ask the next question */
	strbuf_init(&agent->answer);
	end_request(agent, answer, NULL);
	strbuf_fini(&own);
	return true;
}

/* ---- the step ---- */

/* True when there may be more to do. */
static bool step_once(struct ssh_agent *agent)
{
	switch (agent->state) {
	case AGENT_CLOSED:
		if (agent->first != NULL)
			open_connection(agent);
		return agent->state == AGENT_IDLE;
	case AGENT_CONNECTING:
		if (loop_timer_armed(&agent->retry))
			return false;
		agent->state = AGENT_CLOSED;
		return true;
	case AGENT_IDLE:
		if (agent->first == NULL)
			return false;
		agent->sent = 0;
		agent->state = AGENT_SENDING;
		return true;
	case AGENT_SENDING:
		return send_some(agent);
	case AGENT_RECEIVING:
		return receive_some(agent);
	}
	return false;
}

/* An idle connection is not watched: that it is gone shows when it is used. */
static void step(struct ssh_agent *agent)
{
	while (step_once(agent))
		;
	if (agent->io != NULL)
		loop_io_want(agent->io, agent->state == AGENT_SENDING	   ? LOOP_WRITE
					: agent->state == AGENT_RECEIVING ? LOOP_READ
									  : 0);
}

static void on_again(void *arg)
{
	step(arg);
}

/* ---- */

void ssh_agent_destroy(struct ssh_agent *agent)
{
	if (agent == NULL)
		return;
	close_connection(agent);
	loop_defer_cancel(&agent->again);
	loop_timer_stop(&agent->retry);
	loop_timer_stop(&agent->patience);
	while (agent->first != NULL)
		request_free(agent->first);
	for (size_t i = 0; i < agent->n_keys; i++) {
		free((void *)agent->keys[i].blob.p);
		free(agent->keys[i].comment);
	}
	free(agent->keys);
	free(agent->trouble);
	strbuf_fini(&agent->answer);
	free(agent->path);
	free(agent);
}

bool ssh_agent_is_listed(const struct ssh_agent *agent)
{
	return agent->listed;
}

const struct ssh_agent_key *ssh_agent_keys(const struct ssh_agent *agent, size_t *n)
{
	*n = agent->n_keys;
	return agent->keys;
}

const char *ssh_agent_path(const struct ssh_agent *agent)
{
	return agent->path;
}

const char *ssh_agent_trouble(const struct ssh_agent *agent)
{
	return agent->trouble != NULL && agent->met ? agent->trouble : "";
}
