/*
 * ssh_algorithms.h - which methods of key exchange, cipher, MAC and host key a session asks for:
 * what the configuration allows, as far as libssh2 has it.
 */
#ifndef PL_TRANSPORT_SSH_ALGORITHMS_H
#define PL_TRANSPORT_SSH_ALGORITHMS_H

#include <stdbool.h>

enum ssh_algorithms { SSH_ALG_KEX, SSH_ALG_HOST_KEY, SSH_ALG_CIPHER, SSH_ALG_MAC };

/*
 * A list with commas, dearest last, for libssh2_session_method_pref(); owned by the caller.
 * `asked` is a value of KexAlgorithms and its like, with + - ^ in front or not; NULL: our own
 * choice. NULL when nothing is left. libssh2 must be initialised.
 */
char *ssh_algorithms_choose(enum ssh_algorithms what, const char *asked);

/* True when the libssh2 at hand has the method. */
bool ssh_algorithms_has(enum ssh_algorithms what, const char *name);

#endif
