/* import_gpu.c - see import_gpu.h */
#include "survey/import_gpu.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "survey/importers.h"

struct pl_survey_host *import_own_host(struct pl_survey *s, const struct survey_input *in,
				       struct pl_error *err)
{
	if (in->host != NULL && import_is_name(in->host, strlen(in->host)))
		return survey_host(s, in->host, strlen(in->host));
	return pl_errorf(err, PL_EUSAGE,
			 "%s: it tells of one host and does not name it; say which one it was "
			 "taken on",
			 in->name),
	       NULL;
}

char *import_bus_id(const char *text)
{
	unsigned domain, bus, device, function;
	int end = 0;

	if (strspn(text, "0123456789abcdefABCDEF:.") != strlen(text) ||
	    sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4 ||
	    text[end] != '\0')
		return NULL;
	return xasprintf("%04x:%02x:%02x.%x", domain, bus, device, function);
}

static bool is_known(const char *text)
{
	return text != NULL && text[0] != '\0' && strcmp(text, "N/A") != 0 &&
	       strcmp(text, "[N/A]") != 0;
}

void import_gpu_text(struct pl_survey *s, const struct pl_survey_host *host,
		     struct pl_survey_gpu *gpu, char **field, const char *text, const char *what)
{
	if (!is_known(text))
		return;
	if (*field == NULL)
		*field = xstrdup(text);
	else if (strcmp(*field, text) != 0)
		survey_note_on(s, host->name,
			       "the %s of its GPU %u is %s by one source and %s by %s: the first "
			       "is taken",
			       what, gpu->index, *field, text,
			       s->sources[s->n_sources - 1].name);
}

static bool is_zero_uuid(const char *uuid)
{
	return uuid[strspn(uuid, "0-")] == '\0';
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* A UUID: hexadecimal digits and dashes, which keeps a domain's name one word. */
static bool is_uuid(const char *text)
{
	return strlen(text) <= 64 && strspn(text, "0123456789abcdefABCDEF-") == strlen(text);
}

/* The caller frees it; NULL: *why says why. */
static char *domain_of(const struct import_fabric *f, char **why)
{
	*why = NULL;
	if (is_known(f->state) && strcmp(f->state, "Completed") != 0)
		*why = xasprintf("its registration with the NVLink fabric is: %s", f->state);
	else if (is_known(f->status) && strcmp(f->status, "Success") != 0)
		*why = xasprintf("the NVLink fabric refused it: %s", f->status);
	else if (!is_known(f->cluster) || !is_known(f->clique))
		*why = xstrdup("it reports no NVLink fabric (N/A)");
	else if (!is_uuid(f->cluster) || !is_number(f->clique))
		*why = xasprintf("its NVLink fabric is no UUID with a number: %.64s, %.20s",
				 f->cluster, f->clique);
	else if (is_zero_uuid(f->cluster))
		*why = xstrdup("the UUID of its NVLink fabric is all zeros");
	return *why == NULL ? xasprintf("%s.%s", f->cluster, f->clique) : NULL;
}

void import_gpu_fabric(struct pl_survey *s, const struct pl_survey_host *host,
		       struct pl_survey_gpu *gpu, const struct import_fabric *fabric)
{
	char *why;
	char *domain = domain_of(fabric, &why);

	import_gpu_text(s, host, gpu, &gpu->domain, domain, "NVLink domain");
	if (gpu->why == NULL && gpu->domain == NULL) {
		gpu->why = why;
		why = NULL;
	}
	free(why);
	free(domain);
}

void import_host_domain(struct pl_survey *s, struct pl_survey_host *host, uint32_t source)
{
	const char *domain = host->n_gpus_seen > 0 ? host->gpus[0].domain : NULL;

	for (size_t i = 0; i < host->n_gpus_seen; i++) {
		const char *other = host->gpus[i].domain;

		if ((domain == NULL) == (other == NULL) &&
		    (domain == NULL || strcmp(domain, other) == 0))
			continue;
		survey_note_on(s, host->name,
			       "its GPUs %u and %u are not in one NVLink domain: %s and %s",
			       host->gpus[0].index, host->gpus[i].index,
			       domain != NULL ? domain : "none", other != NULL ? other : "none");
		return;
	}
	if (domain != NULL)
		survey_set(s, host, &host->domain, domain, strlen(domain), source, "NVLink domain");
}
