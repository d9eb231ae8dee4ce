/* job_families.c - tests of core/map/job.h: families beyond the five axes, models, volumes */
#include "unit.h"

#include "base/mem.h"
#include "map/job.h"
#include "map/mapcost.h"

static struct pl_job parse(const char *text)
{
	struct pl_error err = { 0 };
	struct pl_job job;

	if (pl_job_parse(&job, text, &err) < 0)
		fail_msg("'%s': %s", text, err.text);
	return job;
}

static struct pl_groups groups_of(const struct pl_job *job, unsigned family)
{
	struct pl_groups g;

	pl_job_groups(job, family, &g);
	return g;
}

static void assert_group(const struct pl_groups *g, uint32_t group, const uint32_t *ranks,
                         uint32_t n)
{
	assert_int_equal(pl_groups_size(g, group), n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(pl_groups_rank(g, group, i), ranks[i]);
}

#define GROUP(...) (const uint32_t[]){ __VA_ARGS__ }, ARRAY_LEN(((uint32_t[]){ __VA_ARGS__ }))

static void assert_near(double a, double b)
{
	if (a < b * (1 - 1e-6) || a > b * (1 + 1e-6))
		fail_msg("%.17g is not %.17g", a, b);
}

static void a_wrong_job_is_refused_and_says_what_would_work(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "model=llama3-40b", "did you mean 'llama3-405b'?): one of llama3-405b, deepseek-v3" },
		{ "model=gpt", "one of llama3-405b" },
		{ "model=deepseek-v3 model=deepseek-v3", "given twice" },
		{ "model=llama3-405b ep=4", "ep is 4 but the order" },
		{ "tp=8 pp=12 world=10000", "9984 or 10080 would be" },
		{ "tp=8 world=4", "8 or 16 would be" },
		{ "tp=8 dp=4 world=64", "leave dp out" },
		{ "tp=4 dp=3 ep=8", "dp=2 or dp=4 would do" },
		{ "dp=8 fsdp=3", "fsdp=8 hsdp=1 would do" },
		{ "dp=8 fsdp=4 hsdp=4", "4 replicas of 4 ranks" },
		{ "dp=3 cp=4 fsdp=6", "fsdp=12 hsdp=1 would do" },
		{ "cp=4 fsdp=6", "4 or 8 would be" },
		{ "dp=8 fsdp=16", "fsdp=8 hsdp=1" },
		{ "pp=4 layers_per_stage=1,2,1", "3 stages, pp is 4" },
		{ "pp=2 layers_per_stage=1,2a", "such as 7,8x14,7" },
		{ "pp=2 layers_per_stage=1x0,3", "such as 7,8x14,7" },
		{ "pp=2 layers_per_stage=1x999", "more than 256 stages" },
		{ "pp=2 layers_per_stage=0,0", "no layer" },
		{ "pp=2 layers_per_stage=4,5 layers=10", "makes 9 layers" },
		{ "tied=perhaps", "no or yes" },
		{ "dispatch=fast", "flat or hierarchical" },
		{ "axis=fft=4", "NAME=SIZE:ring" },
		{ "axis=fft=4:ring:1e9:more", "NAME=SIZE:ring" },
		{ "axis=fft=4:star:1e9", "ring, alltoall or p2p" },
		{ "axis=fft=0:ring:1e9", "whole number" },
		{ "axis=fft=4:ring:-1", "positive number" },
		{ "axis=tp=4:ring:1e9", "taken" },
		{ "axis=fsdp=4:ring:1e9", "taken" },
		{ "axis=embd=4:ring:1e9", "taken" },
		{ "axis=2d=4:ring:1e9", "begins with a letter" },
		{ "axis=averyveryverylongname=4:ring:1", "1 to 15" },
		{ "axis=a=2:ring:1 axis=a=2:ring:1", "given twice" },
		{ "axis=a=1:ring:1 axis=b=1:ring:1 axis=c=1:ring:1 axis=d=1:ring:1 axis=e=1:ring:1",
		  "more than 4" },
		{ "axis=fft=4:ring:1 order=tp-dp", "fft is 4 but the order" },
		{ "axis=fft=4:ring:1 order=tp-ffd", "none of tp, cp, ep, dp, pp, fft" },
		{ "tp=4096 axis=a=4096:ring:1 axis=b=4096:ring:1", "more than" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };
		struct pl_job job;

		assert_int_equal(pl_job_parse(&job, cases[i].text, &err), -1);
		assert_int_equal(err.code, PL_EUSAGE);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("'%s': '%s' does not say '%s'", cases[i].text, err.text,
			         cases[i].says);
	}
}

static void published_models_have_the_size_that_was_published(void **state)
{
	static const struct {
		const char *text;
		uint32_t world;
	} cases[] = {
		{ "model=llama3-405b", 16384 },
		{ "model=llama3-405b dp=64 microbatches=32", 8192 },
		{ "cp=16 dp=8 seq=131072 model=llama3-405b", 16384 },
		{ "model=deepseek-v3", 2048 },
		{ "model=mlperf-405b-5120", 5120 },
		{ "model=mlperf-405b-512", 512 },
		{ "model=dsv3-256", 256 },
		/* its stages do not outlive its pp */
		{ "model=llama3-405b pp=8", 8192 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(parse(cases[i].text).world, cases[i].world);
	for (size_t i = 0; pl_published_models[i].name != NULL; i++)
		assert_non_null(pl_published_models[i].source);
}

static void llama_3_has_its_own_order_and_stages(void **state)
{
	struct pl_job j = parse("model=llama3-405b");
	struct pl_groups pp = groups_of(&j, PL_FAMILY_PP), dp = groups_of(&j, PL_FAMILY_DP);

	(void)state;
	assert_int_equal(pl_groups_rank(&pp, 0, 1), 8);
	assert_int_equal(pl_groups_rank(&dp, 0, 1), 8 * 16);
	assert_true(j.model[PL_MODEL_LAYERS] == 126);
	assert_int_equal(j.stage_layers[0], 7);
	assert_int_equal(j.stage_layers[15], 7);
}

static void the_world_says_what_dp_is(void **state)
{
	(void)state;
	assert_int_equal(parse("tp=8 pp=12 world=10080").dp, 105);
	assert_int_equal(parse("cp=2 fsdp=8 hsdp=3").dp, 12);
	assert_int_equal(parse("model=llama3-405b dp=4 world=512").world, 512);
}

static void shards_are_inner_and_replicas_outer(void **state)
{
	struct pl_job j = parse("tp=2 cp=2 dp=4 fsdp=4");
	struct pl_groups fsdp = groups_of(&j, PL_FAMILY_FSDP), hsdp = groups_of(&j, PL_FAMILY_HSDP);

	(void)state;
	assert_int_equal(j.hsdp, 2);
	assert_int_equal(fsdp.n_groups, 4);
	assert_group(&fsdp, 0, GROUP(0, 2, 4, 6));
	assert_group(&fsdp, 1, GROUP(1, 3, 5, 7));
	assert_group(&fsdp, 2, GROUP(8, 10, 12, 14));
	assert_group(&hsdp, 0, GROUP(0, 8));
	assert_group(&hsdp, 7, GROUP(7, 15));
}

static void sharded_volumes_gather_twice_and_reduce_between(void **state)
{
	struct pl_job j = parse("dp=8 fsdp=4 params=8e9");

	(void)state;
	/* 3 * 2 bytes * 8e9 * 3/4; 2 * 2 bytes * 8e9/4 * 1/2 */
	assert_near(job_volume(&j, PL_FAMILY_FSDP), 36);
	assert_near(job_volume(&j, PL_FAMILY_HSDP), 4);
	assert_true(job_volume(&j, PL_FAMILY_DP_CP) == 0);
}

static void the_ends_of_a_pipeline_share_a_tied_embedding(void **state)
{
	struct pl_job j = parse("tp=2 dp=2 pp=4 vocab=1000 hidden=1000 tied=yes");
	struct pl_groups embd = groups_of(&j, PL_FAMILY_EMBD);

	(void)state;
	assert_int_equal(embd.n_groups, 4);
	assert_group(&embd, 0, GROUP(0, 12));
	assert_group(&embd, 3, GROUP(3, 15));
	/* 2 * 2 bytes * 1e6/tp * 1/2 */
	assert_near(embd.gbyte, 0.001);
	j = parse("tp=2 dp=2 pp=4 vocab=1000 hidden=1000");
	assert_int_equal(groups_of(&j, PL_FAMILY_EMBD).size, 1);
	assert_true(groups_of(&j, PL_FAMILY_EMBD).gbyte == 0);
}

static void embeddings_make_the_end_stages_heavier(void **state)
{
	/* 8e6 in 8 layers, 1e6 words in, 1e6 words out: 3e6 2e6 2e6 3e6 */
	struct pl_job j = parse("dp=2 pp=4 layers=8 params=10e6 vocab=1000 hidden=1000");
	struct pl_groups g = groups_of(&j, PL_FAMILY_DP_CP);

	(void)state;
	assert_near(g.gbyte, 4 * 3e6 / 2 / 1e9);
	assert_int_equal(g.n_groups, 4);
	assert_near(pl_groups_share(&g, 0), 1);
	assert_near(pl_groups_share(&g, 1), 2.0 / 3);
	assert_near(pl_groups_share(&g, 2), 2.0 / 3);
	assert_near(pl_groups_share(&g, 3), 1);
}

static void stages_with_fewer_layers_send_less(void **state)
{
	struct pl_job j = parse("tp=2 dp=3 pp=4 layers_per_stage=1,3x2,2 hidden=1000 seq=1000 "
	                        "microbatches=10");
	struct pl_groups g = groups_of(&j, PL_FAMILY_TP);

	(void)state;
	assert_true(j.model[PL_MODEL_LAYERS] == 9);
	/* 8 * 1e6 * 2 bytes * 1/2 * 3 layers * 10 */
	assert_near(g.gbyte, 0.24);
	for (uint32_t k = 0; k < g.n_groups; k++) {
		uint32_t stage = pl_groups_rank(&g, k, 0) / 6;
		double layers = stage == 0 ? 1 : stage == 3 ? 2 : 3;

		assert_near(pl_groups_share(&g, k), layers / 3);
	}
}

static void experts_beyond_the_domain_take_one_copy_a_domain(void **state)
{
	struct pl_job j = parse("ep=8 dp=8 topk=8 hidden=1000 seq=1000 layers=4 moe_layers=2 "
	                        "microbatches=10 dispatch_bytes=1 dispatch=hierarchical "
	                        "route_nodes=4");
	struct pl_groups g = groups_of(&j, PL_FAMILY_EP);

	(void)state;
	/* 1000 tokens * 8 * 1000 * (1 + 2) bytes * 2 * 2 layers * 10 * 7/8 */
	assert_near(g.gbyte, 0.84);
	assert_near(g.far_gbyte, 0.42);
	j = parse("ep=8 dp=8 route_nodes=4");
	g = groups_of(&j, PL_FAMILY_EP);
	assert_near(g.far_gbyte, g.gbyte);
}

static void an_axis_of_ones_own_stands_where_the_order_says(void **state)
{
	struct pl_job j = parse("tp=2 dp=3 axis=fft=4:alltoall:2G order=tp-fft-dp");
	struct pl_groups fft = groups_of(&j, PL_FAMILIES), dp = groups_of(&j, PL_FAMILY_DP);

	(void)state;
	assert_int_equal(j.world, 24);
	assert_int_equal(pl_job_n_families(&j), PL_FAMILIES + 1);
	assert_string_equal(fft.name, "fft");
	assert_int_equal(fft.pattern, PL_ALLTOALL);
	assert_true(fft.gbyte == 2);
	assert_group(&fft, 0, GROUP(0, 2, 4, 6));
	assert_group(&dp, 0, GROUP(0, 8, 16));
	/* outermost where no order is given, with experts too */
	j = parse("axis=sim=2:p2p:1e6 tp=2 ep=2 dp=2 pp=2");
	fft = groups_of(&j, PL_FAMILIES);
	assert_group(&fft, 1, GROUP(1, 9));
}

static void own_axes_and_shards_are_written_as_they_are_read(void **state)
{
	static const char *const cases[] = {
		"tp=2 dp=3 axis=fft=4:alltoall:2G order=tp-fft-dp",
		"axis=a=2:ring:1234567 axis=b=3:p2p:1e6 pp=2",
		"dp=8 fsdp=4",
		"dp=8 hsdp=8",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_job a = parse(cases[i]), b;
		struct strbuf out = STRBUF_INIT;

		pl_job_format(&a, &out);
		b = parse(strbuf_str(&out));
		assert_memory_equal(&a, &b, sizeof(a));
		strbuf_fini(&out);
	}
}

static void every_rank_is_once_in_every_family(void **state)
{
	static const char *const jobs[] = {
		"tp=2 cp=2 dp=6 pp=2 fsdp=4 order=cp-tp-dp-pp",
		"tp=2 cp=4 dp=6 fsdp=2 order=tp-dp-cp",
		"axis=a=3:ring:1 axis=b=2:ring:1 tp=2 ep=2 dp=4 pp=2 order=a-tp-cp-ep-b-dp-pp",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		struct pl_job j = parse(jobs[i]);

		for (unsigned f = 0; f < pl_job_n_families(&j); f++) {
			struct pl_groups g = groups_of(&j, f);
			uint8_t *seen = xcalloc(j.world, 1);

			assert_int_equal(g.n_groups * g.size, j.world);
			for (uint32_t k = 0; k < g.n_groups * g.size; k++)
				assert_int_equal(
				        seen[pl_groups_rank(&g, k / g.size, k % g.size)]++, 0);
			free(seen);
		}
	}
}

static struct pl_topo *create_hosts(void)
{
	struct pl_topo_level levels[] = {
		{ .name = "host", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "fabric", .count = 4, .bandwidth_gbyte_s = 100 },
	};
	struct pl_hostlist *hosts = pl_hostlist_parse("h[1-4]", NULL, NULL);
	struct pl_topo_spec spec = { .name = "hosts",
		                     .gpus_per_host = 4,
		                     .levels = levels,
		                     .n_levels = ARRAY_LEN(levels),
		                     .hosts = hosts };
	struct pl_topo *t = pl_topo_create(&spec, NULL);

	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	return t;
}

static double volume_outside(const struct pl_topo *t, const char *job)
{
	struct pl_job j = parse(job);
	struct pl_map_cost cost;
	uint32_t pe[16];

	for (uint32_t i = 0; i < 16; i++)
		pe[i] = i;
	pl_map_cost(t, &j, pe, &cost);
	return cost.volume[1];
}

static void only_an_interleaved_pipeline_sends_from_the_last_to_the_first(void **state)
{
	struct pl_topo *t = create_hosts();

	(void)state;
	/* 3 boundaries; then 4, each with twice the volume */
	assert_near(volume_outside(t, "dp=4 pp=4 params=1 vpp=2") /
	                    volume_outside(t, "dp=4 pp=4 params=1"),
	            8.0 / 3);
	pl_topo_destroy(t);
}

static void hierarchical_dispatch_costs_less_between_domains(void **state)
{
	struct pl_topo *t = create_hosts();
	double flat = volume_outside(t, "dp=16 ep=16 params=1 topk=8");

	(void)state;
	assert_near(volume_outside(t, "dp=16 ep=16 params=1 topk=8 dispatch=hierarchical "
	                              "route_nodes=2"),
	            flat * 2 / 8);
	pl_topo_destroy(t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_wrong_job_is_refused_and_says_what_would_work),
	cmocka_unit_test(published_models_have_the_size_that_was_published),
	cmocka_unit_test(llama_3_has_its_own_order_and_stages),
	cmocka_unit_test(the_world_says_what_dp_is),
	cmocka_unit_test(shards_are_inner_and_replicas_outer),
	cmocka_unit_test(sharded_volumes_gather_twice_and_reduce_between),
	cmocka_unit_test(the_ends_of_a_pipeline_share_a_tied_embedding),
	cmocka_unit_test(embeddings_make_the_end_stages_heavier),
	cmocka_unit_test(stages_with_fewer_layers_send_less),
	cmocka_unit_test(experts_beyond_the_domain_take_one_copy_a_domain),
	cmocka_unit_test(an_axis_of_ones_own_stands_where_the_order_says),
	cmocka_unit_test(own_axes_and_shards_are_written_as_they_are_read),
	cmocka_unit_test(every_rank_is_once_in_every_family),
	cmocka_unit_test(only_an_interleaved_pipeline_sends_from_the_last_to_the_first),
	cmocka_unit_test(hierarchical_dispatch_costs_less_between_domains),
};

UNIT_MAIN(tests)
