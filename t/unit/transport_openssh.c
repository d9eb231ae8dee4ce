/* transport_openssh.c - the promises of every transport, when each session is the system's ssh */
#include "ssh_stage.h"

static int run(void)
{
	return run_transport_cases_over_ssh(
		"openssh", (struct ssh_options){ .keep_sessions = 10, .system_ssh = true });
}

int main(void)
{
	return run_on_fleet(40, run); /* 200 tasks share sessions; sshd's backlog is not overrun */
}
