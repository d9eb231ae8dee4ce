/* transport_ssh.c - the ssh transport keeps the promises of every transport, over a real sshd */
#include "ssh_stage.h"

static int run(void)
{
	return run_transport_cases_over_ssh(
		"ssh", (struct ssh_options){ .keep_sessions = 10 });
}

int main(void)
{
	return run_on_fleet(40, run); /* 200 tasks share sessions; sshd's backlog is not overrun */
}
