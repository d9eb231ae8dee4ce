/* import_slurm.c - fuzz target: any bytes are Slurm's topology or a clean error. */
#include "base/mem.h"
#include "survey_fuzz.h"

/* '0' is 48, a multiple of three */
static const char *const formats[] = { "slurm-topology-conf", "slurm-topology-yaml",
				       "slurm-scontrol" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz_one_of(formats, ARRAY_LEN(formats), data, size);
}
