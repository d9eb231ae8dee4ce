/*
 * ssh_hostkey.c - whether the key that a host shows is the one that known_hosts holds for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/ssh_session.h"

/* The tables of the route, in order; the caller frees the array. */
static struct known_hosts **trust_tables(const struct ssh_route *r)
{
	struct known_hosts **tables = xcalloc(r->n_trust + 1, sizeof(struct known_hosts *));

	for (size_t i = 0; i < r->n_trust; i++)
		tables[i] = ssh_file_trust(r->trust[i]);
	return tables;
}

static unsigned known_types(const struct ssh_route *r)
{
	struct known_hosts **trust = trust_tables(r);
	unsigned types = known_hosts_types(trust, r->n_trust, r->hostname, r->port);

	free(trust);
	return types;
}

/* libssh2 1.10 signs and checks RSA with SHA-1 only, which OpenSSH refuses since 8.8. */
const char *ssh_hostkey_hint(const struct ssh_session *s)
{
	return known_types(s->route) == HOSTKEY_RSA
		       ? " (known_hosts holds only its RSA key, which cannot be used in this "
			 "version: add what `ssh-keyscan -t ed25519` says)"
		       : "";
}

void ssh_hostkey_prefer(struct ssh_session *s)
{
	static const enum hostkey_type order[] = { HOSTKEY_ED25519, HOSTKEY_ECDSA_256,
						   HOSTKEY_ECDSA_384, HOSTKEY_ECDSA_521,
						   HOSTKEY_RSA };
	unsigned types = known_types(s->route);
	struct strbuf names = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (types == 0 || (types & order[i]) != 0)
			strbuf_addf(&names, "%s%s", names.len > 0 ? "," : "",
				    hostkey_type_name(order[i]));
	}
	libssh2_session_method_pref(s->ssh, LIBSSH2_METHOD_HOSTKEY, strbuf_str(&names));
	strbuf_fini(&names);
}

static const char *first_trust_path(const struct ssh_route *r)
{
	return r->n_trust > 0 ? ssh_file_path(r->trust[0]) : "~/.ssh/known_hosts";
}

/* What this host alone shows goes into the detail: all others with the same trouble are told with
 * it, in one line. */
static void refuse(struct ssh_session *s, const char *fingerprint, const char *detail,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct ssh_session *s, const char *fingerprint, const char *detail,
		   const char *fmt, ...)
{
	struct task_result result = { .outcome = OUTCOME_HOSTKEY, .phase = PHASE_HOSTKEY };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(result.why, sizeof(result.why), fmt, ap);
	va_end(ap);
	snprintf(result.detail, sizeof(result.detail), "%.100s port %d shows %s%s",
		 s->route->hostname, s->route->port, fingerprint, detail);
	ssh_session_end(s, &result);
}

static void refuse_unknown(struct ssh_session *s, const char *fingerprint)
{
	const struct ssh_route *r = s->route;
	const char *file = first_trust_path(r);

	refuse(s, fingerprint, "",
	       "its host key is not in %s; when it is right: ssh-keyscan -p %d HOST >>%s", file,
	       r->port, file);
}

static void refuse_changed(struct ssh_session *s, const char *fingerprint,
			   const struct hostkey_answer *a)
{
	char other[32];

	snprintf(other, sizeof(other), ", another is in line %d", a->line);
	refuse(s, fingerprint, other,
	       "ITS HOST KEY HAS CHANGED: someone may be listening; when it was replaced: take the "
	       "old one out of %s", a->path);
}

static void refuse_revoked(struct ssh_session *s, const char *fingerprint,
			   const struct hostkey_answer *a)
{
	refuse(s, fingerprint, "", "its host key is revoked by %s:%d", a->path, a->line);
}

static void accept_new(struct ssh_session *s, const char *key, size_t len)
{
	const struct ssh_route *r = s->route;
	char *line = known_hosts_line(r->hostname, r->port, key, len);

	if (r->n_user_trust > 0)
		ssh_file_add_line(r->trust[0], line);
	free(line);
}

/* False, and the session has failed, when the key must not be trusted. */
static bool judge(struct ssh_session *s, const struct hostkey_answer *a, const char *key,
		  size_t len)
{
	char fingerprint[HOSTKEY_FINGERPRINT_MAX];

	if (a->verdict == HOSTKEY_KNOWN)
		return true;
	hostkey_fingerprint(key, len, fingerprint);
	if (a->verdict == HOSTKEY_UNKNOWN && s->route->hostkey == SSH_HOSTKEY_ACCEPT_NEW) {
		accept_new(s, key, len);
		return true;
	}
	if (a->verdict == HOSTKEY_UNKNOWN)
		refuse_unknown(s, fingerprint);
	else if (a->verdict == HOSTKEY_CHANGED)
		refuse_changed(s, fingerprint, a);
	else
		refuse_revoked(s, fingerprint, a);
	return false;
}

bool ssh_hostkey_check(struct ssh_session *s)
{
	struct known_hosts **trust = trust_tables(s->route);
	struct hostkey_answer answer;
	size_t len = 0;
	int type;
	const char *key = libssh2_session_hostkey(s->ssh, &len, &type);

	known_hosts_check(trust, s->route->n_trust, s->route->hostname, s->route->port,
			  key != NULL ? key : "", len, &answer);
	free(trust);
	return judge(s, &answer, key, len);
}
