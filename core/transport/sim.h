/*
 * sim.h - a simulated fleet: every name is a host, answers come from a responder.
 *
 * Made for a loop on virtual time, works on real time too. For each started command the responder
 * is asked; it may answer later (a Lua function cannot run inside the loop), with sim_answer().
 * Without a responder every command succeeds with no output after SIM_DEFAULT_US.
 *
 * stdin is taken and read by nobody. A put takes SIM_DEFAULT_US and is not asked about; there is
 * nothing to get. A signal ends a running command. About 350 bytes for each task under way, plus
 * its output.
 */
#ifndef PL_TRANSPORT_SIM_H
#define PL_TRANSPORT_SIM_H

#include "transport/transport.h"

#define SIM_DEFAULT_US 50000

/* One command's behaviour; strings are copied by sim_answer. */
struct sim_reply {
	const void *out, *err; /* bytes, may be NULL when the length is 0 */
	size_t out_len, err_len;
	int code;	      /* exit code */
	const char *signal;   /* "KILL": died by it; NULL: exited */
	int64_t seconds_us;   /* from start to exit, or to the refusal; output comes at the end */
	bool hang;	      /* never ends */
	bool drop;	      /* the connection is lost after seconds_us */
	enum outcome refuse;  /* OUTCOME_UNREACHABLE, AUTH, HOSTKEY: fails before it begins */
	enum phase phase;     /* of refuse */
};

/* Called from the loop for each task; must lead to one sim_answer() for it, now or later.
 * `query` stays valid until then, also when the transport was destroyed. */
struct sim_query {
	/* NULL when it was cancelled meanwhile: still answer. Host and command are then "" and NULL,
	 * as their owner may be gone. */
	struct task *task;
	const char *host;
	unsigned index;
	const struct command *command;
};
typedef void (*sim_ask_f)(void *arg, struct sim_query *query);

struct transport *sim_create(struct loop *loop, sim_ask_f ask, void *arg, struct pl_error *err);

/* Answers and frees the query; reply NULL is the default success. */
void sim_answer(struct sim_query *query, const struct sim_reply *reply);

#endif
