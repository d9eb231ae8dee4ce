/*
 * ssh_agent.h - an ssh-agent, asked on the event loop: what keys it holds, and to sign with them.
 *
 * One connection, and one question on it at a time: the protocol (draft-ietf-sshm-ssh-agent) allows
 * more, but an agent may read only one of several questions that come at once. A signature takes
 * it far less time than a login takes. An agent that went away is connected to again by the next
 * question.
 */
#ifndef PL_SSH_AGENT_H
#define PL_SSH_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "ssh/fields.h"

struct ssh_agent;
struct ssh_agent_request;

/* Flags of a request to sign with an RSA key; without one it is SHA-1. */
#define SSH_AGENT_RSA_SHA2_256 2
#define SSH_AGENT_RSA_SHA2_512 4

struct ssh_agent_key {
	struct field blob; /* the public half, as the protocol carries it */
	char *comment;	   /* what its owner calls it: often the path of its file */
};

/* The keys are known, or it is known that there is no answer. */
typedef void (*ssh_agent_f)(void *arg, struct ssh_agent *agent);

/* The signature as the agent made it (string algorithm, string signature), valid during the call;
 * empty when it did not sign: `why` says why not. */
typedef void (*ssh_agent_sign_f)(void *arg, struct field signature, const char *why);

/* Nothing is asked yet. `path` is that of its socket. */
struct ssh_agent *ssh_agent_create(struct loop *loop, const char *path, ssh_agent_f on_listed,
				   void *arg);

/* Requests are forgotten. NULL is a no-op. */
void ssh_agent_destroy(struct ssh_agent *agent);

/* Asks for its keys, the first time; with an agent that has not answered after `patience_us` it
 * goes as with one that has none. The keys are then there as long as the agent is. */
void ssh_agent_list(struct ssh_agent *agent, int64_t patience_us);
bool ssh_agent_is_listed(const struct ssh_agent *agent);
const struct ssh_agent_key *ssh_agent_keys(const struct ssh_agent *agent, size_t *n);

const char *ssh_agent_path(const struct ssh_agent *agent);

/* Why its keys are not known though it is there, one sentence; "" when nothing is wrong, and when
 * nobody listens at its path: then there is no agent, as for ssh. */
const char *ssh_agent_trouble(const struct ssh_agent *agent);

/* Asks for a signature of data (copied) with the key of that public half; fn is called once, in a
 * later turn. */
struct ssh_agent_request *ssh_agent_sign(struct ssh_agent *agent, struct field blob,
					 struct field data, uint32_t flags, ssh_agent_sign_f fn,
					 void *arg);

/* fn will not be called. NULL is a no-op. */
void ssh_agent_forget(struct ssh_agent_request *r);

#endif
