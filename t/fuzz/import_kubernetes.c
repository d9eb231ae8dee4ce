/* import_kubernetes.c - fuzz target: any bytes are the nodes of Kubernetes or a clean error. */
#include "survey_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz("kubernetes", data, size);
}
