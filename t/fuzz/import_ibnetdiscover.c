/* import_ibnetdiscover.c - fuzz target: any bytes are a fabric or a clean error. */
#include "survey_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz("ibnetdiscover", data, size);
}
