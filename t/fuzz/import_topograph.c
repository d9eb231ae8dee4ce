/* import_topograph.c - fuzz target: any bytes are topograph's own or a clean error. */
#include "base/mem.h"
#include "survey_fuzz.h"

static const char *const formats[] = { "topograph-model", "topograph-graph", "topograph-payload" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz_one_of(formats, ARRAY_LEN(formats), data, size);
}
