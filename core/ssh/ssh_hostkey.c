/*
 * ssh_hostkey.c - whether the key that a host shows is the one that known_hosts holds for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/ssh_login.h"

/* The tables of the route, in order; the caller frees the array. */
static struct known_hosts **trust_tables(const struct ssh_route *r)
{
	struct known_hosts **tables = xcalloc(r->n_trust + 1, sizeof(struct known_hosts *));

	for (size_t i = 0; i < r->n_trust; i++)
		tables[i] = ssh_file_trust(r->trust[i]);
	return tables;
}

/* Under which name and port known_hosts has the host: an alias stands without a port. */
static const char *trust_name(const struct ssh_route *r, int *port)
{
	*port = r->host_key_alias != NULL ? 22 : r->port;
	return r->host_key_alias != NULL ? r->host_key_alias : r->hostname;
}

static unsigned known_types(const struct ssh_route *r)
{
	struct known_hosts **trust = trust_tables(r);
	int port;
	const char *name = trust_name(r, &port);
	unsigned types = known_hosts_types(trust, r->n_trust, name, port);

	free(trust);
	return types;
}

/* Adds those methods of the route whose keys known_hosts holds, or holds not. */
static void add_methods(struct strbuf *names, const struct ssh_route *r, unsigned types, bool known)
{
	size_t len;

	for (const char *at = r->host_key_algorithms; *at != '\0'; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		if (((types & hostkey_method_type(at, len)) != 0) == known)
			strbuf_addf(names, "%s%.*s", names->len > 0 ? "," : "", (int)len, at);
	}
}

static unsigned marks_of(const struct ssh_route *r)
{
	struct known_hosts **trust = trust_tables(r);
	int port;
	const char *name = trust_name(r, &port);
	unsigned marks = known_hosts_marks(trust, r->n_trust, name, port);

	free(trust);
	return marks;
}

/* Why libssh2 is not the one to look at the host's key; NULL when it is. */
static const char *not_for_libssh2(const struct ssh_route *r)
{
	unsigned types = known_types(r);
	struct strbuf usable = STRBUF_INIT;
	bool none;

	if (types == 0)
		return (marks_of(r) & KNOWN_HOSTS_AUTHORITY) != 0
			       ? "known_hosts knows it by a @cert-authority, and host certificates "
				 "are beyond" : NULL;
	add_methods(&usable, r, types, true);
	none = usable.len == 0;
	strbuf_fini(&usable);
	return none ? "known_hosts has only host keys of it, such as RSA, that are beyond" : NULL;
}

/* `why` is what is beyond libssh2, `advice` what else might be done. */
static void leave_to_ssh(struct ssh_session *s, const char *why, const char *advice)
{
	struct task_result result = { .outcome = OUTCOME_UNREACHABLE, .phase = PHASE_KEX,
				      .other_way = true };

	snprintf(result.why, sizeof(result.why), "%s libssh2 %s%s", why, libssh2_version(0), advice);
	ssh_session_end(s, &result);
}

bool ssh_hostkey_is_ours(struct ssh_session *s)
{
	const char *why = not_for_libssh2(s->route);

	if (why != NULL)
		leave_to_ssh(s, why, " (`ssh-keyscan -t ed25519` may show one that is not)");
	return why == NULL;
}

void ssh_hostkey_prefer(struct ssh_session *s)
{
	struct strbuf names = STRBUF_INIT;
	unsigned types = known_types(s->route);

	add_methods(&names, s->route, types, true);
	add_methods(&names, s->route, types, false);
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
	char known[HOSTKEY_FINGERPRINT_MAX], other[HOSTKEY_FINGERPRINT_MAX + 64];

	hostkey_fingerprint_base64(a->key, known);
	snprintf(other, sizeof(other), ", line %d has %s", a->line, known);
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
	int port;
	const char *name = trust_name(r, &port);
	char *line = known_hosts_line(name, port, key, len, r->hash_known_hosts);

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

/* ssh asks for the certificate first: it refuses the host when the authority is revoked, whatever
 * is known of the key inside, and takes it when the authority is known. libssh2 sees the key alone.
 */
static bool certificate_decides(const struct ssh_session *s, enum hostkey_verdict verdict)
{
	unsigned marks = s->login->offers_certificate ? marks_of(s->route) : 0;

	return (marks & KNOWN_HOSTS_REVOKED) != 0 ||
	       ((marks & KNOWN_HOSTS_AUTHORITY) != 0 && verdict != HOSTKEY_KNOWN);
}

bool ssh_hostkey_check(struct ssh_session *s)
{
	struct known_hosts **trust = trust_tables(s->route);
	struct hostkey_answer answer;
	size_t len = 0;
	int type, port;
	const char *key = libssh2_session_hostkey(s->ssh, &len, &type);
	const char *name = trust_name(s->route, &port);

	known_hosts_check(trust, s->route->n_trust, name, port, key != NULL ? key : "", len,
			  &answer);
	free(trust);
	if (!certificate_decides(s, answer.verdict))
		return judge(s, &answer, key, len);
	leave_to_ssh(s, "known_hosts has a line that its certificate must be judged by, and host "
			"certificates are beyond", "");
	return false;
}
