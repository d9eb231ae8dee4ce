/* survey_merge.c - see survey_merge.h */
#include "survey/survey_merge.h"

#include <string.h>

#include "base/strtable.h"
#include "survey/survey_tree.h"

uint32_t survey_gpus_of(const struct pl_survey_host *host, uint32_t otherwise)
{
	uint32_t n = host->n_gpus.n;

	for (size_t i = 0; i < host->n_gpus_seen; i++) {
		if (host->gpus[i].index >= n)
			n = host->gpus[i].index + 1;
	}
	return n > 0 ? n : otherwise;
}

static void note_gpus(struct pl_survey *s, const struct pl_survey_host *host)
{
	const struct pl_survey_gpu *first = NULL;

	if (host->n_gpus.n > 0 && survey_gpus_of(host, 0) > host->n_gpus.n)
		survey_note_on(s, host->name, "%u GPUs by %s, but GPU %u was seen by %s",
			       host->n_gpus.n, s->sources[host->n_gpus.source].name,
			       survey_gpus_of(host, 0) - 1,
			       s->sources[host->gpus[host->n_gpus_seen - 1].source].name);
	for (size_t i = 0; i < host->n_gpus_seen; i++) {
		const struct pl_survey_gpu *gpu = &host->gpus[i];

		if (gpu->health == PL_HEALTH_BAD)
			survey_note_on(s, host->name, "GPU %u is unusable: %s", gpu->index,
				       gpu->why != NULL ? gpu->why : "reported as not healthy");
		if (gpu->domain != NULL && first != NULL && strcmp(gpu->domain, first->domain) != 0)
			survey_note_on(s, host->name,
				       "GPU %u is in NVLink domain %s by %s, GPU %u in %s: the "
				       "latter is taken for the host",
				       gpu->index, gpu->domain, s->sources[gpu->source].name,
				       first->index, first->domain);
		if (gpu->domain != NULL && first == NULL)
			first = gpu;
	}
}

/* Notes the first host whose `of` differs from that of an earlier host with the same `key`, for
 * each key. */
static void note_split(struct pl_survey *s, enum survey_stage key, enum survey_stage of,
		       const char *meaning)
{
	struct strtable first = STRTABLE_INIT, told = STRTABLE_INIT;

	for (size_t h = 0; h < s->n_hosts; h++) {
		const char *a = survey_said(&s->hosts[h], key), *b = survey_said(&s->hosts[h], of);
		uintptr_t at = a != NULL && b != NULL ? (uintptr_t)strtable_get(&first, a) : 0;

		if (a == NULL || b == NULL)
			continue;
		if (at == 0) {
			strtable_put(&first, a, (void *)(uintptr_t)(h + 1));
		} else if (strcmp(b, survey_said(&s->hosts[at - 1], of)) != 0 &&
			   strtable_put(&told, a, &told) == NULL) {
			survey_note(s, "%s %s is in two of a %s, %s (%s) and %s (%s): %s",
				    survey_stage_words(key), a, survey_stage_words(of),
				    survey_said(&s->hosts[at - 1], of), s->hosts[at - 1].name, b,
				    s->hosts[h].name, meaning);
		}
	}
	strtable_fini(&first);
	strtable_fini(&told);
}

void survey_merge_notes(struct pl_survey *s)
{
	for (size_t h = 0; h < s->n_hosts; h++)
		note_gpus(s, &s->hosts[h]);
	note_split(s, SURVEY_DOMAIN, SURVEY_CHASSIS,
		   "an NVLink domain is cabled within a rack as a rule; the domain is believed");
	note_split(s, SURVEY_CHASSIS, SURVEY_DOMAIN,
		   "the rack is split into cliques, NVLink does not cross them");
}
