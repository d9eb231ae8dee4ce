/*
 * known_hosts.c - fuzz target: any bytes are a known_hosts file, in which hosts can be looked up;
 * the line that would be written for a key is found again, and revokes nothing. Touches no file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "ssh/known_hosts.h"

static const char KEY[] = "\0\0\0\13ssh-ed25519\0\0\0\40aaaaaaaabbbbbbbbccccccccdddddddd";
#define KEY_LEN (sizeof(KEY) - 1)

static void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static struct hostkey_answer ask(struct known_hosts *kh, const char *host, int port)
{
	struct hostkey_answer a;

	known_hosts_check(&kh, 1, host, port, KEY, KEY_LEN, &a);
	if (a.verdict != HOSTKEY_UNKNOWN && (a.path == NULL || a.line < 1))
		fail("an answer without a line");
	/* on another port the bare name may decide, which types has no need to tell of */
	if (port == 22 && (a.verdict == HOSTKEY_KNOWN || a.verdict == HOSTKEY_CHANGED) &&
	    (known_hosts_types(&kh, 1, host, port) & HOSTKEY_ED25519) == 0)
		fail("a line of a kind that is not there");
	return a;
}

static void check_added(struct known_hosts *kh, const char *host, int port)
{
	enum hostkey_verdict before = ask(kh, host, port).verdict;
	char *line = known_hosts_line(host, port, KEY, KEY_LEN, false);
	enum hostkey_verdict after;

	known_hosts_add(kh, line);
	after = ask(kh, host, port).verdict;
	if (after != HOSTKEY_KNOWN && !(before == HOSTKEY_REVOKED && after == HOSTKEY_REVOKED))
		fail("a line of ours is not found again");
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct known_hosts *kh = known_hosts_parse(data, size, "kh");

	ask(kh, "node1", 22);
	ask(kh, "10.0.0.1", 2222);
	check_added(kh, "node1", 22);
	check_added(kh, "Node1", 2222);
	known_hosts_destroy(kh);
	return 0;
}
