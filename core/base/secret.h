/*
 * secret.h - a password from the person at the terminal: never shown, never stored, wiped.
 */
#ifndef PL_BASE_SECRET_H
#define PL_BASE_SECRET_H

#include "base/error.h"

/*
 * Asks on the controlling terminal, without echo, and waits for a line; for before anything else
 * is under way. The line, freed by secret_free; NULL with PL_EUNSUPPORTED where there is no
 * terminal. A signal that comes meanwhile takes effect once the terminal is as it was.
 */
char *secret_ask(const char *prompt, struct pl_error *err);

void secret_free(char *secret); /* wipes; NULL is a no-op */

#endif
