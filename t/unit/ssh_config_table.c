/*
 * ssh_config_table.c - configurations of which core/ssh/ssh_config.h and the ssh of this machine
 * must say the same, for every host of the table; and ones that both refuse.
 */
#include "unit.h"

#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libssh2.h>

#include "base/mem.h"
#include "base/shellquote.h"
#include "base/strbuf.h"
#include "ssh/ssh_algorithms.h"
#include "ssh/ssh_config.h"

static char dir[] = "/tmp/perilune-table.XXXXXX";

/* ---- files: @ stands for the folder ---- */

static const struct {
	const char *name, *text;
} FILES[] = {
	{ "one.conf", "User one\n" },
	{ "two.conf", "Host web*\nUser two\nPort 2\nHost *\nIdentityFile /two\n" },
	{ "nest.conf", "Include @/one.conf\nPort 77\n" },
	{ "match.conf", "Match host web1\nUser matched\nMatch all\nPort 78\n" },
	{ "d/10.conf", "Port 10\n" },
	{ "d/20.conf", "Port 20\nUser twenty\n" },
	{ "loop.conf", "Include @/loop.conf\n" },
	{ "bad.conf", "Frobnicate 1\n" },
	{ "final.conf", "Match final\nUser last\n" },
};

static void write_file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (; *text != '\0'; text++) {
		if (*text == '@' && text[1] == '/')
			fputs(dir, f);
		else
			fputc(*text, f);
	}
	fclose(f);
	free(path);
}

static int make_files(void **state)
{
	char *sub;

	(void)state;
	assert_non_null(mkdtemp(dir));
	sub = xasprintf("%s/d", dir);
	mkdir(sub, 0700);
	free(sub);
	for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
		write_file(FILES[i].name, FILES[i].text);
	setenv("TABLE_VAR", "from_env", 1);
	assert_int_equal(libssh2_init(0), 0);
	return 0;
}

static int remove_files(void **state)
{
	char *line = xasprintf("rm -rf %s", dir);

	(void)state;
	libssh2_exit();
	assert_int_equal(system(line), 0);
	free(line);
	return 0;
}

/* ---- what both say, as text that can be compared ---- */

static void add_text(struct strbuf *out, const char *name, const char *value)
{
	if (value != NULL && strcmp(value, "none") != 0)
		strbuf_addf(out, "%s %s\n", name, value);
}

static void add_list(struct strbuf *out, const char *name, char *const *list, const char *fallback)
{
	if (list == NULL)
		add_text(out, name, fallback);
	for (; list != NULL && *list != NULL; list++)
		add_text(out, name, *list);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted: ssh's own order of what nobody put in order is not ours. */
static void add_methods(struct strbuf *out, const char *name, enum ssh_algorithms what,
			const char *asked)
{
	char *list = ssh_algorithms_choose(what, asked), *rest = list, *names[64];
	size_t n = 0;

	while (rest != NULL && n < ARRAY_LEN(names))
		names[n++] = strsep(&rest, ",");
	qsort(names, n, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < n; i++)
		add_text(out, name, names[i]);
	free(list);
}

/* ssh prints true for yes. */
static void add_strict(struct strbuf *out, const char *strict)
{
	if (strict == NULL)
		strict = "ask";
	add_text(out, "strict", strcasecmp(strict, "yes") == 0	? "true"
				: strcasecmp(strict, "no") == 0	 ? "false"
				: strcasecmp(strict, "off") == 0 ? "false" : strict);
}

static char *describe(const struct ssh_settings *s)
{
	struct strbuf out = STRBUF_INIT;

	add_text(&out, "hostname", s->hostname);
	add_text(&out, "user", s->user != NULL ? s->user : ssh_local_user());
	strbuf_addf(&out, "port %d\n", s->port != 0 ? s->port : 22);
	strbuf_addf(&out, "times %lld %lld %d\n", (long long)s->connect_timeout_us,
		    (long long)s->alive_interval_us,
		    s->alive_count_max != 0 ? s->alive_count_max : 3);
	add_strict(&out, s->strict);
	add_text(&out, "alias", s->host_key_alias);
	add_text(&out, "jump", s->proxy_jump);
	add_text(&out, "command", s->proxy_command);
	strbuf_addf(&out, "family %d\n", s->address_family);
	add_text(&out, "bind", s->bind_address);
	add_text(&out, "interface", s->bind_interface);
	strbuf_addf(&out, "flags %d %d %d %d %d %d %d\n", s->identities_only, s->forward_agent,
		    s->hash_known_hosts, s->check_host_ip, s->gssapi, s->hostbased, s->no_pubkey);
	add_text(&out, "agent", s->identity_agent);
	add_list(&out, "key", s->identity_files, NULL);
	add_list(&out, "certificate", s->certificate_files, NULL);
	add_list(&out, "trust", s->user_known_hosts, NULL);
	add_list(&out, "global", s->global_known_hosts, NULL);
	add_list(&out, "set", s->set_env, NULL);
	add_list(&out, "send", s->send_env, NULL);
	add_methods(&out, "kex", SSH_ALG_KEX, s->kex);
	add_methods(&out, "hostkey", SSH_ALG_HOST_KEY, s->host_key_algorithms);
	add_methods(&out, "cipher", SSH_ALG_CIPHER, s->ciphers);
	add_methods(&out, "mac", SSH_ALG_MAC, s->macs);
	add_text(&out, "auth", s->preferred_auth);
	add_text(&out, "pkcs11", s->pkcs11_provider);
	return strbuf_detach(&out);
}

/* ssh names the files of known hosts that nobody named, we leave that to the route. */
static void forget_defaults(struct ssh_settings *s)
{
	if (s->global_known_hosts != NULL &&
	    strcmp(s->global_known_hosts[0], "/etc/ssh/ssh_known_hosts") == 0) {
		for (size_t i = 0; s->global_known_hosts[i] != NULL; i++)
			free(s->global_known_hosts[i]);
		s->global_known_hosts[0] = NULL;
	}
	if (s->user_known_hosts != NULL && strstr(s->user_known_hosts[0], "/.ssh/known_hosts")) {
		for (size_t i = 0; s->user_known_hosts[i] != NULL; i++)
			free(s->user_known_hosts[i]);
		s->user_known_hosts[0] = NULL;
	}
}

/* ---- one question, asked twice ---- */

/* What `ssh -G` prints; NULL when it refuses. */
static char *ask_ssh(const char *path, const struct ssh_query *q)
{
	struct strbuf line = STRBUF_INIT, out = STRBUF_INIT;
	char buf[4096];
	FILE *f;
	size_t n;

	strbuf_addf(&line, "timeout 20 ssh -G -F %s ", path);
	if (q->user != NULL)
		strbuf_addf(&line, "-l %s ", q->user);
	if (q->port != 0)
		strbuf_addf(&line, "-p %d ", q->port);
	shellquote_word(&line, q->host);
	strbuf_adds(&line, " 2>/dev/null </dev/null");
	f = popen(line.s, "r");
	assert_non_null(f);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_add(&out, buf, n);
	strbuf_fini(&line);
	if (pclose(f) == 0)
		return strbuf_detach(&out);
	strbuf_fini(&out);
	return NULL;
}

static char *answer_of_ssh(const char *path, const struct ssh_query *q)
{
	char *dump = ask_ssh(path, q), *text;
	struct ssh_settings s;
	struct pl_error err = { 0 };
	int rc;

	if (dump == NULL)
		return xstrdup("refused");
	rc = ssh_config_read_dump(dump, q->host, q, &s, &err);
	free(dump);
	if (rc != 0) /* the names of keys are printed as written, and refused when they are used */
		return xstrdup("refused");
	forget_defaults(&s);
	text = describe(&s);
	ssh_settings_fini(&s);
	return text;
}

static char *answer_of_ours(const char *path, const struct ssh_query *q, char *why, size_t size)
{
	struct ssh_config *cfg = ssh_config_create();
	struct ssh_settings s;
	struct pl_error err = { 0 };
	char *text;
	int rc = ssh_config_add(cfg, SSH_CONFIG_NAMED, path, &err);

	if (rc == 0)
		rc = ssh_config_lookup(cfg, q, &s, NULL, NULL, &err);
	if (rc == 0) {
		text = describe(&s);
		ssh_settings_fini(&s);
	} else {
		snprintf(why, size, "%s", err.text);
		text = xstrdup(rc < 0 ? "refused" : "ssh must be asked");
	}
	ssh_config_destroy(cfg);
	return text;
}

/* The lines of one text that the other has not. */
static void print_lines_without(char *text, const char *other)
{
	char *copy = xstrdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strstr(other, line) == NULL)
			fprintf(stderr, "#   %s\n", line);
	}
	free(copy);
}

static int compare(const char *config, const struct ssh_query *q)
{
	char *path = xasprintf("%s/config", dir), why[1024] = "";
	char *ours, *theirs;
	int differs;

	write_file("config", config);
	ours = answer_of_ours(path, q, why, sizeof(why));
	theirs = answer_of_ssh(path, q);
	differs = strcmp(ours, theirs) != 0;
	if (differs) {
		fprintf(stderr, "# for %s, under\n%s\n# we say (%s)\n", q->host, config, why);
		print_lines_without(ours, theirs);
		fprintf(stderr, "# ssh says\n");
		print_lines_without(theirs, ours);
	}
	free(ours);
	free(theirs);
	free(path);
	return differs;
}

/* ---- the table ---- */

static const char *const HOSTS[] = { "db.example.org", "WEB2", "127.1", "fe80::1", "x" };

static const char *const CONFIGS[] = {
#include "ssh_config_table.h"
};

static void our_answers_are_those_of_ssh(void **state)
{
	int differ = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CONFIGS); i++) {
		/* the first that the patterns name, and two of the others in turn */
		differ += compare(CONFIGS[i], &(struct ssh_query){ .host = "web1" });
		for (size_t j = i; j < i + 2; j++) {
			const char *host = HOSTS[j % ARRAY_LEN(HOSTS)];

			differ += compare(CONFIGS[i], &(struct ssh_query){ .host = host });
		}
	}
	assert_int_equal(differ, 0);
}

static void what_the_command_line_says_is_seen_by_match(void **state)
{
	static const char config[] = "Match user bob\nPort 7\nIdentityFile /%r\nMatch user root,x\n"
				     "Port 8\nHost *\nUser never\nPort 9\n";

	(void)state;
	assert_int_equal(compare(config, &(struct ssh_query){ "h", "bob", 0 }), 0);
	assert_int_equal(compare(config, &(struct ssh_query){ "h", "x", 0 }), 0);
	assert_int_equal(compare(config, &(struct ssh_query){ "h", "bob", 99 }), 0);
	assert_int_equal(compare(config, &(struct ssh_query){ "h", "other", 0 }), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(our_answers_are_those_of_ssh),
	cmocka_unit_test(what_the_command_line_says_is_seen_by_match),
};

int main(void)
{
	if (system("command -v ssh >/dev/null") != 0) {
		printf("1..0 # SKIP no ssh here (Debian/Ubuntu package openssh-client)\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
