/* transport_sim.c - the sim transport keeps the promises of every transport */
#include "transport_cases.h"

#include "base/mem.h"
#include "transport/sim.h"

static void answer_much(struct sim_query *query)
{
	struct strbuf out = STRBUF_INIT;

	much_output(&out);
	sim_answer(query, &(struct sim_reply){ .out = out.s, .out_len = out.len });
	strbuf_fini(&out);
}

/* Answers with what the case expects, so that the case tests what the transport makes of it. */
static void answer_plain(struct sim_query *query, const struct plain_case *c)
{
	struct sim_reply reply = {
		.out = c->out,
		.err = c->err,
		.out_len = c->out_len,
		.code = c->code,
		.signal = c->signal,
		.seconds_us = 1000,
	};

	if (c->out != NULL && c->out_len == 0)
		reply.out_len = strlen(c->out);
	if (c->err != NULL)
		reply.err_len = strlen(c->err);
	sim_answer(query, &reply);
}

static void respond(void *arg, struct sim_query *query)
{
	const char *line = query->command->line;

	(void)arg;
	if (strcmp(line, LINE_ENDLESS) == 0)
		sim_answer(query, &(struct sim_reply){ .hang = true });
	else if (strcmp(line, LINE_MUCH) == 0)
		answer_much(query);
	else if (plain_case_find(line) != NULL)
		answer_plain(query, plain_case_find(line));
	else
		sim_answer(query, NULL);
}

static struct transport *create(struct loop *loop, void *arg)
{
	return sim_create(loop, respond, arg, NULL);
}

int main(void)
{
	static const struct transport_under_test sim = {
		.name = "sim",
		.time = LOOP_VIRTUAL,
		.create = create,
	};

	return run_transport_cases(&sim);
}
