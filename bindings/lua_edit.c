/*
 * lua_edit.c - perilune.core.edit: a line that a person types, edited by libedit on the loop.
 *
 * libedit reads one character at a time and is asked only when there is one, so that everything
 * else goes on meanwhile. What happens at the line is told as events: the task that waits in
 * next() gets them one by one. What others have to say while a line is being typed goes above it.
 */
#include <errno.h>
#include <histedit.h>
#include <lauxlib.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "binding.h"
#include "sched.h"

#define EDITOR "perilune.editor"
#define HISTORY_LINES 1000
#define CTRL_D '\004'

enum edit_event { EVENT_NONE, EVENT_LINE, EVENT_TAB, EVENT_END, EVENT_INTERRUPT };

static const char *const event_names[] = {
	[EVENT_LINE] = "line",
	[EVENT_TAB] = "tab",
	[EVENT_END] = "end",
	[EVENT_INTERRUPT] = "interrupt",
};

struct editor {
	EditLine *el; /* NULL once it is closed */
	History *history;
	struct loop_io *io;
	struct sched_queue waiter;
	char *prompt;
	bool reading; /* a line is on the terminal */
	enum edit_event event;
	struct strbuf line; /* EVENT_LINE: it, without its end */
};

static struct editor *check_editor(lua_State *L)
{
	struct editor *e = luaL_checkudata(L, 1, EDITOR);

	if (e->el == NULL)
		luaL_error(L, "the editor is closed");
	return e;
}

/* ---- the terminal ---- */

/* The terminal is libedit's while a line is typed, and as it was between two lines. */
static void set_reading(struct editor *e, bool reading)
{
	if (e->reading == reading)
		return;
	e->reading = reading;
	el_set(e->el, EL_UNBUFFERED, (int)reading);
	loop_io_want(e->io, reading ? LOOP_READ : 0);
}

static int columns(struct editor *e)
{
	int n = 0;

	el_get(e->el, EL_GETTC, "co", &n, NULL);
	return n > 0 ? n : 80;
}

/* Leaves the cursor at the beginning of a line that is empty down to the end of the screen. */
static void hide_line(struct editor *e)
{
	const LineInfo *info = el_line(e->el);
	size_t at = strlen(e->prompt) + (size_t)(info->cursor - info->buffer);
	size_t rows = at / (size_t)columns(e);

	if (rows > 0)
		printf("\033[%zuA", rows);
	printf("\r\033[J");
}

static void tell(struct editor *e, enum edit_event event)
{
	e->event = event;
	if (event != EVENT_TAB)
		set_reading(e, false);
	if (event == EVENT_INTERRUPT || event == EVENT_END)
		puts(event == EVENT_END ? "" : "^C");
	fflush(stdout);
	sched_wake_all(&e->waiter);
}

/* ---- what libedit asks ---- */

static char *give_prompt(EditLine *el)
{
	struct editor *e;

	el_get(el, EL_CLIENTDATA, &e);
	return e->prompt;
}

static unsigned char on_tab(EditLine *el, int ch)
{
	struct editor *e;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &e);
	tell(e, EVENT_TAB);
	return CC_NORM;
}

/* ---- what comes ---- */

static bool is_hung_up(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLIN) == 0;
}

static void on_readable(void *arg, int events)
{
	struct editor *e = arg;
	const char *typed;
	int n = 0;

	(void)events;
	if (is_hung_up()) {
		tell(e, EVENT_END);
		return;
	}
	typed = el_gets(e->el, &n);
	if (typed == NULL || n <= 0)
		return;
	if (n == 1 && typed[0] == CTRL_D) {
		tell(e, EVENT_END);
	} else if (typed[n - 1] == '\n' || typed[n - 1] == '\r') {
		strbuf_reset(&e->line);
		strbuf_add(&e->line, typed, (size_t)n - 1);
		tell(e, EVENT_LINE);
	}
}

/* ---- methods ---- */

static int push_event(lua_State *L, struct editor *e)
{
	const LineInfo *info;
	enum edit_event event = e->event;

	e->event = EVENT_NONE;
	lua_pushstring(L, event_names[event]);
	if (event == EVENT_LINE) {
		lua_pushlstring(L, strbuf_str(&e->line), e->line.len);
		return 2;
	}
	if (event != EVENT_TAB)
		return 1;
	info = el_line(e->el);
	lua_pushlstring(L, info->buffer, (size_t)(info->cursor - info->buffer));
	return 2;
}

static int next_k(lua_State *L, int status, lua_KContext ctx)
{
	struct editor *e = check_editor(L);

	(void)status;
	if (e->event == EVENT_NONE)
		return sched_block(L, &e->waiter, "the line", ctx, next_k);
	return push_event(L, e);
}

/* next(prompt) -> "line", text | "tab", the text before the cursor | "interrupt" | "end" (waits) */
static int editor_next(lua_State *L)
{
	struct editor *e = check_editor(L);
	const char *prompt = luaL_checkstring(L, 2);

	if (!e->reading) {
		free(e->prompt);
		e->prompt = xstrdup(prompt);
		fflush(stdout);
		set_reading(e, true);
	}
	return next_k(L, LUA_OK, 0);
}

/* print(text): writes whole lines, above the one that is being typed. */
static int editor_print(lua_State *L)
{
	struct editor *e = check_editor(L);
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);

	if (e->reading)
		hide_line(e);
	fwrite(text, 1, len, stdout);
	fflush(stdout);
	if (e->reading)
		el_set(e->el, EL_REFRESH);
	return 0;
}

/* replace(n, text): text for the n bytes before the cursor. */
static int editor_replace(lua_State *L)
{
	struct editor *e = check_editor(L);

	if (!e->reading)
		return 0;
	el_deletestr(e->el, (int)luaL_checkinteger(L, 2));
	el_insertstr(e->el, luaL_checkstring(L, 3));
	hide_line(e);
	fflush(stdout);
	el_set(e->el, EL_REFRESH);
	return 0;
}

/* interrupt(): drops what is being typed; next() gives "interrupt". False when nothing is. */
static int editor_interrupt(lua_State *L)
{
	struct editor *e = check_editor(L);
	bool was_reading = e->reading;

	if (was_reading)
		tell(e, EVENT_INTERRUPT);
	lua_pushboolean(L, was_reading);
	return 1;
}

/* remember(line): the newest of the history. */
static int editor_remember(lua_State *L)
{
	struct editor *e = check_editor(L);
	HistEvent event;

	history(e->history, &event, H_ENTER, luaL_checkstring(L, 2));
	return 0;
}

static int editor_close(lua_State *L)
{
	struct editor *e = luaL_checkudata(L, 1, EDITOR);

	if (e->el == NULL)
		return 0;
	set_reading(e, false);
	sched_wake_all(&e->waiter);
	loop_io_destroy(e->io);
	el_end(e->el);
	history_end(e->history);
	free(e->prompt);
	strbuf_fini(&e->line);
	e->el = NULL;
	return 0;
}

/* ---- opening ---- */

/* What is typed is of the user's locale; without one, of UTF-8. */
static void choose_characters(void)
{
	setlocale(LC_CTYPE, "");
	if (MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* open() -> an editor of the terminal that is standard input and output; nil where there is none
 * that can be edited on. */
static int edit_open(lua_State *L)
{
	const char *term = getenv("TERM");
	struct editor *e;
	HistEvent event;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || term == NULL ||
	    strcmp(term, "dumb") == 0)
		return 0;
	choose_characters();
	e = binding_new(L, EDITOR, sizeof(*e));
	e->el = el_init("perilune", stdin, stdout, stderr);
	if (e->el == NULL)
		return 0;
	e->history = history_init();
	e->prompt = xstrdup("");
	e->io = loop_io_create(sched_loop(L), STDIN_FILENO, on_readable, e);
	history(e->history, &event, H_SETSIZE, HISTORY_LINES);
	history(e->history, &event, H_SETUNIQUE, 1);
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_PROMPT, give_prompt);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_HIST, history, e->history);
	el_set(e->el, EL_ADDFN, "perilune-complete", "names what fits", on_tab);
	el_set(e->el, EL_BIND, "\t", "perilune-complete", NULL);
	el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(e->el, NULL); /* ~/.editrc */
	return 1;
}

int luaopen_perilune_core_edit(lua_State *L);
int luaopen_perilune_core_edit(lua_State *L)
{
	static const luaL_Reg functions[] = { { "open", edit_open }, { NULL, NULL } };
	static const luaL_Reg methods[] = {
		{ "close", editor_close },	 { "interrupt", editor_interrupt },
		{ "next", editor_next },	 { "print", editor_print },
		{ "remember", editor_remember }, { "replace", editor_replace },
		{ NULL, NULL },
	};

	binding_class(L, EDITOR, methods, NULL, editor_close);
	binding_closable(L, EDITOR);
	luaL_newlib(L, functions);
	return 1;
}
