/*
 * import_slurm.c - fuzz target: any bytes are Slurm's topology or a clean error, and what is
 * imported is a machine. The first byte chooses the format.
 */
#include "survey_fuzz.h"

static void check_machine(const char *format, const uint8_t *data, size_t size)
{
	struct survey_input in = { .bytes = (const char *)data, .len = size, .name = "input" };
	struct pl_survey *s = pl_survey_create();

	if (pl_survey_import(s, &in, format, NULL) == 0 && s->n_hosts > 0) {
		struct pl_error err = { 0 };
		struct pl_topo *t = pl_survey_topo(s, 4, &err);

		if (t == NULL ? err.text[0] == '\0' : t->n_units[t->n_levels - 1] != 1)
			abort();
		pl_topo_destroy(t);
	}
	pl_survey_destroy(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = { "slurm-topology-conf", "slurm-topology-yaml",
					       "slurm-scontrol" };
	const char *format = size > 0 ? formats[data[0] % 3] : formats[0];
	size_t skip = size > 0;

	survey_fuzz(format, data + skip, size - skip);
	check_machine(format, data + skip, size - skip);
	return 0;
}
