/* job_models.c - models whose layout was published; see job.h. One entry a model. */
#include "map/job.h"

#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"

/* The model itself, whatever it was run on. */
#define LLAMA_405B "hidden=16384 kv=1024 layers=126 params=405e9 vocab=128256 "
#define DEEPSEEK_V3                                                                                \
	"hidden=7168 kv=7168 layers=61 moe_layers=58 experts=256 topk=8 params=17.1e9 "            \
	"expert_params=653.9e9 vocab=129280 seq=4096 "

const struct pl_published pl_published_models[] = {
	{ "llama3-405b",
	  LLAMA_405B "tp=8 cp=1 pp=16 dp=128 order=tp-cp-pp-dp layers_per_stage=7,8x14,7 seq=8192 "
	             "microbatches=16",
	  "Llama 3 on 16,384 H100: arXiv 2407.21783, section 3.3.2 and table 4 (dp=64 microbatches=32: "
	  "8,192 GPUs; cp=16 dp=8 seq=131072: long context)" },
	{ "deepseek-v3",
	  DEEPSEEK_V3 "pp=16 ep=64 dp=128 order=tp-cp-ep-dp-pp microbatches=120 dispatch_bytes=1 "
	              "dispatch=hierarchical route_nodes=4",
	  "DeepSeek-V3 on 2,048 H800: arXiv 2412.19437, sections 3.1, 3.2 and 4.2" },
	{ "mlperf-405b-5120",
	  LLAMA_405B "tp=4 cp=2 pp=8 dp=80 order=tp-cp-ep-dp-pp vpp=8 layers_per_stage=15,16x6,15 "
	             "seq=8192 microbatches=16",
	  "MLPerf Training v5.1, NVIDIA, Llama 3.1 405B on 5,120 GB200 (1280x4x16xtp4pp8cp2)" },
	{ "mlperf-405b-512",
	  LLAMA_405B "tp=2 cp=2 pp=8 dp=16 order=tp-cp-ep-dp-pp vpp=8 layers_per_stage=15,16x6,15 "
	             "seq=8192 microbatches=72",
	  "MLPerf Training v5.1, Llama 3.1 405B on 512 GB300 (128x4x72xtp2pp8cp2)" },
	{ "dsv3-256", DEEPSEEK_V3 "pp=2 ep=32 dp=128 order=tp-cp-ep-dp-pp",
	  "DeepSeek-V3 on 256 GB300: performance summary of NVIDIA Megatron Bridge" },
	{ NULL, NULL, NULL },
};

const struct pl_published *job_find_model(const char *name, struct pl_error *err)
{
	const char *names[ARRAY_LEN(pl_published_models)];
	struct strbuf list = STRBUF_INIT;
	char hint[64];

	for (size_t i = 0; pl_published_models[i].name != NULL; i++) {
		if (strcmp(pl_published_models[i].name, name) == 0) {
			strbuf_fini(&list);
			return &pl_published_models[i];
		}
		names[i] = pl_published_models[i].name;
		strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	names[ARRAY_LEN(names) - 1] = NULL;
	pl_errorf(err, PL_EUSAGE, "job: unknown model '%s'%s: one of %s", name,
	          nearest_hint(name, names, hint, sizeof(hint)), strbuf_str(&list));
	strbuf_fini(&list);
	return NULL;
}
