/*
 * leave.h - the second Ctrl-C: out, at once, whatever runs.
 *
 * The scheduler takes SIGINT and SIGTERM in a turn of the loop and calls leave_now() for the second
 * one. Code that never lets the loop turn (one long call into a C library) cannot stop that: the
 * signals are also counted as they arrive, and when the second was not taken within a second, the
 * program leaves straight from a signal handler.
 */
#ifndef PL_BINDINGS_LEAVE_H
#define PL_BINDINGS_LEAVE_H

#include "loop/loop.h"

/* Starts counting. After the loop's own handlers for SIGINT and SIGTERM are in place, and again
 * whenever they were replaced. Remembers how the terminal is now, the first time. `poke` is
 * called from the handler, with each signal. */
void leave_arm(struct loop *loop, void (*poke)(void));

/* How many SIGINT and SIGTERM have arrived, taken by the loop or not. */
int leave_count(void);

/* Those that have arrived are dealt with: the next one is a first one. */
void leave_forget(void);

/* Restores the terminal, kills our children on this machine and ends the process; runs nothing
 * else, flushes nothing. Async-signal-safe. */
_Noreturn void leave_now(int status);

#endif
