/* transport_local.c - the local transport keeps the promises of every transport */
#include "transport_cases.h"

static struct transport *create(struct loop *loop, void *arg)
{
	(void)arg;
	return local_create(loop, NULL);
}

int main(void)
{
	static const struct transport_under_test local = {
		.name = "local",
		.time = LOOP_REAL,
		.shell = true,
		.create = create,
	};

	return run_transport_cases(&local);
}
