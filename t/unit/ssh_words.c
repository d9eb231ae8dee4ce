/* ssh_words.c - what OpenSSH says, as its versions word it, in the words of the contract */
#include "unit.h"

#include "base/mem.h"
#include "ssh/ssh_words.h"

static void lines_of_a_login_tell_its_phases(void **state)
{
	static const struct {
		const char *line;
		enum phase phase;
	} cases[] = {
		{ "debug1: Reading configuration data /etc/ssh/ssh_config", PHASE_NONE },
		{ "debug1: Connecting to node1 [10.0.0.1] port 22.", PHASE_CONNECT },
		{ "debug1: Executing proxy command: exec nc node1 22", PHASE_CONNECT },
		{ "debug1: Connection established.", PHASE_BANNER },
		{ "debug1: Local version string SSH-2.0-OpenSSH_9.2p1", PHASE_BANNER },
		{ "debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1",
		  PHASE_KEX },
		{ "debug1: Server host key: ssh-ed25519 SHA256:x", PHASE_HOSTKEY },
		{ "debug1: SSH2_MSG_NEWKEYS sent", PHASE_AUTH },
		{ "debug1: Authentication succeeded (publickey).", PHASE_OPEN },
		{ "Authenticated to node1 ([10.0.0.1]:22) using \"publickey\".", PHASE_OPEN },
		{ "Permission denied (publickey).", PHASE_NONE },
		{ "", PHASE_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(ssh_words_phase(cases[i].line), cases[i].phase);
}

static void chatter_is_no_complaint(void **state)
{
	(void)state;
	assert_false(ssh_words_complains("debug1: anything"));
	assert_false(ssh_words_complains("Authenticated to x ([1]:22) using \"none\"."));
	assert_false(ssh_words_complains("Warning: Permanently added 'x' to the list of known hosts."));
	assert_false(ssh_words_complains(""));
	assert_true(ssh_words_complains("ssh: connect to host x port 22: Connection refused"));
}

/* What ssh complained of when it had come so far, and what that is called. */
static const struct {
	enum phase reached;
	const char *complaints;
	enum outcome outcome;
	enum phase phase;
	const char *why;
} COMPLAINTS[] = {
	{ PHASE_RESOLVE, "ssh: Could not resolve hostname n1: Name or service not known\n",
	  OUTCOME_UNREACHABLE, PHASE_RESOLVE,
	  "no address for its name: Name or service not known" },
	{ PHASE_CONNECT, "ssh: connect to host n1 port 22: No route to host\n",
	  OUTCOME_UNREACHABLE, PHASE_CONNECT, "No route to host" },
	{ PHASE_CONNECT, "ssh: connect to host n1 port 22: Connection refused\n",
	  OUTCOME_UNREACHABLE, PHASE_CONNECT,
	  "Connection refused (no sshd listens there)" },
	{ PHASE_BANNER, "kex_exchange_identification: Connection closed by remote host\n"
			"Connection closed by 10.0.0.1 port 22\n",
	  OUTCOME_UNREACHABLE, PHASE_BANNER,
	  "it ended the connection before its banner (sshd may be short of MaxStartups, or "
	  "refuse this address)" },
	{ PHASE_CONNECT, "ssh: connect to host n1 port 22: Connection reset by peer\n",
	  OUTCOME_UNREACHABLE, PHASE_BANNER,
	  "it ended the connection before its banner (sshd may be short of MaxStartups, or "
	  "refuse this address)" },
	{ PHASE_BANNER, "Connection reset by UNKNOWN port -1\n", OUTCOME_UNREACHABLE,
	  PHASE_BANNER,
	  "it ended the connection before its banner (sshd may be short of MaxStartups, or "
	  "refuse this address)" },
	{ PHASE_BANNER, "Connection timed out during banner exchange\n"
			"Connection to 10.0.0.1 port 22 timed out\n",
	  OUTCOME_UNREACHABLE, PHASE_BANNER,
	  "connected, but it has not said that it speaks SSH" },
	{ PHASE_BANNER, "banner exchange: Connection to 10.0.0.1 port 22: invalid format\n",
	  OUTCOME_UNREACHABLE, PHASE_BANNER,
	  "it does not speak SSH; is that the port of its sshd?" },
	{ PHASE_KEX, "Unable to negotiate with 10.0.0.1 port 22: no matching cipher found. "
		     "Their offer: aes128-cbc\n",
	  OUTCOME_UNREACHABLE, PHASE_KEX,
	  "no matching cipher found. Their offer: aes128-cbc" },
	{ PHASE_KEX, "Connection closed by 10.0.0.1 port 22\n", OUTCOME_UNREACHABLE,
	  PHASE_KEX, "the connection was closed" },
	{ PHASE_AUTH, "Connection reset by 10.0.0.1 port 22\n", OUTCOME_UNREACHABLE,
	  PHASE_AUTH, "the connection was reset" },
	{ PHASE_AUTH, "root@10.0.0.1: Permission denied (publickey,password).\n",
	  OUTCOME_AUTH, PHASE_AUTH,
	  "login refused: Permission denied (publickey,password)" },
	{ PHASE_HOSTKEY,
	  "No ED25519 host key is known for n1 and you have requested strict checking.\n"
	  "Host key verification failed.\n", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "its host key is not in FILE; when it is right: ssh-keyscan HOST >>FILE" },
	{ PHASE_HOSTKEY,
	  "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
	  "Offending ED25519 key in /home/x/.ssh/known_hosts:17\n"
	  "Host key verification failed.\n", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "ITS HOST KEY HAS CHANGED: someone may be listening; when it was replaced: take "
	  "the old one out of known_hosts (ssh-keygen -R HOST)" },
	{ PHASE_HOSTKEY, "@       WARNING: REVOKED HOST KEY DETECTED!               @\n"
			 "Host key verification failed.\n",
	  OUTCOME_HOSTKEY, PHASE_HOSTKEY, "its host key is revoked in known_hosts" },
	{ PHASE_HOSTKEY, "@       WARNING: REVOKED HOST KEY DETECTED!               @\n"
			 "The ED25519-CERT host key for n1 is marked as revoked.\n"
			 "Host key verification failed.\n",
	  OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "its host certificate, or the authority that signed it, is revoked in "
	  "known_hosts" },
	{ PHASE_RESOLVE, "/home/x/.ssh/config: line 3: Bad configuration option: prot\n"
			 "/home/x/.ssh/config: terminating, 1 bad configuration options\n",
	  OUTCOME_UNREACHABLE, PHASE_RESOLVE, "terminating, 1 bad configuration options" },
	{ PHASE_AUTH, "", OUTCOME_UNREACHABLE, PHASE_AUTH,
	  "the system's ssh ended without a word" },
};

static void complaints_become_outcome_phase_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(COMPLAINTS); i++) {
		struct task_result r = { 0 };

		ssh_words_failure(COMPLAINTS[i].reached, COMPLAINTS[i].complaints, "FILE", &r);
		assert_string_equal(r.why, COMPLAINTS[i].why);
		assert_int_equal(r.outcome, COMPLAINTS[i].outcome);
		assert_int_equal(r.phase, COMPLAINTS[i].phase);
	}
}

static void a_loss_says_what_ssh_said(void **state)
{
	static const char *const cases[][2] = {
		{ "Timeout, server 10.0.0.1 not responding.\n",
		  "connection lost: no byte for long, though asked for a sign of life" },
		{ "Connection to 10.0.0.1 closed by remote host.\n",
		  "connection lost: the other side closed the connection" },
		{ "client_loop: send disconnect: Broken pipe\n", "connection lost: Broken pipe" },
		{ "", "connection lost: the system's ssh ended" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct task_result r = { 0 };

		ssh_words_loss(cases[i][0], &r);
		assert_string_equal(r.why, cases[i][1]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(lines_of_a_login_tell_its_phases),
	cmocka_unit_test(chatter_is_no_complaint),
	cmocka_unit_test(complaints_become_outcome_phase_and_reason),
	cmocka_unit_test(a_loss_says_what_ssh_said),
};

int main(void)
{
	return cmocka_run_group_tests_name("ssh_words", tests, NULL, NULL);
}
