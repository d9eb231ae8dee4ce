/* import_nccl.c - fuzz target: any bytes are NCCL's topology of a host or a clean error. */
#include "survey_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz("nccl", data, size);
}
