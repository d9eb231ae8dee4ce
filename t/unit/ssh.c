/* ssh.c - what only the ssh transport does: trust, keys, deadlines, sessions that are shared */
#include "transport_cases.h"

#include <unistd.h>

#include "base/mem.h"
#include "ssh_stage.h"
#include "ssh/ssh.h"

static void probe_says(const struct probe *p, const char *words)
{
	const struct task_result *r = &p->result;

	if (strstr(r->why, words) == NULL && strstr(r->detail, words) == NULL)
		fail_msg("'%s; %s' does not say '%s'", r->why, r->detail, words);
}

/* One command under a configuration written for it, which must fail so. */
static void fails(const char *config, enum outcome outcome, enum phase phase,
		  const char *const *words)
{
	struct stage st;
	struct probe p;

	open_with(&st, (struct ssh_options){ .config_path = config });
	probe_run(&p, &st, "true");
	probe_ended(&p, outcome);
	assert_int_equal(p.result.phase, phase);
	assert_false(p.result.begun);
	for (; *words != NULL; words++)
		probe_says(&p, *words);
	/* hosts with the same trouble are told together */
	assert_null(strstr(p.result.why, "127.1.0.1"));
	probe_fini(&p);
	stage_close(&st);
}

/* The fleet's configuration with other keys or other known hosts. */
static const char *write_config(const char *key, const char *known_hosts)
{
	return ssh_fleet_write(&fleet, "config", "Host *\nPort %d\nIdentityFile %s/%s\n"
			       "UserKnownHostsFile %s/%s\nGlobalKnownHostsFile none\n",
			       fleet.port, fleet.dir, key, fleet.dir, known_hosts);
}

/* ---- whom we trust, and who trusts us ---- */

static void a_configuration_that_is_not_there_is_refused(void **state)
{
	struct ssh_options options = { .config_path = "/nonexistent/ssh_config" };
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct pl_error err = { 0 };

	(void)state;
	assert_null(ssh_create(loop, &options, &err));
	assert_non_null(strstr(err.text, "/nonexistent/ssh_config"));
	loop_destroy(loop);
}

static void an_unknown_host_key_is_named_with_what_to_do(void **state)
{
	const char *words[] = { "127.1.0.1", "ssh-keyscan", "SHA256:", "kh_empty", NULL };

	(void)state;
	ssh_fleet_write(&fleet, "kh_empty", "%s", "# nobody\n");
	fails(write_config("id_ed25519", "kh_empty"), OUTCOME_HOSTKEY, PHASE_HOSTKEY, words);
}

static void a_changed_host_key_names_file_and_line(void **state)
{
	const char *words[] = { "CHANGED", "kh_changed", "line 2", "SHA256:", NULL };

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "{ echo '# first'; printf '[127.1.0.1]:%s ' $P; "
					      "cut -d' ' -f1,2 <$D/id_ed25519.pub; } "
					      ">$D/kh_changed"), 0);
	fails(write_config("id_ed25519", "kh_changed"), OUTCOME_HOSTKEY, PHASE_HOSTKEY, words);
}

static void a_revoked_host_key_is_refused(void **state)
{
	const char *words[] = { "revoked", "kh_revoked:2", NULL };

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "{ cat $D/known_hosts; printf '@revoked * '; "
					      "cut -d' ' -f1,2 <$D/host_ed25519.pub; } "
					      ">$D/kh_revoked"), 0);
	fails(write_config("id_ed25519", "kh_revoked"), OUTCOME_HOSTKEY, PHASE_HOSTKEY, words);
}

static void a_new_host_key_is_accepted_and_written_when_asked(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	unlink(ssh_fleet_write(&fleet, "kh_new", "%s", ""));
	open_with(&st, (struct ssh_options){ .config_path = write_config("id_ed25519", "kh_new"),
					     .hostkey = SSH_HOSTKEY_ACCEPT_NEW });
	probe_run(&p, &st, "true");
	probe_ended(&p, OUTCOME_OK);
	probe_fini(&p);
	stage_close(&st); /* the pool ends its work first */
	assert_int_equal(ssh_fleet_sh(&fleet, "ssh-keygen -F \"[127.1.0.1]:$P\" -f $D/kh_new "
					      ">/dev/null"), 0);
}

static void a_key_file_that_is_missing_is_named(void **state)
{
	const char *words[] = { "id_missing", "No such file", NULL };

	(void)state;
	fails(write_config("id_missing", "known_hosts"), OUTCOME_AUTH, PHASE_AUTH, words);
}

static void a_key_file_that_others_can_read_is_refused(void **state)
{
	const char *words[] = { "UNPROTECTED", "id_open", "chmod 600", NULL };

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "cp $D/id_ed25519 $D/id_open && "
					      "chmod 644 $D/id_open"), 0);
	fails(write_config("id_open", "known_hosts"), OUTCOME_AUTH, PHASE_AUTH, words);
}

static void a_login_that_is_refused_names_user_and_key(void **state)
{
	const char *words[] = { "refused", "id_other", "authorized_keys", NULL };

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "ssh-keygen -q -t ed25519 -N '' -f $D/id_other"), 0);
	fails(write_config("id_other", "known_hosts"), OUTCOME_AUTH, PHASE_AUTH, words);
}

static void the_second_key_is_tried_when_the_first_is_refused(void **state)
{
	struct stage st;
	struct probe p;
	const char *config;

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "ssh-keygen -q -t ecdsa -N '' -f $D/id_first"), 0);
	config = ssh_fleet_write(&fleet, "config2",
				 "IdentityFile %s/id_first\nIdentityFile %s/id_ed25519\nPort %d\n"
				 "UserKnownHostsFile %s/known_hosts\n",
				 fleet.dir, fleet.dir, fleet.port, fleet.dir);
	open_with(&st, (struct ssh_options){ .config_path = config });
	probe_run(&p, &st, "true");
	probe_ended(&p, OUTCOME_OK);
	probe_fini(&p);
	stage_close(&st);
}

static void an_ecdsa_key_logs_in(void **state)
{
	static const char *const bits[] = { "256", "384", "521" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		struct stage st;
		struct probe p;
		char line[300];

		snprintf(line, sizeof(line),
			 "rm -f $D/id_ec*; ssh-keygen -q -t ecdsa -b %s -N '' -f $D/id_ec && "
			 "cat $D/id_ec.pub >>$D/authorized_keys", bits[i]);
		assert_int_equal(ssh_fleet_sh(&fleet, line), 0);
		open_with(&st, (struct ssh_options){ .config_path = write_config("id_ec",
									   "known_hosts") });
		probe_run(&p, &st, "true");
		probe_ended(&p, OUTCOME_OK);
		probe_fini(&p);
		stage_close(&st);
	}
}

/* ---- hosts that are not there; ssh_faults.c has those that do not speak as they should ---- */

static void a_refused_connection_says_so(void **state)
{
	const char *words[] = { "Connection refused", NULL };
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct bad_server b = { 0 };

	(void)state;
	bad_server_start(&b, loop); /* its port is free once it has stopped */
	bad_server_stop(&b);
	loop_destroy(loop);
	fails(ssh_fleet_write(&fleet, "config", "Port %d\nIdentityFile %s/id_ed25519\n", b.port,
			      fleet.dir), OUTCOME_UNREACHABLE, PHASE_CONNECT, words);
}

static void a_name_that_does_not_exist_fails_in_resolve(void **state)
{
	const char *words[] = { "no.such.host.invalid", NULL };

	(void)state;
	fails(ssh_fleet_write(&fleet, "config", "HostName no.such.host.invalid\n"
			      "IdentityFile %s/id_ed25519\n", fleet.dir),
	      OUTCOME_UNREACHABLE, PHASE_RESOLVE, words);
}

/* ---- sessions ---- */

static void run_many(struct stage *st, unsigned n, unsigned hosts, const char *line)
{
	struct probe *p = xcalloc(n, sizeof(*p));

	for (unsigned i = 0; i < n; i++) {
		probe_line(&p[i], st, i % hosts, line);
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		probe_fini(&p[i]);
	}
	free(p);
}

static void thirty_tasks_of_one_host_share_four_sessions(void **state)
{
	struct ssh_stats stats;
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){ .keep_sessions = 8 });
	run_many(&st, 30, 1, "true");
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.channels, 30);
	assert_int_equal(stats.logins, 4);
	assert_int_equal(stats.idle_sessions, 4);
	stage_close(&st);
}

static void a_warm_session_serves_the_next_command(void **state)
{
	struct ssh_stats stats;
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){ .keep_sessions = 8 });
	for (int i = 0; i < 5; i++)
		run_many(&st, 3, 3, "true");
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.logins, 3);
	assert_int_equal(stats.idle_sessions, 3);
	st.tp->ops->close_idle(st.tp);
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.idle_sessions, 0);
	stage_close(&st);
}

static void no_more_sessions_stay_warm_than_asked_for(void **state)
{
	struct ssh_stats stats;
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){ .keep_sessions = 2 });
	run_many(&st, 5, 5, "true");
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.idle_sessions, 2);
	stage_close(&st);
	open_with(&st, (struct ssh_options){ .keep_sessions = 0 });
	run_many(&st, 1, 1, "true");
	run_many(&st, 1, 1, "true");
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.logins, 2);
	assert_int_equal(stats.idle_sessions, 0);
	stage_close(&st);
}

static void a_warm_session_that_died_is_noticed_and_replaced(void **state)
{
	struct ssh_stats stats;
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){ .keep_sessions = 8 });
	/* sshd of this session dies once the command is over */
	run_many(&st, 1, 1, "p=$PPID; { while kill -0 $$; do sleep 0.02; done; sleep 0.1; "
			    "kill -KILL $p; } >/dev/null 2>&1 & :");
	do {
		loop_turn(st.loop, LOOP_WAIT);
		ssh_stats(st.tp, &stats);
	} while (stats.idle_sessions > 0);
	run_many(&st, 1, 1, "true");
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.logins, 2);
	stage_close(&st);
}

static void cancel_reaches_through_a_full_session(void **state)
{
	struct stage st;
	struct probe p[8];

	(void)state;
	open_with(&st, (struct ssh_options){ .keep_sessions = 8 });
	for (unsigned i = 0; i < 8; i++) {
		probe_line(&p[i], &st, 0, LINE_ENDLESS);
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < 8; i++) {
		while (p[i].starts == 0)
			loop_turn(st.loop, LOOP_WAIT);
	}
	for (unsigned i = 0; i < 8; i++)
		probe_cancel(&p[i]);
	for (unsigned i = 0; i < 8; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_CANCELED);
		assert_string_equal(p[i].result.why, "cancelled");
		probe_fini(&p[i]);
	}
	stage_close(&st);
}

static void a_target_is_what_ssh_would_say(void **state)
{
	struct ssh_target target;
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){ .user = "alan", .port = 2022 });
	assert_int_equal(ssh_target(st.tp, "127.1.0.9", &target, NULL), 0);
	assert_string_equal(target.hostname, "127.1.0.9");
	assert_string_equal(target.user, "alan");
	assert_int_equal(target.port, 2022);
	assert_int_equal(ssh_target(st.tp, "", &target, NULL), -1);
	stage_close(&st);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_configuration_that_is_not_there_is_refused),
	cmocka_unit_test(an_unknown_host_key_is_named_with_what_to_do),
	cmocka_unit_test(a_changed_host_key_names_file_and_line),
	cmocka_unit_test(a_revoked_host_key_is_refused),
	cmocka_unit_test(a_new_host_key_is_accepted_and_written_when_asked),
	cmocka_unit_test(a_key_file_that_is_missing_is_named),
	cmocka_unit_test(a_key_file_that_others_can_read_is_refused),
	cmocka_unit_test(a_login_that_is_refused_names_user_and_key),
	cmocka_unit_test(the_second_key_is_tried_when_the_first_is_refused),
	cmocka_unit_test(an_ecdsa_key_logs_in),
	cmocka_unit_test(a_refused_connection_says_so),
	cmocka_unit_test(a_name_that_does_not_exist_fails_in_resolve),
	cmocka_unit_test(thirty_tasks_of_one_host_share_four_sessions),
	cmocka_unit_test(a_warm_session_serves_the_next_command),
	cmocka_unit_test(no_more_sessions_stay_warm_than_asked_for),
	cmocka_unit_test(a_warm_session_that_died_is_noticed_and_replaced),
	cmocka_unit_test(cancel_reaches_through_a_full_session),
	cmocka_unit_test(a_target_is_what_ssh_would_say),
};

FLEET_MAIN(40, tests)
