/*
 * import_gpu.h - what the importers of nvidia-smi share: facts about the GPUs of one host.
 */
#ifndef PL_MAP_IMPORT_GPU_H
#define PL_MAP_IMPORT_GPU_H

#include "survey/survey.h"

/* The host that the bytes were taken on. NULL: PL_EUSAGE, nobody said which. Good as long as what
 * survey_host returns. */
struct pl_survey_host *import_own_host(struct pl_survey *s, const struct survey_input *in,
				       struct pl_error *err);

/* A bus id as the kernel writes it: "00000000:9D:00.0" becomes "0000:9d:00.0". NULL when it is
 * none; the caller frees it. */
char *import_bus_id(const char *text);

/* Sets a text of a GPU (NULL or "N/A": nothing known). Set before and otherwise: the first stays,
 * and a note tells of both; `what` is the words for it. */
void import_gpu_text(struct pl_survey *s, const struct pl_survey_host *host,
		     struct pl_survey_gpu *gpu, char **field, const char *text, const char *what);

/* What nvidia-smi says of a GPU's NVLink fabric; NULL where the source does not have it. */
struct import_fabric {
	const char *state, *status, *clique, *cluster;
};

/*
 * Sets the NVLink domain of a GPU, "CLUSTERUUID.CLIQUEID", or why there is none that can be
 * believed: it has not registered with its fabric, was refused, or is in none (a UUID of zeros). A
 * clique id alone says nothing: the same one occurs in racks that have nothing to do with each
 * other.
 */
void import_gpu_fabric(struct pl_survey *s, const struct pl_survey_host *host,
		       struct pl_survey_gpu *gpu, const struct import_fabric *fabric);

/* The domain of the whole host, where all GPUs that were seen have the same; a note where some do
 * not. */
void import_host_domain(struct pl_survey *s, struct pl_survey_host *host, uint32_t source);

#endif
