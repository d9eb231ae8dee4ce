/* import_nvidia_topo.c - fuzz target: any bytes are a matrix of GPUs or a clean error. */
#include "survey_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz("nvidia-smi-topo", data, size);
}
