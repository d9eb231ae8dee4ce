/* ssh_supervisor_sum.c - see ssh_supervisor_text.h */
#include "ssh/ssh_supervisor_text.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

void ssh_supervisor_sum(char out[SSH_SUPERVISOR_SUM_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_Digest(ssh_supervisor_text, strlen(ssh_supervisor_text), digest, &n, EVP_sha256(),
		   NULL);
	for (unsigned i = 0; i < n && i < (SSH_SUPERVISOR_SUM_MAX - 1) / 2; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}
