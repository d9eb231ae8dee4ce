/*
 * screen.h - bytes from elsewhere, made harmless for a terminal.
 */
#ifndef PL_RUN_SCREEN_H
#define PL_RUN_SCREEN_H

#include <stddef.h>

#include "base/strbuf.h"

/*
 * Appends `text` with everything a terminal would obey made visible: control characters as ^[,
 * C1 controls (which UTF-8 terminals obey too) and bytes that are no UTF-8 as \x9b. Tabs pass, and
 * so does a carriage return at the very end. A newline is shown as ^J: callers hand in lines.
 */
void screen_text(struct strbuf *out, const char *text, size_t len);

#endif
