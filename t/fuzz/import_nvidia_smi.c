/* import_nvidia_smi.c - fuzz target: any bytes are facts about GPUs or a clean error. */
#include "survey_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz("nvidia-smi-xml", data, size);
}
