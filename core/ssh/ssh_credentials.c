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

/* ---- where they come from ---- */

static void add_file(struct ssh_credentials *c, struct keyfile *key, struct field blob)
{
	if (blob.len > 0)
		add(c, &(struct ssh_credential){ .blob = blob, .key = key,
						 .name = keyfile_path(key) });
}

/* A certificate goes before its key: there it is what lets us in. */
static void add_files(const struct ssh_route *r, struct ssh_credentials *out)
{
	for (size_t i = 0; i < r->n_keys; i++) {
		struct keyfile *key = ssh_file_key(r->keys[i]);

		if (key == NULL)
			continue;
		if (r->n_certs == 0) /* CertificateFile replaces those beside the keys */
			add_file(out, key, keyfile_certificate(key));
		add_file(out, key, keyfile_blob(key));
	}
}

static void add_certificates(const struct ssh_route *r, struct ssh_credentials *out)
{
	for (size_t i = 0; i < r->n_certs; i++) {
		struct field blob = ssh_file_certificate(r->certs[i]);

		if (blob.len > 0)
			add(out, &(struct ssh_credential){ .blob = blob,
							   .name = ssh_file_path(r->certs[i]) });
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

/* ---- who signs ---- */

static bool is_signed_by(const struct ssh_credential *one)
{
	return one->agent != NULL ||
	       (one->key != NULL && keyfile_state(one->key) == KEYFILE_OPEN);
}

static const struct ssh_credential *find(const struct ssh_credentials *c, struct field blob)
{
	for (size_t i = 0; i < c->n; i++) {
		if (field_equals(c->all[i].blob, blob))
			return &c->all[i];
	}
	return NULL;
}

/* A certificate is signed for by the key in it, wherever that lies. */
static void lend_keys(struct ssh_credentials *to, const struct ssh_credentials *from)
{
	for (size_t i = 0; i < to->n; i++) {
		struct ssh_credential *one = &to->all[i];
		const struct ssh_credential *plain;
		struct strbuf own = STRBUF_INIT;

		if (is_signed_by(one))
			continue;
		pubkey_of_certificate(one->blob, &own);
		plain = find(from, (struct field){ (unsigned char *)own.s, own.len });
		strbuf_fini(&own);
		if (plain == NULL)
			continue;
		one->key = plain->key;
		one->agent = plain->agent;
		one->agent_key = plain->agent_key;
	}
}

/* ---- what is left of them ---- */

static void note_left_out(struct ssh_credentials *c, const struct ssh_credential *one)
{
	if (c->left_out != NULL)
		return;
	if (one->key != NULL && keyfile_state(one->key) == KEYFILE_LOCKED)
		c->left_out = xasprintf("key file %s has a passphrase, and there is no terminal to "
					"ask for it: `ssh-add %s` unlocks it for an agent",
					one->name, one->name);
	else
		c->left_out = xasprintf("%s is a public key, and no agent holds its private half "
					"(ssh-add)", one->name);
}

/* Moves what we can show from `from`; of the rest remembers what ssh could. */
static void add_usable(struct ssh_credentials *out, struct ssh_credentials *from, bool unlocks)
{
	for (size_t i = 0; i < from->n; i++) {
		struct ssh_credential *one = &from->all[i];
		const struct pubkey_kind *kind = pubkey_kind(one->blob);
		bool locked = one->key != NULL && keyfile_state(one->key) == KEYFILE_LOCKED;

		if (kind != NULL && kind->lacks != NULL) {
			if (out->other_way == NULL)
				out->other_way = xasprintf("key %s (%s): %s", one->name,
							   kind->name, kind->lacks);
			continue;
		}
		if (kind == NULL)
			continue;
		/* ours costs less than the agent's */
		if (one->key != NULL && keyfile_state(one->key) != KEYFILE_OPEN &&
		    (one->agent != NULL || !locked))
			one->key = NULL;
		if (one->agent != NULL || (one->key != NULL && (!locked || unlocks)))
			add(out, one);
		else
			note_left_out(out, one);
	}
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
	struct ssh_credentials certs = { 0 }, files = { 0 }, named = { 0 }, others = { 0 };
	struct ssh_credentials *const in_order[] = { &certs, &named, &others, &files };

	*out = (struct ssh_credentials){ 0 };
	add_certificates(r, &certs);
	add_files(r, &files);
	add_agent(r, &files, &named, &others);
	for (size_t i = 0; i < ARRAY_LEN(in_order); i++) {
		lend_keys(in_order[i], &named);
		lend_keys(in_order[i], &others);
		lend_keys(in_order[i], &files);
	}
	for (size_t i = 0; i < ARRAY_LEN(in_order); i++) {
		add_usable(out, in_order[i], ssh_keyring_unlocks(r->keyring));
		ssh_credentials_fini(in_order[i]);
	}
	put_first(out, ssh_keyring_last(r->keyring));
}

void ssh_credentials_fini(struct ssh_credentials *c)
{
	free(c->all);
	free(c->other_way);
	free(c->left_out);
	*c = (struct ssh_credentials){ 0 };
}
