/* ssh_supervisor_sum.c - see ssh_supervisor_text.h */
#include "ssh/ssh_supervisor_text.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/strbuf.h"

void ssh_supervisor_sum(char out[SSH_SUPERVISOR_SUM_MAX])
{
	struct strbuf text = STRBUF_INIT;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	strbuf_addf(&text, "%s\n%s", ssh_supervisor_first, ssh_supervisor_rest);
	EVP_Digest(text.s, text.len, digest, &n, EVP_sha256(), NULL);
	strbuf_fini(&text);
	for (unsigned i = 0; i < n && i < (SSH_SUPERVISOR_SUM_MAX - 1) / 2; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}
