/* transport_openssh.c - the openssh transport keeps the promises of every transport, over a real
 * sshd */
#include "transport_cases.h"

#include "ssh_fleet.h"
#include "ssh/ssh.h"

#define HOSTS 40 /* so that 200 tasks share sessions, and sshd's backlog is not overrun */

static struct transport *create(struct loop *loop, void *arg)
{
	const struct ssh_fleet *f = arg;
	struct ssh_options options = { .config_path = f->config, .keep_sessions = 10,
				       .system_ssh = true };

	return ssh_create(loop, &options, NULL);
}

static void host(char *name, size_t size, unsigned i, void *arg)
{
	(void)arg;
	snprintf(name, size, "127.1.0.%u", i % HOSTS + 1);
}

int main(void)
{
	static struct ssh_fleet fleet;
	const struct transport_under_test openssh = {
		.name = "openssh",
		.time = LOOP_REAL,
		.shell = true,
		.arg = &fleet,
		.create = create,
		.host = host,
	};
	const char *why = ssh_fleet_start(&fleet, HOSTS);
	int rc;

	if (why != NULL)
		return skip_all_transport_cases(why);
	rc = run_transport_cases(&openssh);
	ssh_fleet_stop(&fleet);
	return rc;
}
