/*
 * ssh_config.c - fuzz target: any text is an OpenSSH configuration or a clean error that names its
 * line, and what it says of a host can be asked. Touches no file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "ssh/ssh_config.h"

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: '%s'\n", what, text);
	abort();
}

static void note(void *arg, const char *text)
{
	(void)arg;
	if (*text == '\0')
		fail("an empty note", text);
}

static void ask(struct ssh_config *cfg, const char *host)
{
	const struct ssh_query query = { .host = host };
	struct ssh_settings settings;
	struct pl_error err = { 0 };

	int rc = ssh_config_lookup(cfg, &query, &settings, note, NULL, &err);

	if (rc == SSH_CONFIG_ASK)
		return;
	if (rc != 0) {
		if (err.code == PL_EOK || err.text[0] == '\0')
			fail("refused without a word", host);
		return;
	}
	if (settings.hostname == NULL)
		fail("no host name", host);
	if (settings.port < 0 || settings.port > 65535 || settings.connect_timeout_us < 0)
		fail("a number out of range", host);
	ssh_settings_fini(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	struct pl_error err = { 0 };
	struct ssh_config *cfg = ssh_config_parse(text, "config", &err);

	if (cfg == NULL) {
		if (strncmp(err.text, "config:", 7) != 0)
			fail("an error that names no line", err.text);
	} else {
		ask(cfg, "node1");
		ask(cfg, "db.example.org");
		ask(cfg, "fe80::1%eth0");
	}
	ssh_config_destroy(cfg);
	free(text);
	return 0;
}
