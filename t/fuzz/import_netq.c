/* import_netq.c - fuzz target: any bytes are what NetQ or NMX says, or a clean error. */
#include "base/mem.h"
#include "survey_fuzz.h"

static const char *const formats[] = { "netq-graph", "nmx" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return survey_fuzz_one_of(formats, ARRAY_LEN(formats), data, size);
}
