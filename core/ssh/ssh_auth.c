/* ssh_auth.c - see ssh_auth.h */
#include "ssh/ssh_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "ssh/ssh_credentials.h"
#include "ssh/ssh_keyring.h"
#include "ssh/ssh_login.h"

/* Of the credential being tried. libssh2 asks for the signature once the host wants one, and again
 * until it is there. */
enum signing { SIGNING_NOT_ASKED, SIGNING_ASKED, SIGNING_DONE, SIGNING_FAILED };

/* What is tried, in this order; the last two only with a password. */
enum auth_stage { AUTH_KEYS, AUTH_INTERACTIVE, AUTH_PASSWORD, AUTH_OVER };

struct ssh_auth {
	struct ssh_session *s;
	enum auth_stage stage;
	bool answered; /* the password was given in this conversation */
	struct ssh_credentials credentials;
	size_t at;	/* the one being tried */
	size_t refused; /* by the host */
	enum signing signing;
	bool asked_to_sign;
	struct ssh_agent *asked;
	struct ssh_agent_request *request; /* to `asked` */
	struct strbuf signature;
	char *trouble; /* why the agent did not sign the last that it was asked to; NULL */
};

/* ---- before anything is tried ---- */

/* Half of what a phase may take: with an agent that is silent, key files still have their turn. */
static int64_t agent_patience_us(const struct ssh_route *r)
{
	return r->connect_timeout_us / 2;
}

bool ssh_auth_is_prepared(struct ssh_session *s)
{
	const struct ssh_route *r = s->route;

	if (r->agent_client != NULL && !ssh_agent_is_listed(r->agent_client)) {
		ssh_agent_list(r->agent_client, agent_patience_us(r));
		return false;
	}
	for (size_t i = 0; i < r->n_keys; i++) {
		if (!ssh_file_is_read(r->keys[i]))
			return false;
	}
	for (size_t i = 0; i < r->n_certs; i++) {
		if (!ssh_file_is_read(r->certs[i]))
			return false;
	}
	return true;
}

/* Why there is nothing to show. */
static const char *why_nothing(const struct ssh_auth *auth)
{
	const struct ssh_route *r = auth->s->route;
	const char *why = "no key file found: make one with `ssh-keygen -t ed25519`, or name "
			  "one with IdentityFile";
	const struct ssh_file *reason = NULL;

	for (size_t i = 0; i < r->n_keys; i++) {
		const struct pl_error *e = ssh_file_error(r->keys[i]);

		/* a file that is there and does not do says more than one that is not there */
		if (reason == NULL || (ssh_file_error(reason)->code == PL_ENOENT &&
				       e->code != PL_ENOENT))
			reason = r->keys[i];
	}
	if (auth->credentials.left_out != NULL)
		return auth->credentials.left_out;
	if (reason != NULL && !(r->default_keys && ssh_file_error(reason)->code == PL_ENOENT))
		why = ssh_file_error(reason)->text;
	return why;
}

static void fail_other_way(struct ssh_session *s, const char *why)
{
	struct task_result result = { .outcome = OUTCOME_AUTH, .phase = PHASE_AUTH,
				      .other_way = true };

	snprintf(result.why, sizeof(result.why), "%s", why);
	ssh_session_end(s, &result);
}

/* What only the system's ssh could try; NULL: nothing. */
static const char *other_way(const struct ssh_auth *auth)
{
	const char *key = auth->credentials.other_way;

	return key != NULL ? key : auth->s->route->without_key;
}

bool ssh_auth_prepare(struct ssh_session *s)
{
	struct ssh_auth *auth = xcalloc(1, sizeof(*auth));

	auth->s = s;
	s->login->auth = auth;
	ssh_credentials_gather(s->route, &auth->credentials);
	if (auth->credentials.n > 0 || s->route->asked->password != NULL)
		return true;
	if (other_way(auth) != NULL)
		fail_other_way(s, other_way(auth));
	else
		ssh_session_fail(s, OUTCOME_AUTH, PHASE_AUTH, "%s", why_nothing(auth));
	return false;
}

static void end_credential(struct ssh_auth *auth)
{
	ssh_agent_forget(auth->request);
	auth->request = NULL;
	strbuf_fini(&auth->signature);
	auth->signing = SIGNING_NOT_ASKED;
	auth->asked_to_sign = false;
}

void ssh_auth_free(struct ssh_auth *auth)
{
	if (auth == NULL)
		return;
	end_credential(auth);
	ssh_credentials_fini(&auth->credentials);
	free(auth->trouble);
	free(auth);
}

/* ---- signing ---- */

static void fail_signing(struct ssh_auth *auth, char *trouble)
{
	free(auth->trouble);
	auth->trouble = trouble;
	auth->signing = SIGNING_FAILED;
}

/* string algorithm, string signature; the algorithm is libssh2's own concern */
static void on_signed(void *arg, struct field whole, const char *why)
{
	struct ssh_auth *auth = arg;
	struct field_reader r = { whole.p, whole.len, false };
	struct field signature;

	auth->request = NULL;
	field_take_string(&r);
	signature = field_take_string(&r);
	if (!r.bad && signature.len > 0) {
		strbuf_add(&auth->signature, signature.p, signature.len);
		auth->signing = SIGNING_DONE;
	} else {
		fail_signing(auth, xasprintf("the ssh-agent at %s %s", ssh_agent_path(auth->asked),
					     why != NULL ? why : "talks nonsense"));
	}
	ssh_session_poke(auth->s);
}

/* The algorithm that data to be signed names: RFC 4252, 7. */
static struct field algorithm_of(struct field data)
{
	struct field_reader r = { data.p, data.len, false };

	field_take_string(&r); /* session */
	field_take_byte(&r);
	field_take_string(&r); /* user */
	field_take_string(&r); /* service */
	field_take_string(&r); /* "publickey" */
	field_take_byte(&r);
	return field_take_string(&r);
}

static uint32_t agent_flags(struct field algorithm)
{
	return field_is(algorithm, "rsa-sha2-512")   ? SSH_AGENT_RSA_SHA2_512
	       : field_is(algorithm, "rsa-sha2-256") ? SSH_AGENT_RSA_SHA2_256
						     : 0;
}

/* Hands the signature over in memory of malloc's, for libssh2 to free. */
static int give_signature(const struct strbuf *signature, unsigned char **sig, size_t *len)
{
	*sig = malloc(signature->len);
	if (*sig == NULL)
		return -1;
	memcpy(*sig, signature->s, signature->len);
	*len = signature->len;
	return 0;
}

static void ask_agent(struct ssh_auth *auth, struct ssh_agent *agent, struct field key,
		      struct field data)
{
	auth->asked = agent;
	auth->signing = SIGNING_ASKED;
	auth->request = ssh_agent_sign(agent, key, data, agent_flags(algorithm_of(data)),
				       on_signed, auth);
}

/* A person may have to type first, for whom time stands still. */
static void unlock_and_ask(struct ssh_auth *auth, const struct keyfile *key, struct field data)
{
	struct ssh_agent *agent = NULL;

	switch (ssh_keyring_unlock(auth->s->route->keyring, keyfile_path(key), &agent)) {
	case SSH_UNLOCK_PENDING:
		ssh_login_pause(auth->s);
		return;
	case SSH_UNLOCK_DONE:
		ask_agent(auth, agent, keyfile_blob(key), data);
		break;
	case SSH_UNLOCK_FAILED:
		fail_signing(auth, xasprintf("key file %s was not unlocked", keyfile_path(key)));
		break;
	}
	ssh_login_go_on(auth->s);
}

static int sign(LIBSSH2_SESSION *ssh, unsigned char **sig, size_t *sig_len,
		const unsigned char *data, size_t data_len, void **abstract)
{
	struct ssh_auth *auth = *abstract;
	const struct ssh_credential *one = &auth->credentials.all[auth->at];
	struct field bytes = { data, data_len };

	(void)ssh;
	auth->asked_to_sign = true;
	switch (auth->signing) {
	case SIGNING_NOT_ASKED:
		if (one->key == NULL)
			ask_agent(auth, one->agent, one->agent_key, bytes);
		else if (keyfile_state(one->key) == KEYFILE_OPEN)
			return keyfile_sign(one->key, algorithm_of(bytes), bytes, sig, sig_len);
		else
			unlock_and_ask(auth, one->key, bytes);
		return auth->signing == SIGNING_FAILED ? -1 : LIBSSH2_ERROR_EAGAIN;
	case SIGNING_ASKED:
		return LIBSSH2_ERROR_EAGAIN;
	case SIGNING_DONE:
		return give_signature(&auth->signature, sig, sig_len);
	case SIGNING_FAILED:
		return -1;
	}
	return -1;
}

/* ---- AUTH ---- */

/* How it goes with the credential being tried. */
enum verdict { VERDICT_PENDING, VERDICT_ACCEPTED, VERDICT_REFUSED, VERDICT_BROKEN };

static enum verdict try_credential(struct ssh_auth *auth)
{
	const struct ssh_credential *one = &auth->credentials.all[auth->at];
	void *abstract = auth;

	switch (libssh2_userauth_publickey(auth->s->ssh, auth->s->route->user, one->blob.p,
					   one->blob.len, sign, &abstract)) {
	case 0:
		return VERDICT_ACCEPTED;
	case LIBSSH2_ERROR_EAGAIN:
		return VERDICT_PENDING;
	case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
		return VERDICT_REFUSED;
	case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
		/* before a signature was asked for it stands for a connection that ended */
		return auth->asked_to_sign ? VERDICT_REFUSED : VERDICT_BROKEN;
	default:
		return VERDICT_BROKEN;
	}
}

/* ---- a password ---- */

static LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC(answer)
{
	const struct ssh_session *s = *abstract;
	const char *password = s->route->asked->password;
	struct ssh_auth *auth = s->login->auth;

	(void)name;
	(void)name_len;
	(void)instruction;
	(void)instruction_len;
	for (int i = 0; i < num_prompts; i++) {
		/* a second question is for something else, and so is one whose answer is shown */
		bool fits = !auth->answered && !prompts[i].echo;

		responses[i].text = strdup(fits ? password : "");
		responses[i].length = (unsigned)strlen(fits ? password : "");
		auth->answered = auth->answered || fits;
	}
}

static enum verdict try_password(struct ssh_auth *auth)
{
	struct ssh_session *s = auth->s;
	const char *user = s->route->user, *password = s->route->asked->password;
	int rc = auth->stage == AUTH_INTERACTIVE
			 ? libssh2_userauth_keyboard_interactive(s->ssh, user, answer)
			 : libssh2_userauth_password(s->ssh, user, password);

	switch (rc) {
	case 0:
		return VERDICT_ACCEPTED;
	case LIBSSH2_ERROR_EAGAIN:
		return VERDICT_PENDING;
	case LIBSSH2_ERROR_PASSWORD_EXPIRED:
		fail_signing(auth, xstrdup("the password has expired"));
		return VERDICT_REFUSED;
	case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
		return VERDICT_REFUSED;
	default:
		return VERDICT_BROKEN;
	}
}

/* ---- refusals ---- */

static void fail_broken(struct ssh_auth *auth)
{
	const struct ssh_route *r = auth->s->route;

	if (auth->refused > 0)
		ssh_session_fail(auth->s, OUTCOME_AUTH, PHASE_AUTH,
				 "login as %s: it ended the connection after refusing %zu keys, as "
				 "sshd does after MaxAuthTries; name the right one with "
				 "IdentityFile, and IdentitiesOnly yes", r->user, auth->refused);
	else
		ssh_session_fail(auth->s, OUTCOME_UNREACHABLE, PHASE_AUTH, "login as %s: %s",
				 r->user, ssh_session_error(auth->s));
}

static void fail_refused(struct ssh_auth *auth)
{
	const struct ssh_credentials *c = &auth->credentials;

	if (auth->s->route->asked->password != NULL) {
		ssh_session_fail(auth->s, OUTCOME_AUTH, PHASE_AUTH,
				 "login as %s refused: the password is not accepted%s",
				 auth->s->route->user, c->n > 0 ? ", nor is any key" : "");
		return;
	}
	ssh_session_fail(auth->s, OUTCOME_AUTH, PHASE_AUTH,
			 "login as %s refused: %s%s not accepted; put its .pub into "
			 "~/.ssh/authorized_keys there, or name another with IdentityFile",
			 auth->s->route->user, c->all[0].name,
			 c->n > 1 ? " and the others are" : " is");
}

static void fail(struct ssh_auth *auth, enum verdict last)
{
	bool host_refuses = last != VERDICT_BROKEN || auth->refused > 0;

	if (host_refuses && other_way(auth) != NULL)
		fail_other_way(auth->s, other_way(auth));
	else if (last == VERDICT_BROKEN)
		fail_broken(auth);
	else if (auth->trouble != NULL)
		ssh_session_fail(auth->s, OUTCOME_AUTH, PHASE_AUTH, "login as %s: %s",
				 auth->s->route->user, auth->trouble);
	else
		fail_refused(auth);
}

/* Goes through the credentials until one is accepted or something else happens. */
static enum verdict try_credentials(struct ssh_auth *auth)
{
	for (; auth->at < auth->credentials.n; auth->at++) {
		const struct ssh_credential *one = &auth->credentials.all[auth->at];
		enum verdict verdict = try_credential(auth);

		if (verdict == VERDICT_ACCEPTED)
			ssh_keyring_worked(auth->s->route->keyring, one->blob);
		if (verdict != VERDICT_REFUSED)
			return verdict;
		auth->refused += auth->signing != SIGNING_FAILED;
		log_debug(LOG_SSH, "%s: %s is not accepted", auth->s->route->hostname, one->name);
		end_credential(auth);
	}
	return VERDICT_REFUSED;
}

bool ssh_auth_step(struct ssh_session *s)
{
	struct ssh_auth *auth = s->login->auth;
	enum verdict verdict = VERDICT_REFUSED;

	while (auth->stage < AUTH_OVER && verdict == VERDICT_REFUSED) {
		verdict = auth->stage == AUTH_KEYS ? try_credentials(auth) : try_password(auth);
		if (verdict == VERDICT_REFUSED)
			auth->stage = s->route->asked->password != NULL ? auth->stage + 1
									: AUTH_OVER;
	}
	if (verdict == VERDICT_PENDING)
		return false;
	if (verdict == VERDICT_ACCEPTED)
		s->state = SESSION_READY;
	else
		fail(auth, verdict);
	return true;
}

bool ssh_auth_timeout(struct ssh_session *s)
{
	struct ssh_auth *auth = s->login->auth;

	if (auth == NULL || auth->request == NULL)
		return false;
	ssh_session_fail(s, OUTCOME_AUTH, PHASE_AUTH,
			 "login as %s: the ssh-agent at %s did not sign with %s within %g s",
			 s->route->user, ssh_agent_path(auth->asked),
			 auth->credentials.all[auth->at].name,
			 (double)s->route->connect_timeout_us / 1e6);
	return true;
}
