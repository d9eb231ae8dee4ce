/*
 * ssh_detour.h - hosts that libssh2 cannot reach and the system's ssh may.
 *
 * A login that fails with task_result.other_way starts anew by the system's ssh (ssh_mux.h), within
 * the deadlines that it had; whoever waits for its session notices nothing. The host goes that way
 * from then on. Why is told once per reason, with the number of hosts that had it, when no login is
 * under way any more, or soon after the first of them was reached that way, or was not. Private to
 * the ssh family.
 */
#ifndef PL_SSH_SSH_DETOUR_H
#define PL_SSH_SSH_DETOUR_H

#include "ssh/ssh_session.h"

struct ssh_detours;

/* `on_note` may be NULL. */
struct ssh_detours *ssh_detours_create(struct loop *loop,
				       void (*on_note)(void *arg, const char *text), void *arg);
void ssh_detours_destroy(struct ssh_detours *detours); /* NULL is a no-op */

/*
 * The login of `s` came to `result`, which has other_way. True when it starts anew; false when it
 * cannot, because it goes that way already or there is no program `ssh`: then `result` says so too.
 */
bool ssh_detour_take(struct ssh_session *s, struct task_result *result);

/* A session begins by the system's ssh because of its route's `other_way`. */
void ssh_detour_count(struct ssh_detours *detours, struct ssh_route *route);

/* The login of a session ended, well or not. */
void ssh_detour_tell(struct ssh_session *s);

#endif
