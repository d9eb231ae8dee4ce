/*
 * leave.h - the second Ctrl-C: out, at once, whatever runs.
 *
 * leave_prepare() remembers the terminal. leave_now() restores it, kills the children of this
 * process and ends it without running anything else. It is also armed against code that never
 * lets the loop turn: after leave_prepare() a second SIGINT or SIGTERM that the loop did not
 * take within LEAVE_PATIENCE_S of the first one's arrival leaves straight from the signal handler.
 */
#ifndef PL_BINDINGS_LEAVE_H
#define PL_BINDINGS_LEAVE_H

#include "loop/loop.h"

void leave_prepare(void);
_Noreturn void leave_now(struct loop *loop, int status);

#endif
