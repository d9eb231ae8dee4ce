/* ssh_stage.c - see ssh_stage.h */
#include "ssh_stage.h"

struct ssh_fleet fleet;

/* What a case wants of the transport; the rest is the fleet's. */
static struct ssh_options wanted;

static struct transport *create(struct loop *loop, void *arg)
{
	struct ssh_options options = wanted;

	(void)arg;
	if (options.config_path == NULL)
		options.config_path = fleet.config;
	return ssh_create(loop, &options, NULL);
}

static void host(char *name, size_t size, unsigned i, void *arg)
{
	(void)arg;
	snprintf(name, size, "127.1.0.%u", i + 1);
}

const struct transport_under_test ssh_under_test = {
	.name = "ssh", .time = LOOP_REAL, .shell = true, .create = create, .host = host
};

void open_with(struct stage *st, struct ssh_options options)
{
	wanted = options;
	stage_open(st, &ssh_under_test);
}
