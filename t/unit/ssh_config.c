/* ssh_config.c - tests of core/ssh/ssh_config.h, ssh_keywords.h, pattern.h */
#include "unit.h"

#include <unistd.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/pattern.h"
#include "ssh/ssh_config.h"

static struct ssh_config *parse(const char *text)
{
	struct pl_error err = { 0 };
	struct ssh_config *cfg = ssh_config_parse(text, "cfg", &err);

	if (cfg == NULL)
		fail_msg("%s", err.text);
	return cfg;
}

static void count_note(void *arg, const char *text)
{
	strbuf_addf(arg, "%s;", text);
}

static int look_up(struct ssh_config *cfg, const char *host, struct ssh_settings *out,
		   struct strbuf *notes, struct pl_error *err)
{
	const struct ssh_query query = { .host = host };

	return ssh_config_lookup(cfg, &query, out, notes != NULL ? count_note : NULL, notes, err);
}

/* ---- misuse ---- */

static void what_ssh_refuses_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "Frobnicate yes\n", "cfg:1: bad configuration option 'Frobnicate'" },
		{ "Host a\n  Port 22\n\n  Usr bob\n", "cfg:4: " },
		{ "Port\n", "cfg:1: Port needs a value" },
		{ "Port seventy\n", "'seventy' is not a port" },
		{ "Port 0\n", "is not a port" },
		{ "Port 65536\n", "is not a port" },
		{ "Port 22x\n", "is not a port" },
		{ "ConnectTimeout soon\n", "is not a time" },
		{ "User \"bob\n", "a quote is not closed" },
		{ "Host\n", "Host needs a value" },
		{ "=\n", "bad configuration option ''" },
		{ "IgnoreUnknown Use*\nFrob 1\n", "cfg:2: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };

		assert_null(ssh_config_parse(cases[i].text, "cfg", &err));
		assert_int_equal(err.code, PL_EUSAGE);
		assert_says(err.text, cases[i].says);
	}
}

static void a_file_that_others_may_write_is_refused(void **state)
{
	char path[] = "/tmp/perilune-config.XXXXXX";
	struct pl_error err = { 0 };
	struct ssh_config *cfg = ssh_config_create();
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "User bob\n", 9), 9);
	fchmod(fd, 0666);
	assert_int_equal(ssh_config_add(cfg, SSH_CONFIG_USER, path, &err), -1);
	assert_non_null(strstr(err.text, "permissions"));
	assert_int_equal(ssh_config_add(cfg, SSH_CONFIG_NAMED, path, &err), 0);
	close(fd);
	unlink(path);
	assert_int_equal(ssh_config_add(cfg, SSH_CONFIG_USER, path, &err), -1);
	assert_int_equal(err.code, PL_ENOENT);
	ssh_config_destroy(cfg);
}

static void a_token_that_means_nothing_is_refused(void **state)
{
	struct ssh_config *cfg = parse("IdentityFile /k/%z\n");
	struct ssh_settings s;
	struct pl_error err = { 0 };

	(void)state;
	assert_int_equal(look_up(cfg, "h", &s, NULL, &err), -1);
	assert_non_null(strstr(err.text, "%z"));
	ssh_config_destroy(cfg);
}

/* ---- lookups ---- */

/* What is found, as one line of text. */
static char *describe(struct ssh_config *cfg, const char *host)
{
	struct strbuf out = STRBUF_INIT;
	struct ssh_settings s;

	assert_int_equal(look_up(cfg, host, &s, NULL, NULL), 0);
	strbuf_addf(&out, "%s@%s:%d t%d", s.user != NULL ? s.user : "", s.hostname, s.port,
		    (int)(s.connect_timeout_us / 1000000));
	for (size_t i = 0; s.identity_files != NULL && s.identity_files[i] != NULL; i++)
		strbuf_addf(&out, " i:%s", s.identity_files[i]);
	for (size_t i = 0; s.user_known_hosts != NULL && s.user_known_hosts[i] != NULL; i++)
		strbuf_addf(&out, " u:%s", s.user_known_hosts[i]);
	for (size_t i = 0; s.global_known_hosts != NULL && s.global_known_hosts[i] != NULL; i++)
		strbuf_addf(&out, " g:%s", s.global_known_hosts[i]);
	ssh_settings_fini(&s);
	return strbuf_detach(&out);
}

static void the_first_value_wins_and_blocks_apply_by_pattern(void **state)
{
	static const struct {
		const char *text, *host, *found;
	} cases[] = {
		{ "", "h", "@h:0 t0" },
		{ "User a\nUser b\n", "h", "a@h:0 t0" },
		{ "Host x\nUser a\nHost *\nUser b\n", "x", "a@x:0 t0" },
		{ "Host x\nUser a\nHost *\nUser b\n", "y", "b@y:0 t0" },
		{ "Host n1 n2\n Port 23\n", "n2", "@n2:23 t0" },
		{ "Host n?\n Port 23\n", "n22", "@n22:0 t0" },
		{ "Host * !gw*\n Port 23\n", "gw1", "@gw1:0 t0" },
		{ "Host !gw*\n Port 23\n", "n1", "@n1:0 t0" },
		{ "Host 127.1.*\n Port 23\n", "127.1.0.9", "@127.1.0.9:23 t0" },
		{ "host X\nuser=a\nPORT = \"24\"\n", "X", "a@x:24 t0" },
		{ "\t# c\n\nUser a # comment\n", "h", "a@h:0 t0" },
		{ "User \"a b\"\n", "h", "a b@h:0 t0" },
		{ "ConnectTimeout 90\n", "h", "@h:0 t90" },
		{ "ConnectTimeout 1m30s\n", "h", "@h:0 t90" },
		{ "Host n*\nHostName %h.example.net\n", "n1", "@n1.example.net:0 t0" },
		{ "HostName %%\n", "h", "@%:0 t0" },
		{ "IdentityFile /a\nIdentityFile \"/b c\"\nHost h\nIdentityFile /d\n", "h",
		  "@h:0 t0 i:/a i:/b c i:/d" },
		{ "ProxyJump gw-%h\nUserKnownHostsFile /%j\n", "h", "@h:0 t0 u:/gw-h" },
		{ "HostName x\nUser u\nPort 9\nIdentityFile /%h/%r/%p/%n\n", "h",
		  "u@x:9 t0 i:/x/u/9/h" },
		{ "UserKnownHostsFile /a /b\nUserKnownHostsFile /c\n", "h", "@h:0 t0 u:/a u:/b" },
		{ "GlobalKnownHostsFile /dev/null\r\n", "h", "@h:0 t0 g:/dev/null" },
		{ "IgnoreUnknown Frob*,Nic*\nFrobnicate 1\nNice 2\nUser a\n", "h", "a@h:0 t0" },
		{ "Match all\nUser m\nHost *\nUser b\n", "h", "m@h:0 t0" },
		{ "User a", "h", "a@h:0 t0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ssh_config *cfg = parse(cases[i].text);
		char *found = describe(cfg, cases[i].host);

		assert_string_equal(found, cases[i].found);
		free(found);
		ssh_config_destroy(cfg);
	}
}

static void who_may_name_what_ssh_does_not_know_is_for_ssh_to_say(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "Host x\nIgnoreUnknown Frob*\nHost *\nFrob 1\n", SSH_CONFIG_ASK },
		{ "Host x\nFrob 1\nIgnoreUnknown Frob*\n", -1 },
		{ "Host x\nIgnoreUnknown Nice\nHost *\nIgnoreUnknown Frob*\nFrob 1\n",
		  SSH_CONFIG_ASK },
		{ "IgnoreUnknown Frob*\nHost x\nIgnoreUnknown Nice\nFrob 1\n", 0 },
		{ "IgnoreUnknown Nice\nHost x\nIgnoreUnknown Frob*\nFrob 1\n", -1 },
		{ "Host x\nIgnoreUnknown Frob*\n", 0 },
		{ "Host * !x\nIgnoreUnknown Frob*\nFrob 1\n", SSH_CONFIG_ASK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ssh_config *cfg = ssh_config_parse(cases[i].text, "cfg", NULL);
		struct ssh_settings s;
		int rc = cfg != NULL ? look_up(cfg, "h", &s, NULL, NULL) : -1;

		if (rc == 0)
			ssh_settings_fini(&s);
		assert_int_equal(rc, cases[i].rc);
		ssh_config_destroy(cfg);
	}
}

static void home_and_local_user_are_expanded(void **state)
{
	struct ssh_config *cfg = parse("IdentityFile ~/k\nIdentityFile %d/%u\n");
	char *found = describe(cfg, "h");
	char *expected = xasprintf("@h:0 t0 i:%s/k i:%s/%s", ssh_home(), ssh_home(),
				   ssh_local_user());

	(void)state;
	assert_string_equal(found, expected);
	free(found);
	free(expected);
	ssh_config_destroy(cfg);
}

static void no_configuration_is_an_empty_one(void **state)
{
	char *found = describe(NULL, "h");

	(void)state;
	assert_string_equal(found, "@h:0 t0");
	free(found);
}

/* ---- notes ---- */

static void what_is_not_honoured_is_noted_once_where_it_matters(void **state)
{
	struct ssh_config *cfg = parse("Host a\nFingerprintHash md5\nHost b\nInclude x\n"
				       "BatchMode yes\nCompression no\nLogLevel ERROR\n"
				       "Host c\nCompression yes\nMatch user bob\nPort 7\n");
	struct strbuf notes = STRBUF_INIT;
	static const char *const hosts[] = { "b", "b", "a", "c", "a" };
	static const char *const expected[] = { "cfg:4: Include ", "cfg:2: FingerprintHash ",
						"cfg:9: Compression " };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct ssh_settings s;

		assert_int_equal(look_up(cfg, hosts[i], &s, &notes, NULL), 0);
		assert_int_equal(s.port, 0);
		ssh_settings_fini(&s);
	}
	for (const char *p = notes.s; (p = strchr(p, ';')) != NULL; p++)
		n++;
	assert_int_equal(n, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		if (strstr(notes.s, expected[i]) == NULL)
			fail_msg("'%s' lacks '%s'", notes.s, expected[i]);
	}
	strbuf_fini(&notes);
	ssh_config_destroy(cfg);
}

/* ---- patterns ---- */

static void patterns_match_as_in_ssh(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "", "", true },	  { "", "a", false },	     { "*", "", true },
		{ "**", "abc", true },	  { "a*c", "abbc", true },   { "a*c", "abcd", false },
		{ "?", "", false },	  { "a?c", "abc", true },    { "*.net", "x.net", true },
		{ "*a*b", "xaxaxb", true }, { "*a*b", "xbxa", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(pattern_match(cases[i].pattern, strlen(cases[i].pattern),
					       cases[i].text), cases[i].matches);
	assert_int_equal(pattern_list_match("a,b*", "bc"), PATTERN_YES);
	assert_int_equal(pattern_list_match("b*,!bc", "bc"), PATTERN_NEGATED);
	assert_int_equal(pattern_list_match("!bc,b*", "bd"), PATTERN_YES);
	assert_int_equal(pattern_list_match("!bc", "bd"), PATTERN_NO);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_ssh_refuses_is_refused_with_its_line),
	cmocka_unit_test(a_file_that_others_may_write_is_refused),
	cmocka_unit_test(a_token_that_means_nothing_is_refused),
	cmocka_unit_test(the_first_value_wins_and_blocks_apply_by_pattern),
	cmocka_unit_test(who_may_name_what_ssh_does_not_know_is_for_ssh_to_say),
	cmocka_unit_test(home_and_local_user_are_expanded),
	cmocka_unit_test(no_configuration_is_an_empty_one),
	cmocka_unit_test(what_is_not_honoured_is_noted_once_where_it_matters),
	cmocka_unit_test(patterns_match_as_in_ssh),
};

UNIT_MAIN(tests)
