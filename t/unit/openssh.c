/* openssh.c - sessions that the system's ssh carries: by wish, and because libssh2 cannot */
#include "transport_cases.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "ssh_stage.h"

#define MS INT64_C(1000)

static const struct ssh_options BY_WISH = { .system_ssh = true, .keep_sessions = 8 };

/* ---- notes ---- */

static char notes[2000];
static int n_notes;

static void on_note(void *arg, const char *text)
{
	(void)arg;
	n_notes++;
	strncat(notes, text, sizeof(notes) - strlen(notes) - 2);
	strcat(notes, "\n");
}

static struct ssh_options noted(struct ssh_options options)
{
	notes[0] = '\0';
	n_notes = 0;
	options.on_note = on_note;
	return options;
}

/* ---- the detour ---- */

static void run_ok(struct stage *st, unsigned host)
{
	struct probe p;

	probe_line(&p, st, host, "printf there; exit 255");
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_int_equal(p.result.code, 255);
	assert_string_equal(strbuf_str(&p.out), "there");
	probe_fini(&p);
}

static void three_hosts_then_one_again(struct stage *st)
{
	struct ssh_stats stats;
	struct probe p[3];

	for (unsigned i = 0; i < 3; i++) {
		probe_line(&p[i], st, i, "true");
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		probe_fini(&p[i]);
	}
	assert_int_equal(n_notes, 1);
	assert_says(notes, "3 hosts go by the system's ssh: ");
	/* the way is remembered, and its session warm */
	run_ok(st, 0);
	ssh_stats(st->tp, &stats);
	assert_int_equal(stats.logins, 3);
	st->tp->ops->close_idle(st->tp);
	run_ok(st, 0);
	assert_int_equal(n_notes, 1);
}

static void a_hardened_sshd_is_reached_and_why_is_told_once(void **state)
{
	static const char *const settings[] = {
		"-o Ciphers=chacha20-poly1305@openssh.com",
		"-o Ciphers=aes128-ctr -o MACs=hmac-sha2-256-etm@openssh.com",
		"-o KexAlgorithms=sntrup761x25519-sha512@openssh.com",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		on_second_sshd(settings[i], noted((struct ssh_options){ .keep_sessions = 8 }),
			       three_hosts_then_one_again);
}

/* libssh2 1.10 can check no RSA host key; a later one needs no detour. */
static void a_host_known_by_its_rsa_key_alone_is_reached(void **state)
{
	char known[200];
	const char *config;
	int port = second_sshd_port();

	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet, "ssh-keygen -q -t rsa -N '' -f $D/host_rsa && "
					      "{ printf '* '; cut -d' ' -f1,2 <$D/host_rsa.pub; } "
					      ">$D/kh_rsa"), 0);
	snprintf(known, sizeof(known), "-h %s/host_rsa", fleet.dir);
	config = ssh_fleet_write(&fleet, "config_rsa", "Port %d\nIdentityFile %s/id_ed25519\n"
				 "UserKnownHostsFile %s/kh_rsa\n", port, fleet.dir, fleet.dir);
	on_second_sshd(known, noted((struct ssh_options){ .config_path = config,
						   .keep_sessions = 8 }),
		       three_hosts_then_one_again);
}

/* ---- the promises, over the hand-over ---- */

static void echoes_what_was_written_early(struct stage *st)
{
	struct probe p;

	probe_line(&p, st, 0, "cat");
	p.command.stdin_open = true;
	probe_start(&p);
	probe_write(&p, "early ", 6);
	probe_pause(&p);
	for (int i = 0; i < 20 && p.starts == 0; i++)
		loop_turn(st->loop, LOOP_WAIT);
	probe_write(&p, "later", 5);
	probe_close_stdin(&p);
	probe_resume(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), "early later");
	probe_fini(&p);
}

static void is_cancelled_at_every_step(struct stage *st)
{
	for (int turns = 0; turns < 60; turns += 6) {
		struct probe p;

		probe_line(&p, st, (unsigned)turns, LINE_ENDLESS);
		probe_start(&p);
		for (int i = 0; i < turns && p.starts + p.dones == 0; i++)
			loop_turn(st->loop, LOOP_WAIT);
		probe_cancel(&p);
		probe_wait(&p);
		probe_ended(&p, OUTCOME_CANCELED);
		assert_int_equal(p.dones, 1);
		probe_fini(&p);
	}
}

static void who_waits_notices_nothing_of_the_detour(void **state)
{
	const char *hardened = "-o Ciphers=chacha20-poly1305@openssh.com";

	(void)state;
	on_second_sshd(hardened, (struct ssh_options){ .keep_sessions = 8 },
		       echoes_what_was_written_early);
	on_second_sshd(hardened, (struct ssh_options){ .keep_sessions = 0 },
		       is_cancelled_at_every_step);
}

static void fails_for_want_of_ssh(struct stage *st)
{
	char *path = xstrdup(getenv("PATH"));
	struct probe p;

	setenv("PATH", "/nonexistent", 1);
	probe_run(&p, st, "true");
	setenv("PATH", path, 1);
	free(path);
	assert_failed(&p, OUTCOME_UNREACHABLE, PHASE_KEX, "no cipher, MAC or key exchange");
	assert_says(p.result.why, "openssh-client");
	assert_false(p.result.begun);
	probe_fini(&p);
	assert_int_equal(n_notes, 0);
	run_ok(st, 0); /* once there is one, that is the way */
}

static void without_the_program_the_failure_says_what_to_do(void **state)
{
	(void)state;
	on_second_sshd("-o Ciphers=chacha20-poly1305@openssh.com", noted((struct ssh_options){ 0 }),
		       fails_for_want_of_ssh);
}

/* A program `ssh` of the test's own comes first in PATH. */
static void with_ssh(struct stage *st, const char *script, void (*fn)(struct stage *st))
{
	char *path = xstrdup(getenv("PATH"));
	char *ours = xasprintf("%s/bin:%s", fleet.dir, path);

	ssh_fleet_sh(&fleet, "mkdir -p $D/bin");
	assert_int_equal(chmod(ssh_fleet_write(&fleet, "bin/ssh", "%s", script), 0755), 0);
	setenv("PATH", ours, 1);
	fn(st);
	setenv("PATH", path, 1);
	free(ours);
	free(path);
}

static void ends_in_time(struct stage *st)
{
	int64_t began = loop_now_us(st->loop);
	struct probe p;

	probe_run(&p, st, "true");
	probe_ended(&p, OUTCOME_UNREACHABLE);
	assert_true(loop_now_us(st->loop) - began < 3 * 300 * MS + 1000 * MS);
	probe_fini(&p);
}

static void meets_a_silent_ssh(struct stage *st)
{
	with_ssh(st, "#!/bin/sh\nexec sleep 30\n", ends_in_time);
	/* it says that it goes on, and on */
	with_ssh(st, "#!/bin/sh\nwhile :; do echo 'debug1: Connecting to x' >&2; sleep 0.1; done\n",
		 ends_in_time);
}

static void the_detour_stays_within_the_deadlines(void **state)
{
	(void)state;
	on_second_sshd("-o Ciphers=chacha20-poly1305@openssh.com",
		       (struct ssh_options){ .connect_timeout_us = 300 * MS }, meets_a_silent_ssh);
}

/* ---- by wish: how logins fail ---- */

static void fails(const char *config, enum outcome outcome, enum phase phase, const char *words)
{
	struct ssh_options options = BY_WISH;
	struct stage st;
	struct probe p;

	options.config_path = config;
	open_with(&st, options);
	probe_run(&p, &st, "true");
	assert_failed(&p, outcome, phase, words);
	assert_false(p.result.begun);
	probe_fini(&p);
	stage_close(&st);
}

static const char *config_with(const char *key, const char *known_hosts)
{
	return ssh_fleet_write(&fleet, "config", "Host *\nPort %d\nIdentityFile %s/%s\n"
			       "IdentitiesOnly yes\nUserKnownHostsFile %s/%s\n"
			       "GlobalKnownHostsFile none\n",
			       fleet.port, fleet.dir, key, fleet.dir, known_hosts);
}

static void a_login_that_fails_says_where_and_why(void **state)
{
	(void)state;
	assert_int_equal(ssh_fleet_sh(&fleet,
		"ssh-keygen -q -t ed25519 -N '' -f $D/id_other; : >$D/kh_empty; "
		"{ printf '[127.1.0.1]:%s ' $P; cut -d' ' -f1,2 <$D/id_ed25519.pub; } "
		">$D/kh_changed; { cat $D/known_hosts; printf '@revoked * '; "
		"cut -d' ' -f1,2 <$D/host_ed25519.pub; } >$D/kh_revoked"), 0);
	fails(config_with("id_other", "known_hosts"), OUTCOME_AUTH, PHASE_AUTH,
	      "login refused: Permission denied");
	fails(config_with("id_ed25519", "kh_empty"), OUTCOME_HOSTKEY, PHASE_HOSTKEY, "kh_empty");
	fails(config_with("id_ed25519", "kh_changed"), OUTCOME_HOSTKEY, PHASE_HOSTKEY, "CHANGED");
	fails(config_with("id_ed25519", "kh_revoked"), OUTCOME_HOSTKEY, PHASE_HOSTKEY, "revoked");
	fails(ssh_fleet_write(&fleet, "config", "HostName no.such.host.invalid\n"),
	      OUTCOME_UNREACHABLE, PHASE_RESOLVE, "no address for its name");
	fails(ssh_fleet_write(&fleet, "config", "Port %d\nCiphers aes128-cbc\n"
			      "UserKnownHostsFile %s/known_hosts\n", fleet.port, fleet.dir),
	      OUTCOME_UNREACHABLE, PHASE_KEX, "no matching cipher found");
}

static void servers_that_misbehave_are_told_apart(void **state)
{
	static const struct {
		struct bad_server server;
		enum phase phase;
		const char *words;
	} cases[] = {
		{ { .text = NULL }, PHASE_BANNER, "has not said that it speaks SSH" },
		{ { .text = "SSH-2.0-Slow_server_with_a_very_long_name", .pace_us = 100 * MS },
		  PHASE_BANNER, "has not said that it speaks SSH" },
		{ { .text = "SSH-2.0-Half\r\n" }, PHASE_KEX, "key exchange" },
		{ { .text = "SSH-2.0-Half\r\n", .hang_up = true }, PHASE_KEX, "closed" },
		{ { .text = NULL, .hang_up = true }, PHASE_BANNER, "before its banner" },
		{ { .text = NULL, .reset = true }, PHASE_BANNER, "before its banner" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ssh_options options = { .system_ssh = true,
					       .connect_timeout_us = 1500 * MS };
		struct bad_server b = cases[i].server;
		struct task_result r = meet_bad_server(&b, options);

		assert_int_equal(r.outcome, OUTCOME_UNREACHABLE);
		assert_says(r.why, cases[i].words);
		assert_int_equal(r.phase, cases[i].phase);
	}
}

/* ---- by wish: how sessions end ---- */

static void a_master_that_dies_loses_its_commands_and_is_replaced(void **state)
{
	struct ssh_stats stats;
	struct stage st;
	struct probe p;

	(void)state;
	open_with(&st, BY_WISH);
	/* of the sshd that serves it the other end is ours; that of a command knows its peer */
	probe_run(&p, &st, "kill -KILL $PPID; exec sleep 2");
	assert_failed(&p, OUTCOME_LOST, PHASE_STREAM, "lost");
	assert_true(p.result.begun);
	probe_fini(&p);
	probe_run(&p, &st, "true");
	probe_ended(&p, OUTCOME_OK);
	probe_fini(&p);
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.logins, 2);
	stage_close(&st);
}

static struct ssh_options impatient(void)
{
	struct ssh_options options = BY_WISH;

	options.keepalive_us = 200 * MS;
	options.lost_us = 1000 * MS;
	return options;
}

static void a_host_that_falls_silent_is_lost_in_time(void **state)
{
	struct stage st;
	struct probe p;
	int64_t began;
	pid_t sshd;

	(void)state;
	open_with(&st, impatient());
	probe_line(&p, &st, 0, "echo $PPID; exec sleep 10");
	probe_start(&p);
	while (memchr(strbuf_str(&p.out), '\n', p.out.len) == NULL)
		loop_turn(st.loop, LOOP_WAIT);
	sshd = (pid_t)strtol(p.out.s, NULL, 10);
	assert_true(sshd > 1);
	assert_int_equal(kill(sshd, SIGSTOP), 0);
	began = loop_now_us(st.loop);
	probe_wait(&p);
	kill(sshd, SIGKILL);
	assert_failed(&p, OUTCOME_LOST, PHASE_STREAM, "no byte for 1 s");
	/* ssh itself would notice after three seconds */
	assert_true(loop_now_us(st.loop) - began < 2500 * MS);
	probe_fini(&p);
	stage_close(&st);
}

static void a_host_with_nothing_to_say_is_not_lost(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	open_with(&st, impatient());
	probe_line(&p, &st, 0, "sleep 3; exit 7");
	probe_start(&p);
	probe_pause(&p); /* nor one whose reader takes nothing */
	while (p.starts == 0)
		loop_turn(st.loop, LOOP_WAIT);
	for (int64_t began = loop_now_us(st.loop); loop_now_us(st.loop) - began < 2000 * MS;)
		loop_turn(st.loop, LOOP_WAIT);
	probe_resume(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_int_equal(p.result.code, 7);
	probe_fini(&p);
	stage_close(&st);
}

/* Nothing is left in the folder that sockets are made in. */
static void no_socket_is_left_on_disk(void **state)
{
	char dir[] = "/tmp/perilune-run.XXXXXX";
	struct stage st;
	struct probe p;

	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("XDG_RUNTIME_DIR", dir, 1);
	open_with(&st, BY_WISH);
	probe_run(&p, &st, "true");
	probe_ended(&p, OUTCOME_OK);
	probe_fini(&p);
	assert_int_equal(rmdir(dir), 0); /* while the session is held */
	stage_close(&st);
	unsetenv("XDG_RUNTIME_DIR");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_hardened_sshd_is_reached_and_why_is_told_once),
	cmocka_unit_test(a_host_known_by_its_rsa_key_alone_is_reached),
	cmocka_unit_test(who_waits_notices_nothing_of_the_detour),
	cmocka_unit_test(without_the_program_the_failure_says_what_to_do),
	cmocka_unit_test(the_detour_stays_within_the_deadlines),
	cmocka_unit_test(a_login_that_fails_says_where_and_why),
	cmocka_unit_test(servers_that_misbehave_are_told_apart),
	cmocka_unit_test(a_master_that_dies_loses_its_commands_and_is_replaced),
	cmocka_unit_test(a_host_that_falls_silent_is_lost_in_time),
	cmocka_unit_test(a_host_with_nothing_to_say_is_not_lost),
	cmocka_unit_test(no_socket_is_left_on_disk),
};

FLEET_MAIN(40, tests)
