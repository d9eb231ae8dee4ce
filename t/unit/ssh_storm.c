/*
 * ssh_storm.c - many logins at once against real sshds: those that take few connections at a time,
 * and those that let nobody in. What the servers saw is counted in their logs.
 */
#include "transport_cases.h"

#include "base/mem.h"
#include "ssh_stage.h"

#define HOSTS 24

static struct probe p[HOSTS];

static void run_all(struct stage *st)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		probe_line(&p[i], st, i, "true");
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < HOSTS; i++)
		probe_wait(&p[i]);
}

static void fini_all(void)
{
	for (unsigned i = 0; i < HOSTS; i++)
		probe_fini(&p[i]);
}

static const char *config_of_second(int port, const char *key, const char *more)
{
	return ssh_fleet_write(&fleet, "config_storm",
			       "%s\nHost *\nPort %d\nIdentityFile %s/%s\nIdentitiesOnly yes\n"
			       "UserKnownHostsFile %s/kh_second %s/known_hosts\n",
			       more, port, fleet.dir, key, fleet.dir, fleet.dir);
}

static void all_get_in_where_few_may_at_once(const char *settings)
{
	int port = second_sshd_start(settings);
	struct stage st;

	open_with(&st, (struct ssh_options){
			       .config_path = config_of_second(port, "id_ed25519", "") });
	run_all(&st);
	for (unsigned i = 0; i < HOSTS; i++)
		probe_ended(&p[i], OUTCOME_OK);
	fini_all();
	stage_close(&st);
	second_sshd_stop();
}

static void logins_are_spread_where_sshd_takes_few_at_once(void **state)
{
	(void)state;
	all_get_in_where_few_may_at_once("-o MaxStartups=1:100:1");
	all_get_in_where_few_may_at_once("-o MaxStartups=3:50:6");
}

static void logins_through_a_jump_host_are_spread_too(void **state)
{
	int port = second_sshd_start("-o MaxStartups=1:100:1");
	struct stage st;
	char jump[200];

	(void)state;
	snprintf(jump, sizeof(jump),
		 "Host gate\nHostName 127.1.0.100\nPort %d\n"
		 "Host 127.1.*\nHostName 127.0.0.1\nHostKeyAlias [127.1.0.1]:%d\n"
		 "ProxyJump gate\n", fleet.port, port);
	open_with(&st, (struct ssh_options){
			       .config_path = config_of_second(port, "id_ed25519", jump) });
	run_all(&st);
	for (unsigned i = 0; i < HOSTS; i++)
		probe_ended(&p[i], OUTCOME_OK);
	fini_all();
	stage_close(&st);
	second_sshd_stop();
}

static void keys_that_nobody_takes_are_shown_to_three_hosts(void **state)
{
	int port = second_sshd_start("-E $D/storm.log -o LogLevel=VERBOSE");
	int tried = 0, untried = 0;
	struct stage st;

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "ssh-keygen -q -t ed25519 -N '' -f $D/id_unknown"), 0);
	open_with(&st, (struct ssh_options){
			       .config_path = config_of_second(port, "id_unknown", "") });
	run_all(&st);
	for (unsigned i = 0; i < HOSTS; i++) {
		probe_ended(&p[i], OUTCOME_AUTH);
		assert_int_equal(p[i].result.phase, PHASE_AUTH);
		assert_false(p[i].result.begun);
		if (strstr(p[i].result.why, "not tried: 3 hosts refused") != NULL)
			untried++;
		else
			tried++;
	}
	assert_int_equal(tried, 3);
	assert_int_equal(untried, HOSTS - 3);
	/* no connection but those three: nothing is probed */
	assert_int_equal(ssh_fleet_sh(&fleet, "[ $(grep -c '^Connection from' $D/storm.log) -eq 3 ]"),
			 0);
	fini_all();
	stage_close(&st);
	second_sshd_stop();
}

static void a_first_host_that_is_down_keeps_nobody_out(void **state)
{
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){
			       .config_path = config_of_second(fleet.port, "id_ed25519",
							       "Host 127.1.0.1\nPort 1\n") });
	run_all(&st);
	assert_failed(&p[0], OUTCOME_UNREACHABLE, PHASE_CONNECT, "refused");
	for (unsigned i = 1; i < HOSTS; i++)
		probe_ended(&p[i], OUTCOME_OK);
	fini_all();
	stage_close(&st);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(logins_are_spread_where_sshd_takes_few_at_once),
	cmocka_unit_test(logins_through_a_jump_host_are_spread_too),
	cmocka_unit_test(keys_that_nobody_takes_are_shown_to_three_hosts),
	cmocka_unit_test(a_first_host_that_is_down_keeps_nobody_out),
};

FLEET_MAIN(4, tests)
