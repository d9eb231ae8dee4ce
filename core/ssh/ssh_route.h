/*
 * ssh_route.h - from what the configuration says of a host to how a session is made.
 *
 * struct ssh_route itself is in ssh_session.h. Private to the ssh family.
 */
#ifndef PL_TRANSPORT_SSH_ROUTE_H
#define PL_TRANSPORT_SSH_ROUTE_H

#include "ssh/ssh_config.h"
#include "ssh/ssh_session.h"

/* Fills a zeroed route: what `o` says wins over the configuration, our own choices come last. The
 * files are begun to be read. `asked` is the host as it was named, with the user and port that were
 * asked for it. */
void ssh_route_make(struct ssh_route *r, const struct ssh_query *asked,
		    const struct ssh_options *o, const struct ssh_settings *s,
		    struct ssh_files *files);
void ssh_route_fini(struct ssh_route *r); /* safe twice */

/* What two hosts must have in common to share sessions, as text; owned by the caller. */
char *ssh_route_key(const struct ssh_route *r);

#endif
