/* ssh_route.c - hosts whose configuration only ssh can evaluate: core/ssh/ssh_ask.h */
#include "transport_cases.h"

#include <unistd.h>

#include "base/mem.h"
#include "ssh_stage.h"
#include "ssh/ssh.h"

/* The fleet's configuration, reached only behind a command that ssh must run: it notes that it ran,
 * and does `then`. */
static const char *write_config(const char *token, const char *then)
{
	unlink(ssh_fleet_write(&fleet, "asked", "%s", ""));
	return ssh_fleet_write(&fleet, "config",
			       "Match exec \"echo %s >>%s/asked; %s\"\nPort %d\n"
			       "IdentityFile %s/id_ed25519\nUserKnownHostsFile %s/known_hosts\n"
			       "GlobalKnownHostsFile none\n",
			       token, fleet.dir, then, fleet.port, fleet.dir, fleet.dir);
}

/* Runs `true` on n hosts at once; all must end so. */
static void run_on(const char *config, unsigned n, enum outcome outcome, const char *says)
{
	struct probe probes[4];
	struct stage st;

	open_with(&st, (struct ssh_options){ .config_path = config,
					     .connect_timeout_us = 2 * 1000000 });
	for (unsigned i = 0; i < n; i++) {
		probe_line(&probes[i], &st, i, "true");
		probe_start(&probes[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		probe_wait(&probes[i]);
		probe_ended(&probes[i], outcome);
		if (says != NULL)
			assert_says(probes[i].result.why, says);
		if (outcome == OUTCOME_UNREACHABLE)
			assert_int_equal(probes[i].result.phase, PHASE_RESOLVE);
		probe_fini(&probes[i]);
	}
	stage_close(&st);
}

static int times_asked(void)
{
	return ssh_fleet_sh(&fleet, "exit $(wc -l <$D/asked)");
}

static void hosts_that_it_cannot_tell_apart_are_asked_for_once(void **state)
{
	(void)state;
	run_on(write_config("x", "true"), 4, OUTCOME_OK, NULL);
	assert_int_equal(times_asked(), 1);
}

static void hosts_whose_names_the_command_sees_are_asked_for_each(void **state)
{
	(void)state;
	run_on(write_config("%h", "true"), 3, OUTCOME_OK, NULL);
	assert_int_equal(times_asked(), 3);
	assert_int_equal(ssh_fleet_sh(&fleet, "grep -qx 127.1.0.2 $D/asked"), 0);
}

static void hosts_that_a_pattern_tells_apart_are_asked_for_each(void **state)
{
	const char *path = write_config("x", "true");

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "printf 'Host *.1\\nUser nobody\\n' >>$D/config"), 0);
	run_on(path, 1, OUTCOME_AUTH, NULL);
	run_on(write_config("x", "true"), 1, OUTCOME_OK, NULL);
	ssh_fleet_sh(&fleet, "printf 'Host *.2\\nSetEnv A=b\\n' >>$D/config");
	run_on(path, 4, OUTCOME_OK, NULL);
	assert_int_equal(times_asked(), 1 + 2);
}

static void what_ssh_complains_of_is_the_reason(void **state)
{
	const char *path = write_config("x", "true");

	(void)state;
	/* we take it for something that a newer ssh knows; this one cannot */
	assert_int_equal(ssh_fleet_sh(&fleet, "echo 'Match exec %z' >>$D/config"), 0);
	run_on(path, 2, OUTCOME_UNREACHABLE, "ssh -G");
}

static void a_command_that_hangs_is_bounded(void **state)
{
	(void)state;
	run_on(write_config("x", "sleep 1000"), 2, OUTCOME_UNREACHABLE, "Match exec");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(hosts_that_it_cannot_tell_apart_are_asked_for_once),
	cmocka_unit_test(hosts_whose_names_the_command_sees_are_asked_for_each),
	cmocka_unit_test(hosts_that_a_pattern_tells_apart_are_asked_for_each),
	cmocka_unit_test(what_ssh_complains_of_is_the_reason),
	cmocka_unit_test(a_command_that_hangs_is_bounded),
};

FLEET_MAIN(4, tests)
