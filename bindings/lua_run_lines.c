/*
 * lua_run_lines.c - lines of all tasks in the order they came, taken one by one by next_line().
 *
 * Lines lie in one buffer behind each other, each after its head. Above LINES_HIGH bytes the run is
 * paused until the reader has come down to LINES_LOW.
 */
#include "lua_run.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "run/lines.h"

#define LINES_HIGH (1024 * 1024)
#define LINES_LOW (256 * 1024)

struct line_head {
	size_t task;
	size_t len;
	enum stream stream;
	unsigned flags;
};

struct lua_lines {
	struct strbuf queue; /* heads and texts */
	size_t taken;	     /* bytes at its front that were handed out */
	bool paused;
	size_t n_tasks;
	struct lines **parts; /* by task: [0] stdout, [1] stderr; NULL until a byte came */
};

struct lua_lines *lua_lines_create(size_t n_tasks)
{
	struct lua_lines *q = xcalloc(1, sizeof(*q));

	q->n_tasks = n_tasks;
	q->parts = xcalloc(n_tasks, sizeof(*q->parts));
	return q;
}

void lua_lines_destroy(struct lua_lines *q)
{
	if (q == NULL)
		return;
	strbuf_fini(&q->queue);
	free(q->parts); /* each part was freed with its task's result */
	free(q);
}

static size_t waiting_bytes(const struct lua_lines *q)
{
	return q->queue.len - q->taken;
}

struct line_target {
	struct lua_lines *q;
	struct line_head head;
};

static void add_line(void *arg, const char *text, size_t len, unsigned flags)
{
	struct line_target *t = arg;

	t->head.len = len;
	t->head.flags = flags;
	strbuf_add(&t->q->queue, &t->head, sizeof(t->head));
	strbuf_add(&t->q->queue, text, len);
}

static void lines_came(struct lua_run *r)
{
	struct lua_lines *q = r->lines;

	if (waiting_bytes(q) > 0)
		sched_wake_all(&r->lined);
	if (!q->paused && waiting_bytes(q) > LINES_HIGH) {
		q->paused = true;
		run_pause(r->run);
	}
}

void lua_lines_output(struct lua_run *r, size_t i, enum stream stream, const void *bytes,
		      size_t len)
{
	struct lua_lines *q = r->lines;
	struct line_target t = { q, { .task = i, .stream = stream } };

	if (q->parts[i] == NULL)
		q->parts[i] = xcalloc(2, sizeof(*q->parts[i]));
	lines_feed(&q->parts[i][stream == STREAM_ERR], bytes, len, add_line, &t);
	lines_came(r);
}

void lua_lines_result(struct lua_run *r, size_t i)
{
	struct lua_lines *q = r->lines;
	struct line_target t = { q, { .task = i, .stream = STREAM_OUT } };

	if (q->parts[i] == NULL)
		return;
	lines_finish(&q->parts[i][0], add_line, &t);
	t.head.stream = STREAM_ERR;
	lines_finish(&q->parts[i][1], add_line, &t);
	free(q->parts[i]);
	q->parts[i] = NULL;
	lines_came(r);
}

/* Gives room back when half of the buffer has been handed out, so that a byte moves once. */
static void forget_taken(struct lua_run *r)
{
	struct lua_lines *q = r->lines;

	if (q->taken == q->queue.len || q->taken > LINES_LOW) {
		strbuf_consume(&q->queue, q->taken);
		q->taken = 0;
	}
	if (q->paused && waiting_bytes(q) <= LINES_LOW) {
		q->paused = false;
		run_resume(r->run);
	}
}

/* task, stream, line [, true when the rest of the line follows] */
static int push_line(lua_State *L, struct lua_run *r)
{
	struct lua_lines *q = r->lines;
	struct line_head head;
	const char *text = q->queue.s + q->taken + sizeof(head);

	memcpy(&head, q->queue.s + q->taken, sizeof(head));
	lua_pushinteger(L, (lua_Integer)head.task + 1);
	lua_pushstring(L, head.stream == STREAM_OUT ? "stdout" : "stderr");
	lua_pushlstring(L, text, head.len);
	lua_pushboolean(L, (head.flags & LINES_MORE) != 0);
	q->taken += sizeof(head) + head.len;
	forget_taken(r);
	return 4;
}

static int next_line_k(lua_State *L, int status, lua_KContext ctx)
{
	struct lua_run *r = lua_check_run(L, 1);

	(void)status;
	if (waiting_bytes(r->lines) > 0)
		return push_line(L, r);
	if (run_ended(r->run))
		return 0;
	return sched_block(L, &r->lined, "run:next_line", ctx, next_line_k);
}

int lua_run_next_line(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);

	lua_settop(L, 1);
	if (r->lines == NULL)
		return luaL_error(L, "next_line: this run was not started with lines = true");
	return next_line_k(L, LUA_OK, 0);
}
