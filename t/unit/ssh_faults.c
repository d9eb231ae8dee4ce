/*
 * ssh_faults.c - hosts and connections that go bad under the ssh transport: servers that do not
 * speak as they should, sessions that are cut or fall silent, commands that are slow to start.
 */
#include "transport_cases.h"

#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "ssh_stage.h"
#include "ssh/ssh.h"
#include "transport/tagged.h"

#define MS INT64_C(1000)

/* ---- what carries the tag of a probe on this machine ---- */

struct tag_sweep {
	const char *tag;
	bool kill;
	int n;
};

static void on_tagged(void *arg, pid_t pid, const char *tag)
{
	struct tag_sweep *sweep = arg;

	if (strcmp(tag, sweep->tag) != 0)
		return;
	sweep->n++;
	if (sweep->kill)
		kill(pid, SIGKILL);
}

static int sweep_tag(const struct probe *p, bool end)
{
	struct tag_sweep sweep = { p->tag, end, 0 };

	tagged_each(on_tagged, &sweep);
	return sweep.n;
}


/* ---- servers that do not speak as they should ---- */

/* The loop runs client and server alike. */
static void meets(struct bad_server *b, enum phase phase, const char *words)
{
	struct task_result r = meet_bad_server(
		b, (struct ssh_options){ .connect_timeout_us = 150 * MS });

	assert_int_equal(r.outcome, OUTCOME_UNREACHABLE);
	assert_int_equal(r.phase, phase);
	assert_says(r.why, words);
}

static void bad_servers_end_in_time_and_are_told_apart(void **state)
{
	static const struct {
		struct bad_server server;
		enum phase phase;
		const char *words;
	} cases[] = {
		{ { .text = NULL }, PHASE_BANNER, "has not said that it speaks SSH" },
		{ { .text = "SSH-2.0-Slow_server_with_a_very_long_name", .pace_us = 20 * MS },
		  PHASE_BANNER, "has not said that it speaks SSH" },
		{ { .text = "SSH-2.0-Half\r\n" }, PHASE_KEX, "key exchange" },
		{ { .text = "SSH-2.0-Half\r\n", .hang_up = true }, PHASE_KEX, "key exchange" },
		{ { .text = "SSH-2.0-Half\r\n\1\2\3\4garbage" }, PHASE_KEX, "key exchange" },
		{ { .text = "SSH-1.5-Ancient\r\n", .hang_up = true }, PHASE_KEX, "key exchange" },
		{ { .text = "HTTP/1.1 400 Bad Request\r\n\r\n", .hang_up = true },
		  PHASE_BANNER, "does not speak SSH: it said 'HTTP/1.1 400 Bad Request'" },
		{ { .text = "Not allowed at this time\r\n", .hang_up = true },
		  PHASE_BANNER, "it said 'Not allowed at this time'" },
		{ { .text = "\377\376\001\002\003\n\n\n\177\200", .hang_up = true },
		  PHASE_BANNER, "does not speak SSH" },
		{ { .text = NULL, .hang_up = true }, PHASE_BANNER, "before its banner" },
		{ { .text = NULL, .reset = true }, PHASE_BANNER, "before its banner" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bad_server b = cases[i].server;

		meets(&b, cases[i].phase, cases[i].words);
	}
}

static void a_banner_longer_than_ssh_allows_is_named(void **state)
{
	char text[600] = "SSH-2.0-";
	struct bad_server b = { .text = text };

	(void)state;
	memset(text + 8, 'x', 400);
	meets(&b, PHASE_BANNER, "longer than the 255 bytes");
	strcpy(text + 408, "\r\n");
	b = (struct bad_server){ .text = text, .hang_up = true };
	meets(&b, PHASE_BANNER, "longer than the 255 bytes");
}

/* ---- a second sshd, with other settings than the fleet's ---- */

static const struct ssh_options warm = { .keep_sessions = 8 };

static void run_twenty(struct stage *st)
{
	struct probe p[20];

	for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
		probe_line(&p[i], st, 0, "true");
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		probe_fini(&p[i]);
	}
}

static void run_twenty_twice(struct stage *st)
{
	int64_t began = loop_now_us(st->loop);

	run_twenty(st);
	run_twenty(st);
	/* none is forgotten until a keepalive brings the next byte */
	assert_true(loop_now_us(st->loop) - began < 10 * 1000 * MS);
}

static void fewer_channels_than_we_hoped_for_are_enough(void **state)
{
	(void)state;
	on_second_sshd("-o MaxSessions=2", warm, run_twenty_twice);
	on_second_sshd("-o MaxSessions=1", warm, run_twenty_twice);
}

static void is_refused_a_channel(struct stage *st)
{
	struct probe p;

	probe_run(&p, st, "true");
	assert_failed(&p, OUTCOME_UNREACHABLE, PHASE_OPEN, "MaxSessions");
	probe_fini(&p);
}

static void a_host_that_allows_no_session_says_so(void **state)
{
	(void)state;
	on_second_sshd("-o MaxSessions=0", warm, is_refused_a_channel);
}

/* ---- connections that are cut ---- */

/* Its sshd is killed in mid-command: whatever the command did before, it is lost. What nobody can
 * end there any more ends soon by itself. */
static void a_connection_cut_amid_a_command_is_lost(void **state)
{
	static const char *const lines[] = {
		"kill -KILL $PPID; exec sleep 2",
		"kill -TERM $PPID; exec sleep 2",
		"echo some; kill -KILL $PPID; exec sleep 2",
		/* its output was closed early: all that is missing is how it ended */
		"exec >/dev/null 2>&1; kill -KILL $PPID; exec sleep 2",
		"exec >/dev/null 2>&1; sleep 0.2; kill -KILL $PPID; exec sleep 2",
		"exec >/dev/null 2>&1; sleep 0.2; kill -TERM $PPID; exec sleep 2",
		/* it ends in the same moment, with what would be success */
		"exec >/dev/null 2>&1; sleep 0.1; kill -KILL $PPID; exit 0",
	};
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){ .keep_sessions = 8 });
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct probe p;

		probe_run(&p, &st, lines[i]);
		assert_failed(&p, OUTCOME_LOST, PHASE_STREAM, "lost");
		assert_true(p.result.begun);
		probe_fini(&p);
	}
	stage_close(&st);
}

/* ---- connections that fall silent ---- */

/* Starts a command that says which sshd serves it, and waits until it has. */
static pid_t start_and_stop_sshd(struct probe *p, struct stage *st)
{
	pid_t sshd;

	probe_line(p, st, 0, "echo $PPID; exec sleep 300");
	probe_start(p);
	while (memchr(strbuf_str(&p->out), '\n', p->out.len) == NULL)
		loop_turn(st->loop, LOOP_WAIT);
	sshd = (pid_t)strtol(p->out.s, NULL, 10);
	assert_true(sshd > 1);
	assert_int_equal(kill(sshd, SIGSTOP), 0);
	return sshd;
}

static void a_silent_connection_is_lost_in_time_and_others_go_on(void **state)
{
	struct probe silent, other;
	struct stage st;
	int64_t began;
	pid_t sshd;

	(void)state;
	open_with(&st, (struct ssh_options){ .keepalive_us = 100 * MS, .lost_us = 400 * MS });
	sshd = start_and_stop_sshd(&silent, &st);
	began = loop_now_us(st.loop);
	probe_line(&other, &st, 1, "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done");
	probe_start(&other);
	probe_wait(&silent);
	assert_failed(&silent, OUTCOME_LOST, PHASE_STREAM, "no byte for");
	assert_true(loop_now_us(st.loop) - began >= 300 * MS);
	assert_true(loop_now_us(st.loop) - began < 400 * MS + 2000 * MS);
	probe_wait(&other);
	probe_ended(&other, OUTCOME_OK);
	kill(sshd, SIGKILL);
	probe_fini(&other);
	while (sweep_tag(&silent, true) > 0)
		;
	probe_fini(&silent);
	stage_close(&st);
}

static void a_quiet_command_is_not_lost_while_its_host_answers(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	/* libssh2 asks no more often than every two seconds */
	open_with(&st, (struct ssh_options){ .keepalive_us = 100 * MS, .lost_us = 3000 * MS });
	probe_run(&p, &st, "sleep 4");
	probe_ended(&p, OUTCOME_OK);
	probe_fini(&p);
	stage_close(&st);
}

static void a_warm_session_whose_host_fell_silent_is_replaced(void **state)
{
	struct ssh_stats stats;
	struct stage st;
	struct probe p;
	int64_t began;
	pid_t sshd;

	(void)state;
	open_with(&st, (struct ssh_options){ .keep_sessions = 8,
					     .connect_timeout_us = 1000 * MS });
	probe_run(&p, &st, "echo $PPID");
	sshd = (pid_t)strtol(p.out.s, NULL, 10);
	assert_true(sshd > 1);
	probe_fini(&p);
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.idle_sessions, 1);
	assert_int_equal(kill(sshd, SIGSTOP), 0);
	began = loop_now_us(st.loop);
	probe_run(&p, &st, "true");
	probe_ended(&p, OUTCOME_OK);
	/* one connect timeout to notice, and what a login and a slow machine take */
	assert_true(loop_now_us(st.loop) - began < 1000 * MS + 3000 * MS);
	ssh_stats(st.tp, &stats);
	assert_int_equal(stats.logins, 2);
	kill(sshd, SIGKILL);
	probe_fini(&p);
	stage_close(&st);
}

/* ---- commands that are slow to start ---- */

/*
 * A forced command stands for a login shell that takes its time: nothing carries the tag until the
 * file `go` is there. Kills are let through at once.
 */
static const char *config_of_slow_host(void)
{
	ssh_fleet_write(&fleet, "slow.sh",
			"case $SSH_ORIGINAL_COMMAND in\n"
			"'exec env PERILUNE_TASK'*) while [ ! -e %s/go ]; do sleep 0.05; done ;;\n"
			"*) : >%s/asked ;;\n"
			"esac\n"
			"exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n", fleet.dir, fleet.dir);
	assert_int_equal(ssh_fleet_sh(&fleet, "ssh-keygen -q -t ed25519 -N '' -f $D/id_slow && "
					      "{ printf 'command=\"sh %s/slow.sh\" ' $D; "
					      "cat $D/id_slow.pub; } >>$D/authorized_keys"), 0);
	return ssh_fleet_write(&fleet, "config3", "Port %d\nIdentityFile %s/id_slow\n"
			       "UserKnownHostsFile %s/known_hosts\n",
			       fleet.port, fleet.dir, fleet.dir);
}

static void cancel_it(struct probe *p)
{
	probe_cancel(p);
}

static void cancel_without_a_supervisor_ends_what_has_not_set_its_tag_yet(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	open_with(&st, (struct ssh_options){ .config_path = config_of_slow_host(),
					     .no_supervisor = true });
	probe_line(&p, &st, 0, "sleep 300");
	p.on_start = cancel_it;
	probe_start(&p);
	while (p.starts == 0)
		loop_turn(st.loop, LOOP_WAIT);
	/* later than the grace, which has no say in this */
	assert_int_equal(ssh_fleet_sh(&fleet, "{ sleep 3; : >$D/go; } &"), 0);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_string_equal(p.result.why, "cancelled");
	assert_int_equal(ssh_fleet_sh(&fleet, "[ -e $D/go ] && [ -e $D/asked ]"), 0);
	assert_int_equal(sweep_tag(&p, false), 0);
	probe_fini(&p);
	stage_close(&st);
}

static void cancel_what_shook_its_tag_off(bool no_supervisor, const char *why)
{
	char line[200];
	struct stage st;
	struct probe p;

	open_with(&st, (struct ssh_options){ .connect_timeout_us = 2000 * MS,
					     .no_supervisor = no_supervisor });
	snprintf(line, sizeof(line), "env -i sh -c 'echo $$ >%s/shy; echo there; exec sleep 60' & "
		 "wait", fleet.dir);
	probe_line(&p, &st, 0, line);
	p.on_output = cancel_it;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_says(p.result.why, why);
	assert_int_equal(ssh_fleet_sh(&fleet, "kill $(cat $D/shy)"), 0);
	probe_fini(&p);
	stage_close(&st);
}

static void cancel_without_a_supervisor_gives_up_on_what_shook_its_tag_off(void **state)
{
	(void)state;
	cancel_what_shook_its_tag_off(true, "without its tag");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(bad_servers_end_in_time_and_are_told_apart),
	cmocka_unit_test(a_banner_longer_than_ssh_allows_is_named),
	cmocka_unit_test(fewer_channels_than_we_hoped_for_are_enough),
	cmocka_unit_test(a_host_that_allows_no_session_says_so),
	cmocka_unit_test(a_connection_cut_amid_a_command_is_lost),
	cmocka_unit_test(a_silent_connection_is_lost_in_time_and_others_go_on),
	cmocka_unit_test(a_quiet_command_is_not_lost_while_its_host_answers),
	cmocka_unit_test(a_warm_session_whose_host_fell_silent_is_replaced),
	cmocka_unit_test(cancel_without_a_supervisor_ends_what_has_not_set_its_tag_yet),
	cmocka_unit_test(cancel_without_a_supervisor_gives_up_on_what_shook_its_tag_off),
};

FLEET_MAIN(4, tests)
