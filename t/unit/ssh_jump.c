/*
 * ssh_jump.c - hosts that are reached through others: jump hosts, chains of them, ProxyCommand;
 * what they carry, and how they fail.
 */
#include "transport_cases.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "ssh/ssh_jump.h"
#include "ssh_stage.h"

#define MS INT64_C(1000)

/* The words of a ProxyJump. */
static void a_jump_is_taken_apart(void **state)
{
	static const struct {
		const char *text, *user, *host;
		int port;
		const char *before;
	} cases[] = {
		{ "gate", NULL, "gate", 0, NULL },
		{ "me@gate:2222", "me", "gate", 2222, NULL },
		{ "ssh://me@gate:2222", "me", "gate", 2222, NULL },
		{ "a,b@c:1,d", NULL, "d", 0, "a,b@c:1" },
		{ "[::1]:22", NULL, "::1", 22, NULL },
		{ "me@[fe80::1%eth0]", "me", "fe80::1%eth0", 0, NULL },
		{ "fe80::1", NULL, "fe80::1", 0, NULL },
		{ "a@b@gate", "a@b", "gate", 0, NULL },
	};
	static const char *const wrong[] = { "", "gate:", "gate:0", "gate:70000", "gate:x", "@gate",
					     "a,,", "me@" };
	struct pl_error err;
	struct ssh_hop hop;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(ssh_jump_parse(cases[i].text, &hop, &err), 0);
		assert_string_equal(hop.host, cases[i].host);
		assert_string_equal(hop.user ? hop.user : "-", cases[i].user ? cases[i].user : "-");
		assert_int_equal(hop.port, cases[i].port);
		assert_string_equal(hop.before ? hop.before : "-",
				    cases[i].before ? cases[i].before : "-");
		ssh_hop_fini(&hop);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(ssh_jump_parse(wrong[i], &hop, &err), -1);
		assert_non_null(strstr(err.text, "ProxyJump"));
		ssh_hop_fini(&hop);
	}
}

/* The fleet's configuration, and before it these lines with the folder and the port in them. */
static const char *config_with(const char *fmt, ...)
{
	char lines[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(lines, sizeof(lines), fmt, ap);
	va_end(ap);
	return ssh_fleet_write(&fleet, "config_jump",
			       "%s\nHost *\nPort %d\nIdentityFile %s/id_ed25519\n"
			       "UserKnownHostsFile %s/known_hosts\n",
			       lines, fleet.port, fleet.dir, fleet.dir);
}

/* Everything but 127.1.0.1 and 127.1.0.2 is behind those. */
static const char *config_of_jumps(const char *jumps)
{
	return config_with("Host 127.1.0.1 127.1.0.2\nProxyJump none\n"
			   "Host 127.1.*\nProxyJump %s\n", jumps);
}

static size_t logins(const struct stage *st)
{
	struct ssh_stats stats;

	ssh_stats(st->tp, &stats);
	return stats.logins;
}

/* ---- the way there ---- */

static void a_command_runs_on_a_host_behind_another(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	open_with(&st, (struct ssh_options){ .config_path = config_of_jumps("127.1.0.1") });
	probe_init(&p, &st, 2);
	p.command.line = "echo $SSH_CONNECTION; echo two >&2; exit 3";
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_int_equal(p.result.code, 3);
	/* it was connected to from the jump host, which has no address but the loopback's */
	assert_non_null(strstr(strbuf_str(&p.out), "127.1.0.3"));
	assert_string_equal(strbuf_str(&p.err), "two\n");
	assert_int_equal(logins(&st), 2);
	probe_fini(&p);
	stage_close(&st);
}

static void a_chain_of_jump_hosts_leads_on(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	open_with(&st, (struct ssh_options){
			       .config_path = config_of_jumps("127.1.0.1,127.1.0.2") });
	probe_init(&p, &st, 2);
	p.command.line = "echo there";
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), "there\n");
	assert_int_equal(logins(&st), 3);
	probe_fini(&p);
	stage_close(&st);
}

static void a_jump_host_is_reached_as_its_own_configuration_says(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	open_with(&st, (struct ssh_options){
			       .config_path = config_with(
				       "Host gate\nHostName 127.1.0.2\nProxyJump first\n"
				       "Host first\nHostName 127.1.0.1\n"
				       "Host 127.1.0.3\nProxyJump gate\n") });
	probe_init(&p, &st, 2);
	p.command.line = "true";
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_int_equal(logins(&st), 3);
	probe_fini(&p);
	stage_close(&st);
}

static void jump_hosts_in_a_circle_are_an_error(void **state)
{
	struct pl_error err = { 0 };
	struct ssh_target target;
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){
			       .config_path = config_with("Host a\nProxyJump b\n"
							  "Host b\nProxyJump a\n") });
	assert_int_equal(ssh_target(st.tp, "a", &target, &err), -1);
	assert_non_null(strstr(err.text, "circle"));
	stage_close(&st);
}

static void sixty_four_hosts_share_one_session_to_their_jump_host(void **state)
{
	static struct probe p[64];
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){ .config_path = config_of_jumps("127.1.0.1") });
	for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
		probe_init(&p[i], &st, i + 2);
		p[i].command.line = "echo there";
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		assert_string_equal(strbuf_str(&p[i].out), "there\n");
		probe_fini(&p[i]);
	}
	/* one more where the machine is so slow that some lost their patience */
	assert_in_range(logins(&st), 65, 68);
	stage_close(&st);
}

/* ---- what it carries ---- */

#define BULK (32 * 1024 * 1024)

static void assert_pattern(const struct strbuf *b)
{
	assert_int_equal(b->len, BULK);
	for (size_t i = 0; i < b->len; i += 997)
		assert_int_equal((unsigned char)b->s[i], (i * 31 + (i >> 13)) & 0xff);
}

/* Through two sessions, one inside the other, both ways at once. */
static void every_byte_comes_through_both_ways(void **state)
{
	char *bytes = xmalloc(BULK);
	struct stage st;
	struct probe p;

	(void)state;
	for (size_t i = 0; i < BULK; i++)
		bytes[i] = (char)(i * 31 + (i >> 13));
	open_with(&st, (struct ssh_options){ .config_path = config_of_jumps("127.1.0.1") });
	probe_init(&p, &st, 2);
	p.command.line = "cat";
	p.command.stdin_open = true;
	probe_start(&p);
	probe_write(&p, bytes, BULK);
	probe_close_stdin(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_pattern(&p.out);
	probe_fini(&p);
	stage_close(&st);
	free(bytes);
}

static void a_paused_reader_behind_a_jump_holds_nobody_up(void **state)
{
	struct probe slow, quick;
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){ .config_path = config_of_jumps("127.1.0.1") });
	probe_init(&slow, &st, 2);
	slow.command.line = LINE_MUCH;
	slow.on_output = probe_pause;
	probe_start(&slow);
	while (slow.chunks == 0)
		loop_turn(st.loop, LOOP_WAIT);
	probe_init(&quick, &st, 3);
	quick.command.line = LINE_MUCH;
	probe_start(&quick);
	probe_wait(&quick);
	probe_ended(&quick, OUTCOME_OK);
	assert_int_equal(slow.dones, 0);
	assert_true(slow.out.len < 2 * TASK_BUFFER_MAX);
	slow.on_output = NULL;
	probe_resume(&slow);
	probe_wait(&slow);
	probe_ended(&slow, OUTCOME_OK);
	assert_int_equal(slow.out.len, quick.out.len);
	probe_fini(&slow);
	probe_fini(&quick);
	stage_close(&st);
}

/* ---- how it fails ---- */

static void fails(struct ssh_options options, enum outcome outcome, enum phase phase,
		  const char *words)
{
	struct stage st;
	struct probe p;

	open_with(&st, options);
	probe_init(&p, &st, 2);
	p.command.line = "true";
	probe_start(&p);
	probe_wait(&p);
	assert_failed(&p, outcome, phase, words);
	assert_non_null(strstr(p.result.why, "jump host 127.1.0.1"));
	assert_false(p.result.begun);
	probe_fini(&p);
	stage_close(&st);
}

static void a_failure_names_the_jump_host_and_the_phase(void **state)
{
	struct ssh_options o = { 0 };

	(void)state;
	/* the target: nothing listens there */
	o.config_path = config_with("Host 127.1.0.1\nProxyJump none\n"
				    "Host 127.1.0.3\nProxyJump 127.1.0.1\nPort 1\n");
	fails(o, OUTCOME_UNREACHABLE, PHASE_CONNECT, "no connection from there");
	/* the jump host: nothing listens there */
	o.config_path = config_with("Host 127.1.0.3\nProxyJump 127.1.0.1:1\n");
	fails(o, OUTCOME_UNREACHABLE, PHASE_CONNECT, "refused");
	/* the jump host does not let us in */
	o.config_path = config_with("Host 127.1.0.3\nProxyJump nobody@127.1.0.1\n");
	fails(o, OUTCOME_AUTH, PHASE_AUTH, "refused");
	/* the jump host is not the one that we know */
	o.config_path = config_with("Host 127.1.0.1\nUserKnownHostsFile /dev/null\n"
				    "GlobalKnownHostsFile /dev/null\n"
				    "Host 127.1.0.3\nProxyJump 127.1.0.1\n");
	fails(o, OUTCOME_HOSTKEY, PHASE_HOSTKEY, "key");
}

/* A port whose connections nobody answers: the kernel's queue of them is full. */
static int open_deaf_port(int fds[4])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fds[0], 0), 0);
	assert_int_equal(getsockname(fds[0], (struct sockaddr *)&address, &len), 0);
	for (int i = 1; i < 4; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fds[i], (struct sockaddr *)&address, len);
	}
	return ntohs(address.sin_port);
}

/* While a jump host waits for the silent one, no other channel of that session can be opened. */
static void a_silent_target_keeps_no_other_waiting(void **state)
{
	struct probe silent, p[6];
	struct stage st;
	int64_t began;
	int fds[4];
	int port = open_deaf_port(fds);

	(void)state;
	open_with(&st, (struct ssh_options){
			       .connect_timeout_us = 4000 * MS,
			       .config_path = config_with(
				       "Host 127.1.0.1\nProxyJump none\n"
				       "Host 127.1.0.3\nHostName 127.0.0.1\nPort %d\n"
				       "Host 127.*\nProxyJump 127.1.0.1\n", port) });
	began = loop_now_us(st.loop);
	probe_init(&silent, &st, 2);
	silent.command.line = "true";
	probe_start(&silent);
	for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
		probe_init(&p[i], &st, i + 3);
		p[i].command.line = "true";
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		probe_fini(&p[i]);
	}
	assert_int_equal(silent.dones, 0);
	probe_wait(&silent);
	assert_failed(&silent, OUTCOME_UNREACHABLE, PHASE_CONNECT, "jump host 127.1.0.1");
	assert_true(loop_now_us(st.loop) - began < 3 * 4000 * MS);
	probe_fini(&silent);
	stage_close(&st);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

static void a_jump_host_that_goes_away_takes_only_its_own_along(void **state)
{
	int port = second_sshd_start("");
	struct probe behind, direct;
	struct stage st;

	(void)state;
	open_with(&st, (struct ssh_options){
			       .config_path = config_with(
				       "Host gate\nHostName 127.1.0.1\nPort %d\n"
				       "UserKnownHostsFile %s/kh_second\n"
				       "Host 127.1.0.3\nProxyJump gate\n", port, fleet.dir) });
	probe_init(&behind, &st, 2);
	behind.command.line = "echo here; exec sleep 3";
	probe_start(&behind);
	probe_init(&direct, &st, 3);
	direct.command.line = "echo here; read x";
	direct.command.stdin_open = true;
	probe_start(&direct);
	while (behind.chunks == 0 || direct.chunks == 0)
		loop_turn(st.loop, LOOP_WAIT);
	assert_int_equal(ssh_fleet_sh(&fleet, "p=$(cat $D/second.pid); "
					      "kill -KILL $(cat /proc/$p/task/$p/children)"), 0);
	probe_wait(&behind);
	assert_failed(&behind, OUTCOME_LOST, PHASE_STREAM, "jump host 127.1.0.1");
	assert_true(behind.result.begun);
	probe_write(&direct, "x\n", 2);
	probe_wait(&direct);
	probe_ended(&direct, OUTCOME_OK);
	probe_fini(&behind);
	probe_fini(&direct);
	stage_close(&st);
	second_sshd_stop();
}

/* ---- ProxyCommand ---- */

static void a_proxy_command_is_the_connection(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	open_with(&st, (struct ssh_options){
			       .config_path = config_with("Host 127.1.0.3\nProxyCommand "
							  "ssh -F %s -W %%h:%%p 127.1.0.1\n",
							  fleet.config) });
	probe_init(&p, &st, 2);
	p.command.line = LINE_MUCH;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_in_range(p.out.len, 10 * 1000 * 1000, 20 * 1000 * 1000);
	probe_fini(&p);
	stage_close(&st);
}

static void a_proxy_command_that_fails_is_quoted(void **state)
{
	struct stage st;
	struct probe p;

	(void)state;
	open_with(&st, (struct ssh_options){
			       .config_path = config_with("Host 127.1.0.3\nProxyCommand "
							  "sh -c 'echo no way >&2; exit 7'\n") });
	probe_init(&p, &st, 2);
	p.command.line = "true";
	probe_start(&p);
	probe_wait(&p);
	assert_failed(&p, OUTCOME_UNREACHABLE, PHASE_BANNER, "ProxyCommand");
	assert_non_null(strstr(p.result.why, "no way"));
	probe_fini(&p);
	stage_close(&st);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_jump_is_taken_apart),
	cmocka_unit_test(a_command_runs_on_a_host_behind_another),
	cmocka_unit_test(a_chain_of_jump_hosts_leads_on),
	cmocka_unit_test(a_jump_host_is_reached_as_its_own_configuration_says),
	cmocka_unit_test(jump_hosts_in_a_circle_are_an_error),
	cmocka_unit_test(sixty_four_hosts_share_one_session_to_their_jump_host),
	cmocka_unit_test(every_byte_comes_through_both_ways),
	cmocka_unit_test(a_paused_reader_behind_a_jump_holds_nobody_up),
	cmocka_unit_test(a_failure_names_the_jump_host_and_the_phase),
	cmocka_unit_test(a_silent_target_keeps_no_other_waiting),
	cmocka_unit_test(a_jump_host_that_goes_away_takes_only_its_own_along),
	cmocka_unit_test(a_proxy_command_is_the_connection),
	cmocka_unit_test(a_proxy_command_that_fails_is_quoted),
};

FLEET_MAIN(4, tests)
