/*
 * ssh_credentials.c - see ssh_credentials.h. The order is that of OpenSSH's client, which
 * MaxAuthTries of a server makes people depend on.
 */
#include "ssh/ssh_credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ssh/pubkey.h"
#include "ssh/ssh_keyring.h"

static void add(struct ssh_credentials *c, const struct ssh_credential *one)
{
	ARRAY_GROW(c->all, c->n, c->cap);
	c->all[c->n++] = *one;
}

static struct field blob_of(const struct keyfile *key)
{
	struct field blob;

	blob.p = keyfile_blob(key, &blob.len);
	return blob;
}

/* ---- where they come from ---- */

static void add_files(const struct ssh_route *r, struct ssh_credentials *out)
{
	for (size_t i = 0; i < r->n_keys; i++) {
		struct keyfile *key = ssh_file_key(r->keys[i]);

		if (key != NULL)
			add(out, &(struct ssh_credential){ .blob = blob_of(key), .key = key,
							   .name = keyfile_path(key) });
	}
}

/* Takes what shows this blob out of the list; false when nothing does. */
static bool take(struct ssh_credentials *c, struct field blob, struct ssh_credential *out)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!field_equals(c->all[i].blob, blob))
			continue;
		*out = c->all[i];
		c->n--;
		memmove(&c->all[i], &c->all[i + 1], (c->n - i) * sizeof(c->all[0]));
		return true;
	}
	return false;
}

/* Keys of the agent: those that stand in `files` too are taken from there into `named`. */
static void add_agent(const struct ssh_route *r, struct ssh_credentials *files,
		      struct ssh_credentials *named, struct ssh_credentials *others)
{
	size_t n = 0;
	const struct ssh_agent_key *keys =
		r->agent_client != NULL ? ssh_agent_keys(r->agent_client, &n) : NULL;

	for (size_t i = 0; i < n; i++) {
		struct ssh_credential one = { .blob = keys[i].blob, .name = keys[i].comment };
		bool found = take(files, keys[i].blob, &one);

		one.agent = r->agent_client;
		one.agent_key = keys[i].blob;
		if (found)
			add(named, &one);
		else if (!r->identities_only)
			add(others, &one);
	}
}

/* ---- what is left of them ---- */

static void note_other_way(struct ssh_credentials *c, const struct ssh_credential *one,
			   const char *lacks)
{
	if (c->other_way == NULL)
		c->other_way = xasprintf("%s: %s", one->name, lacks);
}

/* Moves what we can show from `from`; of the rest remembers what ssh could. */
static void add_usable(struct ssh_credentials *out, struct ssh_credentials *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct ssh_credential *one = &from->all[i];
		const struct pubkey_kind *kind = pubkey_kind(one->blob);

		if (kind != NULL && kind->lacks != NULL)
			note_other_way(out, one, kind->lacks);
		else if (kind != NULL)
			add(out, one);
	}
	ssh_credentials_fini(from);
}

static void put_first(struct ssh_credentials *c, struct field blob)
{
	struct ssh_credential one;

	if (blob.len == 0 || !take(c, blob, &one))
		return;
	memmove(&c->all[1], &c->all[0], c->n * sizeof(c->all[0]));
	c->all[0] = one;
	c->n++;
}

void ssh_credentials_gather(const struct ssh_route *r, struct ssh_credentials *out)
{
	struct ssh_credentials files = { 0 }, named = { 0 }, others = { 0 };

	*out = (struct ssh_credentials){ 0 };
	add_files(r, &files);
	add_agent(r, &files, &named, &others);
	add_usable(out, &named);
	add_usable(out, &others);
	add_usable(out, &files);
	put_first(out, ssh_keyring_last(r->keyring));
}

void ssh_credentials_fini(struct ssh_credentials *c)
{
	free(c->all);
	free(c->other_way);
	*c = (struct ssh_credentials){ 0 };
}
