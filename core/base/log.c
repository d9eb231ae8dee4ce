/* log.c - see log.h */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/screen.h"

static const char *const group_names[LOG_GROUPS] = {
	[LOG_LOOP] = "loop", [LOG_SSH] = "ssh", [LOG_LOCAL] = "local", [LOG_SIM] = "sim",
	[LOG_RUN] = "run", [LOG_STORE] = "store", [LOG_MAP] = "map", [LOG_LUA] = "lua",
};
static const char *const level_names[] = { "warn", "info", "debug" };
static enum log_level levels[LOG_GROUPS]; /* LOG_WARN is 0 */

/* The index of `word` among `names`, or -1. */
static int find_name(const char *word, size_t len, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) == len && strncmp(word, names[i], len) == 0)
			return (int)i;
	}
	return -1;
}

/* One of "debug", "ssh", "ssh=debug". */
static void configure_word(const char *word, size_t len)
{
	const char *eq = memchr(word, '=', len);
	size_t name_len = eq != NULL ? (size_t)(eq - word) : len;
	int group = find_name(word, name_len, group_names, LOG_GROUPS);
	int level = LOG_DEBUG;

	if (eq != NULL)
		level = find_name(eq + 1, len - name_len - 1, level_names, ARRAY_LEN(level_names));
	else if (group < 0)
		level = find_name(word, len, level_names, ARRAY_LEN(level_names));
	if (level < 0 || (eq != NULL && group < 0))
		return;
	for (int g = 0; g < LOG_GROUPS; g++) {
		if (group < 0 || group == g)
			levels[g] = (enum log_level)level;
	}
}

void log_configure(const char *text)
{
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ", ");

		if (len > 0)
			configure_word(text, len);
		text += len;
		text += strspn(text, ", ");
	}
}

bool log_on(enum log_group group, enum log_level level)
{
	return level <= levels[group];
}

void log_write(enum log_group group, enum log_level level, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	if (!log_on(group, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	screen_printf(stderr, "perilune: %s: %s\n", group_names[group], text);
}
