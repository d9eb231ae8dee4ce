/*
 * log.h - what the program says about itself, by group and level, on standard error.
 *
 * Off but for warnings until PERILUNE_LOG (e.g. "ssh=debug,run=info" or "debug") or -v asks for
 * more. Not for what a person asked to see: that goes through a sink or the verb's own printing.
 */
#ifndef PL_BASE_LOG_H
#define PL_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_group {
	LOG_LOOP, LOG_SSH, LOG_LOCAL, LOG_SIM, LOG_RUN, LOG_STORE, LOG_MAP, LOG_LUA,
	LOG_GROUPS
};

/* Sets levels from a text as in PERILUNE_LOG; unknown words are ignored. NULL is a no-op. */
void log_configure(const char *text);

/* True when a message of this group and level would be written: guards costly arguments. */
bool log_on(enum log_group group, enum log_level level);

/* One line "perilune: GROUP: text" on standard error when log_on(). */
void log_write(enum log_group group, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_warn(group, ...) log_write((group), LOG_WARN, __VA_ARGS__)
#define log_info(group, ...) log_write((group), LOG_INFO, __VA_ARGS__)
#define log_debug(group, ...)                                                                      \
	do {                                                                                       \
		if (log_on((group), LOG_DEBUG))                                                    \
			log_write((group), LOG_DEBUG, __VA_ARGS__);                                \
	} while (0)

#endif
