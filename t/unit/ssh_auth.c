/* ssh_auth.c - who we are: keys of an agent, key files, in which order, and what is refused */
#include "transport_cases.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libssh2.h>

#include "base/mem.h"
#include "ssh_stage.h"

#define MS 1000

/* What a login met. */
struct met {
	struct task_result result;
	double seconds;
	size_t logins;
};

/* How often a person was asked. */
static int asked;

static void on_asking(void *arg, bool begins)
{
	(void)arg;
	asked += begins;
}

/* The last thing that was noted. */
static char noted[600];

static void on_note(void *arg, const char *text)
{
	(void)arg;
	snprintf(noted, sizeof(noted), "%s", text);
}

/* Runs `true` on so many hosts under a configuration of these lines and the fleet's known_hosts. */
static struct met log_in(const char *lines, unsigned hosts, int64_t timeout_us)
{
	const char *config = ssh_fleet_write(&fleet, "config",
					     "%s\nPort %d\nUserKnownHostsFile %s/known_hosts\n"
					     "GlobalKnownHostsFile none\n",
					     lines, fleet.port, fleet.dir);
	struct probe *p = xcalloc(hosts, sizeof(*p));
	struct met met = { 0 };
	struct ssh_stats stats;
	struct stage st;
	int64_t began;

	asked = 0;
	open_with(&st, (struct ssh_options){ .config_path = config,
					     .connect_timeout_us = timeout_us,
					     .on_asking = on_asking,
					     .on_note = on_note });
	began = loop_now_us(st.loop);
	for (unsigned i = 0; i < hosts; i++) {
		probe_line(&p[i], &st, i, "true");
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < hosts; i++) {
		probe_wait(&p[i]);
		if (met.result.outcome <= OUTCOME_OK)
			met.result = p[i].result;
		probe_fini(&p[i]);
	}
	met.seconds = (double)(loop_now_us(st.loop) - began) / 1e6;
	ssh_stats(st.tp, &stats);
	met.logins = stats.logins;
	free(p);
	stage_close(&st);
	return met;
}

static void logs_in(const char *lines)
{
	struct met met = log_in(lines, 1, 0);

	if (met.result.outcome != OUTCOME_OK)
		fail_msg("%s: %s", outcome_name(met.result.outcome), met.result.why);
}

/* The system's ssh is the one to log in, and it is said why. */
static void goes_by_ssh(const char *lines, const char *why)
{
	noted[0] = '\0';
	logs_in(lines);
	assert_says(noted, why);
}

static void is_refused(struct met met, const char *words)
{
	assert_int_equal(met.result.outcome, OUTCOME_AUTH);
	assert_int_equal(met.result.phase, PHASE_AUTH);
	assert_false(met.result.begun);
	assert_says(met.result.why, words);
}

/* Makes a key $D/NAME that no host takes. */
static void make_key(const char *name, const char *options)
{
	char line[400];

	snprintf(line, sizeof(line), "rm -f $D/%s; ssh-keygen -q %s -f $D/%s", name, options,
		 name);
	assert_int_equal(ssh_fleet_sh(&fleet, line), 0);
}

static const char *key_line(const char *name)
{
	static char line[200];

	snprintf(line, sizeof(line), "IdentityFile %s/%s", fleet.dir, name);
	return line;
}

/* ---- agents: each case begins with an empty one ---- */

static char agent_path[96];

static int start_agent(void **state)
{
	(void)state;
	snprintf(agent_path, sizeof(agent_path), "%s/agent", fleet.dir);
	setenv("SSH_AUTH_SOCK", agent_path, 1);
	return ssh_fleet_sh(&fleet, "rm -f $D/agent; eval $(ssh-agent -a $D/agent) >/dev/null && "
				    "echo $SSH_AGENT_PID >$D/agent.pid");
}

static int stop_agent(void **state)
{
	(void)state;
	unsetenv("SSH_AUTH_SOCK");
	/* it takes its socket away as it goes: not that of the next one */
	ssh_fleet_sh(&fleet, "p=$(cat $D/agent.pid); kill $p; while [ -e $D/agent ]; do "
			     "sleep 0.01; done; rm -f $D/agent.pid");
	return 0;
}

static void agent_holds(const char *name)
{
	char line[200];

	snprintf(line, sizeof(line), "ssh-add -q $D/%s", name);
	assert_int_equal(ssh_fleet_sh(&fleet, line), 0);
}

#define AGENT_CASE(f) cmocka_unit_test_setup_teardown(f, start_agent, stop_agent)

static void a_key_of_the_agent_logs_in(void **state)
{
	(void)state;
	agent_holds("id_ed25519");
	logs_in("IdentityFile none");
}

static void an_ecdsa_key_of_the_agent_logs_in(void **state)
{
	(void)state;
	make_key("id_agent_ec", "-t ecdsa -b 521 -N ''");
	assert_int_equal(ssh_fleet_sh(&fleet, "cat $D/id_agent_ec.pub >>$D/authorized_keys"), 0);
	agent_holds("id_agent_ec");
	logs_in("IdentityFile none");
}

static void eighty_logins_share_one_agent(void **state)
{
	struct met met;

	(void)state;
	agent_holds("id_ed25519");
	met = log_in("IdentityFile none", 80, 30 * 1000 * MS);
	assert_int_equal(met.result.outcome, OUTCOME_OK);
	assert_int_equal(met.logins, 80);
}

static void an_empty_agent_leaves_it_to_the_files(void **state)
{
	(void)state;
	logs_in(key_line("id_ed25519"));
}

static void an_agent_that_is_gone_leaves_it_to_the_files(void **state)
{
	(void)state;
	setenv("SSH_AUTH_SOCK", "/nonexistent/agent", 1);
	logs_in(key_line("id_ed25519"));
}

static void a_locked_agent_is_as_one_without_keys(void **state)
{
	(void)state;
	agent_holds("id_ed25519");
	assert_int_equal(ssh_fleet_sh(&fleet,
				      "printf '#!/bin/sh\necho pw\n' >$D/ask; chmod +x $D/ask; "
				      "SSH_ASKPASS=$D/ask SSH_ASKPASS_REQUIRE=force "
				      "ssh-add -x >/dev/null 2>&1"), 0);
	is_refused(log_in("IdentityFile none", 1, 0), "no key file found");
}

static void wrong_keys_before_the_right_one_are_passed_by(void **state)
{
	(void)state;
	make_key("id_wrong", "-t ed25519 -N ''");
	agent_holds("id_wrong");
	logs_in(key_line("id_ed25519"));
	agent_holds("id_ed25519");
	logs_in("IdentityFile none");
}

static void eight_wrong_keys(void)
{
	for (int i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "id_wrong%d", i);
		make_key(name, "-t ed25519 -N ''");
		agent_holds(name);
	}
}

static void more_keys_than_a_host_hears_of_end_as_with_ssh(void **state)
{
	(void)state;
	eight_wrong_keys();
	agent_holds("id_ed25519");
	is_refused(log_in("IdentityFile none", 1, 0), "MaxAuthTries");
}

static void a_key_that_the_configuration_names_goes_first(void **state)
{
	(void)state;
	eight_wrong_keys();
	agent_holds("id_ed25519");
	logs_in(key_line("id_ed25519"));
}

/* ---- agents that misbehave: a socket of ours ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void an_agent_that_hangs_holds_nobody_up(void **state)
{
	char path[96];
	struct met met;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/silent", fleet.dir);
	fd = listen_at(path);
	setenv("SSH_AUTH_SOCK", path, 1);
	met = log_in(key_line("id_ed25519"), 8, 2000 * MS);
	assert_int_equal(met.result.outcome, OUTCOME_OK);
	assert_true(met.seconds < 2 + 3);
	close(fd);
	unlink(path);
	unsetenv("SSH_AUTH_SOCK");
}

/* An agent that tells of the fleet's key and signs nothing, for as long as the case runs. */
static void an_agent_that_hangs_amid_a_signature_fails_in_time(void **state)
{
	struct met met;

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "ssh-add -q -c $D/id_ed25519 && "
					      "kill -STOP $(cat $D/agent.pid)"), 0);
	met = log_in(key_line("id_ed25519"), 4, 2000 * MS);
	assert_int_equal(met.result.outcome, OUTCOME_OK); /* the file signs */
	assert_true(met.seconds < 2 + 3);
	ssh_fleet_sh(&fleet, "kill -CONT $(cat $D/agent.pid)");
}

/* SSH_ASKPASS is asked for a confirmation, and holds the agent up. */
static void a_signature_that_is_not_confirmed_fails_in_time(void **state)
{
	struct met met;

	(void)state;
	ssh_fleet_write(&fleet, "slow_ask", "#!/bin/sh\nexec sleep 4\n");
	assert_int_equal(ssh_fleet_sh(&fleet,
				      "p=$(cat $D/agent.pid); kill $p; chmod +x $D/slow_ask; "
				      "while [ -e $D/agent ]; do sleep 0.01; done; "
				      "eval $(SSH_ASKPASS=$D/slow_ask SSH_ASKPASS_REQUIRE=force "
				      "ssh-agent -a $D/agent) >/dev/null && "
				      "echo $SSH_AGENT_PID >$D/agent.pid && "
				      "ssh-add -q -c $D/id_ed25519"), 0);
	met = log_in("IdentityFile none", 2, 1500 * MS);
	is_refused(met, "did not sign");
	assert_true(met.seconds < 1.5 + 3);
}

/* ---- keys that libssh2 cannot use go the other way ---- */

/* Makes a key with a certificate that the fleet trusts. */
static void trust_ca(const char *name, const char *key_options)
{
	char line[900];

	snprintf(line, sizeof(line),
		 "[ -e $D/ca ] || ssh-keygen -q -t ed25519 -N '' -f $D/ca; "
		 "rm -f $D/%s*; ssh-keygen -q %s -N '' -f $D/%s && "
		 "ssh-keygen -q -s $D/ca -I test -n root $D/%s.pub && "
		 "{ grep -v cert-authority $D/authorized_keys; printf 'cert-authority '; "
		 "cat $D/ca.pub; } >$D/ak && cat $D/ak >$D/authorized_keys",
		 name, key_options, name, name);
	assert_int_equal(ssh_fleet_sh(&fleet, line), 0);
}

static void an_ecdsa_certificate_beside_its_key_logs_in(void **state)
{
	(void)state;
	trust_ca("id_cert_ec", "-t ecdsa");
	logs_in(key_line("id_cert_ec"));
}

static void a_certificate_that_is_named_is_signed_for_by_its_key(void **state)
{
	char lines[300];

	(void)state;
	trust_ca("id_named_ec", "-t ecdsa");
	assert_int_equal(ssh_fleet_sh(&fleet, "mv $D/id_named_ec-cert.pub $D/named.cert"), 0);
	snprintf(lines, sizeof(lines), "CertificateFile %s/named.cert\nIdentityFile %s/id_named_ec",
		 fleet.dir, fleet.dir);
	logs_in(lines);
	agent_holds("id_named_ec"); /* now by an agent alone */
	assert_int_equal(ssh_fleet_sh(&fleet, "rm $D/id_named_ec"), 0);
	logs_in(lines);
}

static void a_certificate_in_the_agent_logs_in(void **state)
{
	(void)state;
	trust_ca("id_agent_cert", "-t ecdsa");
	agent_holds("id_agent_cert");
	logs_in("IdentityFile none");
}

static void what_libssh2_cannot_use_is_left_to_ssh(void **state)
{
	(void)state;
	make_key("id_rsa", "-t rsa -b 2048 -N ''");
	assert_int_equal(ssh_fleet_sh(&fleet, "cat $D/id_rsa.pub >>$D/authorized_keys"), 0);
	if (LIBSSH2_VERSION_NUM < 0x010b00)
		goes_by_ssh(key_line("id_rsa"), "RSA");
	else
		logs_in(key_line("id_rsa"));
	trust_ca("id_cert_25519", "-t ed25519");
	if (LIBSSH2_VERSION_NUM < 0x010b01)
		goes_by_ssh(key_line("id_cert_25519"), "ed25519 certificates");
	else
		logs_in(key_line("id_cert_25519"));
}

static void a_refusal_is_not_the_last_word_while_ssh_could_try_more(void **state)
{
	(void)state;
	if (LIBSSH2_VERSION_NUM >= 0x010b00)
		skip();
	make_key("id_rsa2", "-t rsa -b 2048 -N ''");
	assert_int_equal(ssh_fleet_sh(&fleet, "cat $D/id_rsa2.pub >>$D/authorized_keys"), 0);
	make_key("id_wrong", "-t ed25519 -N ''");
	agent_holds("id_rsa2");
	goes_by_ssh(key_line("id_wrong"), "RSA");
}

/* ---- public halves, and keys with a passphrase ---- */

static void a_public_key_chooses_from_the_agent(void **state)
{
	char lines[200];

	(void)state;
	eight_wrong_keys();
	agent_holds("id_ed25519");
	snprintf(lines, sizeof(lines), "IdentitiesOnly yes\nIdentityFile %s/id_ed25519.pub",
		 fleet.dir);
	logs_in(lines);
	setenv("SSH_AUTH_SOCK", "/nonexistent/agent", 1);
	is_refused(log_in(lines, 1, 0), "no agent holds its private half");
}

static void identities_only_leaves_the_other_keys_of_the_agent_alone(void **state)
{
	char lines[200];

	(void)state;
	make_key("id_wrong", "-t ed25519 -N ''");
	agent_holds("id_ed25519");
	snprintf(lines, sizeof(lines), "IdentitiesOnly yes\nIdentityFile %s/id_wrong", fleet.dir);
	is_refused(log_in(lines, 1, 0), "id_wrong is not accepted");
}

static void make_locked_key(const char *name)
{
	char line[300];

	make_key(name, "-t ed25519 -N open-sesame");
	snprintf(line, sizeof(line), "cat $D/%s.pub >>$D/authorized_keys", name);
	assert_int_equal(ssh_fleet_sh(&fleet, line), 0);
}

static void a_key_with_a_passphrase_is_asked_for_once(void **state)
{
	struct met met;

	(void)state;
	make_locked_key("id_locked");
	ssh_fleet_write(&fleet, "askpass", "#!/bin/sh\necho asked >>%s/asked\necho open-sesame\n",
			fleet.dir);
	ssh_fleet_sh(&fleet, "chmod +x $D/askpass");
	snprintf(agent_path, sizeof(agent_path), "%s/askpass", fleet.dir);
	setenv("SSH_ASKPASS", agent_path, 1);
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	met = log_in(key_line("id_locked"), 20, 10 * 1000 * MS);
	unsetenv("SSH_ASKPASS");
	unsetenv("SSH_ASKPASS_REQUIRE");
	if (met.result.outcome != OUTCOME_OK)
		fail_msg("%s: %s", outcome_name(met.result.outcome), met.result.why);
	assert_int_equal(asked, 1);
	assert_int_equal(ssh_fleet_sh(&fleet, "[ $(wc -l <$D/asked) = 1 ]"), 0);
}

static void a_key_with_a_passphrase_is_left_out_where_nobody_can_be_asked(void **state)
{
	(void)state;
	make_locked_key("id_locked2");
	is_refused(log_in(key_line("id_locked2"), 1, 0), "ssh-add");
	assert_int_equal(asked, 0);
}

static const struct CMUnitTest tests[] = {
	AGENT_CASE(a_key_of_the_agent_logs_in),
	AGENT_CASE(an_ecdsa_key_of_the_agent_logs_in),
	AGENT_CASE(eighty_logins_share_one_agent),
	AGENT_CASE(an_empty_agent_leaves_it_to_the_files),
	AGENT_CASE(an_agent_that_is_gone_leaves_it_to_the_files),
	AGENT_CASE(a_locked_agent_is_as_one_without_keys),
	AGENT_CASE(wrong_keys_before_the_right_one_are_passed_by),
	AGENT_CASE(more_keys_than_a_host_hears_of_end_as_with_ssh),
	AGENT_CASE(a_key_that_the_configuration_names_goes_first),
	cmocka_unit_test(an_agent_that_hangs_holds_nobody_up),
	AGENT_CASE(an_agent_that_hangs_amid_a_signature_fails_in_time),
	AGENT_CASE(a_signature_that_is_not_confirmed_fails_in_time),
	cmocka_unit_test(an_ecdsa_certificate_beside_its_key_logs_in),
	AGENT_CASE(a_certificate_that_is_named_is_signed_for_by_its_key),
	AGENT_CASE(a_certificate_in_the_agent_logs_in),
	AGENT_CASE(what_libssh2_cannot_use_is_left_to_ssh),
	AGENT_CASE(a_refusal_is_not_the_last_word_while_ssh_could_try_more),
	AGENT_CASE(a_public_key_chooses_from_the_agent),
	AGENT_CASE(identities_only_leaves_the_other_keys_of_the_agent_alone),
	cmocka_unit_test(a_key_with_a_passphrase_is_asked_for_once),
	cmocka_unit_test(a_key_with_a_passphrase_is_left_out_where_nobody_can_be_asked),
};

static int run(void)
{
	unsetenv("SSH_AUTH_SOCK");
	unsetenv("SSH_ASKPASS");
	unsetenv("DISPLAY");
	setsid(); /* no terminal to ask on */
	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}

int main(void)
{
	return run_on_fleet(80, run);
}
