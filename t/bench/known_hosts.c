/*
 * known_hosts.c - what it costs to know hosts, and to work out how they are reached:
 *
 *	known_hosts [N]
 *
 * CPU milliseconds for N hosts (10,000): a check of each against as many plain lines; of one
 * against as many hashed lines; and the answer of a configuration for each, with patterns and
 * with a block for each host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/known_hosts.h"
#include "ssh/ssh_config.h"

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* An ed25519 key of host i: the right shape is all that matters here. */
static void make_key(unsigned char key[51], int i)
{
	memset(key, 'k', 51);
	memcpy(key, "\0\0\0\13ssh-ed25519\0\0\0\40", 19);
	memcpy(key + 19, &i, sizeof(i));
}

static struct known_hosts *make_table(int n, bool hashed)
{
	struct strbuf text = STRBUF_INIT;
	struct known_hosts *kh;

	for (int i = 0; i < n; i++) {
		unsigned char key[51];
		char name[32], *line;

		make_key(key, i);
		snprintf(name, sizeof(name), "node%05d", i);
		line = known_hosts_line(name, 22, key, sizeof(key), hashed);
		strbuf_addf(&text, "%s\n", line);
		free(line);
	}
	kh = known_hosts_parse(text.s, text.len, "bench");
	strbuf_fini(&text);
	return kh;
}

/* Everything that a login asks of the table; for hosts 0, step, 2 step, ... */
static double check_hosts(struct known_hosts *kh, int n, int step)
{
	double begun = cpu_ms();

	for (int i = 0; i < n; i += step) {
		unsigned char key[51];
		struct hostkey_answer a;
		char name[32];

		make_key(key, i);
		snprintf(name, sizeof(name), "node%05d", i);
		known_hosts_types(&kh, 1, name, 22);
		known_hosts_types(&kh, 1, name, 22);
		known_hosts_check(&kh, 1, name, 22, key, sizeof(key), &a);
		if (a.verdict != HOSTKEY_KNOWN)
			abort();
	}
	return cpu_ms() - begun;
}

static double look_up(const char *text, int n)
{
	struct ssh_config *cfg = ssh_config_parse(text, "bench", NULL);
	double begun = cpu_ms(), took;

	for (int i = 0; i < n; i++) {
		char name[32];
		const struct ssh_query query = { .host = name };
		struct ssh_settings s;

		snprintf(name, sizeof(name), "node%05d", i);
		if (ssh_config_lookup(cfg, &query, &s, NULL, NULL, NULL) != 0)
			abort();
		ssh_settings_fini(&s);
	}
	took = cpu_ms() - begun;
	ssh_config_destroy(cfg);
	return took;
}

static double look_up_blocks(int n)
{
	struct strbuf text = STRBUF_INIT;
	double took;

	for (int i = 0; i < n; i++)
		strbuf_addf(&text, "Host node%05d\n HostName 10.0.%d.%d\n", i, i / 256, i % 256);
	strbuf_adds(&text, "Host *\n User bench\n IdentityFile ~/.ssh/id_%r\n");
	took = look_up(text.s, n);
	strbuf_fini(&text);
	return took;
}

int main(int argc, char **argv)
{
	static const char patterns[] = "Host gw*\n Port 23\nMatch host db*\n User db\nHost node* !x\n"
				       " HostName %h.example.net\nHost *\n User bench\n"
				       " IdentityFile ~/.ssh/id_%r\n UserKnownHostsFile ~/kh\n";
	int n = argc > 1 ? atoi(argv[1]) : 10000;
	struct known_hosts *plain = make_table(n, false), *hashed = make_table(n, true);

	printf("%-44s %8.1f ms\n", "known_hosts: all hosts, plain lines", check_hosts(plain, n, 1));
	printf("%-44s %8.2f ms\n", "known_hosts: one host, hashed lines",
	       check_hosts(hashed, n, n / 10) / 10);
	printf("%-44s %8.2f ms\n", "known_hosts: the same once more",
	       check_hosts(hashed, n, n / 10) / 10);
	printf("%-44s %8.1f ms\n", "ssh_config: all hosts, patterns", look_up(patterns, n));
	printf("%-44s %8.1f ms\n", "ssh_config: all hosts, a block each", look_up_blocks(n));
	known_hosts_destroy(plain);
	known_hosts_destroy(hashed);
	return 0;
}
