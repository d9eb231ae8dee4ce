/* import_hwloc.c - fuzz target: any bytes are hwloc's topology of a host or a clean error. */
#include "survey_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz("hwloc", data, size);
}
