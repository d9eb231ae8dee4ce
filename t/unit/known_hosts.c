/* known_hosts.c - tests of core/ssh/known_hosts.h */
#include "unit.h"

#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/known_hosts.h"

/* Blobs of the right shape. */
#define EIGHT(c) c c c c c c c c
#define ED(c) "\0\0\0\13ssh-ed25519\0\0\0\40" EIGHT(c) EIGHT(c) EIGHT(c) EIGHT(c)
#define ED_LEN 51
#define ED_A "AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
#define ED_B "AAAAC3NzaC1lZDI1NTE5AAAAIGJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJi"
#define EC "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAAABcA=="
#define RSA "AAAAB3NzaC1yc2EAAAABZQAAAAFu"

static struct known_hosts *parse(const char *text)
{
	return known_hosts_parse(text, strlen(text), "kh");
}

static struct hostkey_answer check(struct known_hosts *kh, const char *host, int port,
				   const char *key)
{
	struct hostkey_answer a;

	known_hosts_check(&kh, 1, host, port, key, ED_LEN, &a);
	return a;
}

static void lines_that_make_no_sense_are_passed_over(void **state)
{
	static const char text[] = "h\nh ssh-ed25519\nh ssh-dss AAAA\n"
				   "@frob h ssh-ed25519 " ED_A "\n"
				   "|1|bad|bad ssh-ed25519 " ED_A "\n|2|x ssh-ed25519 " ED_A "\n"
				   "# h ssh-ed25519 " ED_A "\n   \n\t\n, ssh-ed25519 " ED_A "\n";
	struct known_hosts *kh = parse(text);

	(void)state;
	assert_int_equal(known_hosts_types(&kh, 1, "h", 22), 0);
	assert_int_equal(check(kh, "h", 22, ED("a")).verdict, HOSTKEY_UNKNOWN);
	known_hosts_destroy(kh);
}

static void a_file_that_is_not_there_is_empty(void **state)
{
	struct pl_error err = { 0 };
	struct known_hosts *kh = known_hosts_read("/nonexistent/known_hosts", &err);

	(void)state;
	assert_non_null(kh);
	assert_int_equal(known_hosts_types(&kh, 1, "h", 22), 0);
	known_hosts_destroy(kh);
	assert_null(known_hosts_read("/", &err));
	assert_non_null(strstr(err.text, "/"));
}

/* What a file says of a host, and what that makes of its key A. The hashed name was made by
 * `ssh-keygen -H` from secret.example. */
static const struct {
	const char *text, *host;
	int port;
	enum hostkey_verdict a;
	int line;
} LOOKUPS[] = {
	{ "h ssh-ed25519 " ED_A "\n", "h", 22, HOSTKEY_KNOWN, 1 },
	{ "h ssh-ed25519 " ED_A " bob@x\r\n", "H", 22, HOSTKEY_KNOWN, 1 },
	{ "h ssh-ed25519 " ED_B "\n", "h", 22, HOSTKEY_CHANGED, 1 },
	{ "# 1\n\nh ssh-ed25519 " ED_B "\n", "h", 22, HOSTKEY_CHANGED, 3 },
	{ "h ssh-ed25519 " ED_B "\nh ssh-ed25519 " ED_A "\n", "h", 22, HOSTKEY_KNOWN, 2 },
	{ "g,h,10.0.0.1 ssh-ed25519 " ED_A, "10.0.0.1", 22, HOSTKEY_KNOWN, 1 },
	{ "g ssh-ed25519 " ED_A "\n", "h", 22, HOSTKEY_UNKNOWN, 0 },
	{ "h ssh-rsa AAAA\n", "h", 22, HOSTKEY_UNKNOWN, 0 },
	{ "h ssh-rsa " RSA "\n", "h", 22, HOSTKEY_CHANGED, 1 },
	{ "h ssh-rsa " RSA "\nh ssh-ed25519 " ED_A "\n", "h", 22, HOSTKEY_KNOWN, 2 },
	{ "h ssh-rsa " ED_B "\n", "h", 22, HOSTKEY_UNKNOWN, 0 },
	{ "h ssh-ed25519 " ED_B "AAAA\n", "h", 22, HOSTKEY_UNKNOWN, 0 },
	{ "[h]:24 ssh-rsa " RSA "\nh ssh-ed25519 " ED_A "\n", "h", 24, HOSTKEY_CHANGED, 1 },
	{ "[h]:2222 ssh-ed25519 " ED_A "\n", "h", 2222, HOSTKEY_KNOWN, 1 },
	{ "[h]:2222 ssh-ed25519 " ED_A "\n", "h", 22, HOSTKEY_UNKNOWN, 0 },
	{ "h ssh-ed25519 " ED_A "\n", "h", 2222, HOSTKEY_KNOWN, 1 },
	{ "h ssh-ed25519 " ED_B "\n", "h", 2222, HOSTKEY_UNKNOWN, 0 },
	{ "[127.1.*]:24 ssh-ed25519 " ED_A "\n", "127.1.3.9", 24, HOSTKEY_KNOWN, 1 },
	{ "[127.1.*]:24 ssh-ed25519 " ED_A "\n", "127.2.3.9", 24, HOSTKEY_UNKNOWN, 0 },
	{ "*.net,!x.net ssh-ed25519 " ED_A "\n", "x.net", 22, HOSTKEY_UNKNOWN, 0 },
	{ "*.net,!x.net ssh-ed25519 " ED_A "\n", "y.net", 22, HOSTKEY_KNOWN, 1 },
	{ "@cert-authority * ssh-ed25519 " ED_A "\n", "h", 22, HOSTKEY_UNKNOWN, 0 },
	{ "h ssh-ed25519 " ED_A "\n@revoked * ssh-ed25519 " ED_A "\n", "h", 22,
	  HOSTKEY_REVOKED, 2 },
	{ "h ssh-ed25519 " ED_A "\n@revoked * ssh-ed25519 " ED_B "\n", "h", 22,
	  HOSTKEY_KNOWN, 1 },
	{ "|1|qxAe3MEHLHchSXHPOVsQ/w91gL4=|GlzXss6RoMoeEKUQVIknX3TdOEE= ssh-ed25519 " ED_A
	  "\n", "Secret.example", 22, HOSTKEY_KNOWN, 1 },
	{ "|1|qxAe3MEHLHchSXHPOVsQ/w91gL4=|GlzXss6RoMoeEKUQVIknX3TdOEE= ssh-ed25519 " ED_A
	  "\n", "secret.exampl", 22, HOSTKEY_UNKNOWN, 0 },
};

static void hosts_are_found_by_name_port_pattern_and_hash(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(LOOKUPS); i++) {
		struct known_hosts *kh = parse(LOOKUPS[i].text);
		struct hostkey_answer a = check(kh, LOOKUPS[i].host, LOOKUPS[i].port, ED("a"));

		if (a.verdict != LOOKUPS[i].a || a.line != LOOKUPS[i].line)
			fail_msg("%s: verdict %d line %d", LOOKUPS[i].text, (int)a.verdict, a.line);
		if (a.line > 0)
			assert_string_equal(a.path, "kh");
		known_hosts_destroy(kh);
	}
}

static void a_match_in_any_file_counts(void **state)
{
	struct known_hosts *files[2] = { parse("h ssh-ed25519 " ED_B "\n"),
					 parse("h ssh-ed25519 " ED_A "\n") };
	struct hostkey_answer a;

	(void)state;
	known_hosts_check(files, 2, "h", 22, ED("a"), ED_LEN, &a);
	assert_int_equal(a.verdict, HOSTKEY_KNOWN);
	known_hosts_destroy(files[0]);
	known_hosts_destroy(files[1]);
}

static void the_kinds_of_keys_known_for_a_host_are_told(void **state)
{
	struct known_hosts *kh = parse("h ssh-ed25519 " ED_A "\n* ecdsa-sha2-nistp256 " EC "\n"
				       "@revoked h ssh-rsa " RSA "\n[g]:23 ssh-rsa " RSA "\n");

	(void)state;
	assert_int_equal(known_hosts_types(&kh, 1, "h", 22), HOSTKEY_ED25519 | HOSTKEY_ECDSA_256);
	assert_int_equal(known_hosts_types(&kh, 1, "g", 23), HOSTKEY_ECDSA_256 | HOSTKEY_RSA);
	known_hosts_destroy(kh);
}

static void a_new_key_is_known_once_added(void **state)
{
	struct known_hosts *kh = parse("");
	char *line = known_hosts_line("Host", 2222, ED("a"), ED_LEN, false);

	(void)state;
	assert_string_equal(line, "[host]:2222 ssh-ed25519 " ED_A);
	known_hosts_add(kh, line);
	assert_int_equal(check(kh, "host", 2222, ED("a")).verdict, HOSTKEY_KNOWN);
	free(line);
	known_hosts_destroy(kh);
}

static void a_blob_that_is_none_is_unknown(void **state)
{
	struct known_hosts *kh = parse("h ssh-ed25519 AAAA\n");
	struct hostkey_answer a;

	(void)state;
	known_hosts_check(&kh, 1, "h", 22, "\377\377\377\377", 4, &a);
	assert_int_equal(a.verdict, HOSTKEY_UNKNOWN);
	known_hosts_check(&kh, 1, "h", 22, "", 0, &a);
	assert_int_equal(a.verdict, HOSTKEY_UNKNOWN);
	known_hosts_destroy(kh);
}

static void ten_thousand_lines_cost_no_more_than_ten(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct known_hosts *kh;
	char host[32];
	clock_t began;

	(void)state;
	for (int i = 0; i < 10000; i++)
		strbuf_addf(&text, "node%d,10.0.%d.%d ssh-ed25519 " ED_A "\n", i, i / 250, i % 250);
	began = clock();
	kh = known_hosts_parse(text.s, text.len, "kh");
	for (int i = 0; i < 10000; i++) {
		snprintf(host, sizeof(host), "node%d", i);
		assert_int_equal(check(kh, host, 22, ED("a")).line, i + 1);
	}
	/* near 10 ms where this was written; quadratic would be minutes */
	assert_true(clock() - began < CLOCKS_PER_SEC);
	known_hosts_destroy(kh);
	strbuf_fini(&text);
}

static void fingerprints_are_those_of_ssh_keygen(void **state)
{
	char text[HOSTKEY_FINGERPRINT_MAX];

	(void)state;
	hostkey_fingerprint("", 0, text);
	assert_string_equal(text, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(lines_that_make_no_sense_are_passed_over),
	cmocka_unit_test(a_file_that_is_not_there_is_empty),
	cmocka_unit_test(hosts_are_found_by_name_port_pattern_and_hash),
	cmocka_unit_test(a_match_in_any_file_counts),
	cmocka_unit_test(the_kinds_of_keys_known_for_a_host_are_told),
	cmocka_unit_test(a_new_key_is_known_once_added),
	cmocka_unit_test(a_blob_that_is_none_is_unknown),
	cmocka_unit_test(ten_thousand_lines_cost_no_more_than_ten),
	cmocka_unit_test(fingerprints_are_those_of_ssh_keygen),
};

UNIT_MAIN(tests)
