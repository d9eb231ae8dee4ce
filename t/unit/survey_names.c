/* survey_names.c - tests of core/survey/survey_names.h and survey_nets.h: units that sources name
 * differently, hosts on two fabrics, and islands. */
#include "survey_import.h"

static void import(struct pl_survey *s, const char *name, const char *host, const char *text)
{
	struct survey_input in = { .bytes = text, .len = strlen(text), .name = name, .host = host };
	struct pl_error err = { 0 };

	if (pl_survey_import(s, &in, NULL, &err) < 0)
		fail_msg("%s", err.text);
}

/* The machine of 4 GPUs a host; everything is taken down by destroy(). */
static struct pl_topo *topo_of(struct pl_survey *s)
{
	struct pl_error err = { 0 };
	struct pl_topo *t = pl_survey_topo(s, 4, &err);

	if (t == NULL)
		fail_msg("%s", err.text);
	pl_survey_fold_notes(s);
	return t;
}

static void destroy(struct pl_survey *s, struct pl_topo *t)
{
	pl_topo_destroy(t);
	pl_survey_destroy(s);
}

static const char *between(const struct pl_topo *t, const char *a, const char *b)
{
	uint32_t x = pl_topo_pe(t, pl_hostlist_find(t->hosts, a), 0);
	uint32_t y = pl_topo_pe(t, pl_hostlist_find(t->hosts, b), 0);

	return t->levels[pl_topo_common_level(t, x, y)].name;
}

/* What ibnetdiscover prints of leaves l1, l2 with these hosts ("n1 n2"), and a spine. */
static char *fabric_of(const char *const *leaves, int n_adapters)
{
	struct strbuf b = STRBUF_INIT;
	unsigned guid = 0x100;

	for (int leaf = 0; leaves[leaf] != NULL; leaf++) {
		char *names = xstrdup(leaves[leaf]), *rest = names, *name;
		struct strbuf hcas = STRBUF_INIT;
		int port = 1;

		strbuf_addf(&b, "switchguid=0x%d(%d)\nSwitch 40 \"S-000%d\" # \"MF0;l%d:Q/U1\" "
				"base port 0\n", leaf + 1, leaf + 1, leaf + 1, leaf + 1);
		while ((name = strtok_r(rest, " ", &rest)) != NULL) {
			for (int i = 0; i < n_adapters; i++, port++, guid++) {
				strbuf_addf(&b, "[%d] \"H-%x\"[1](%x) # \"%s mlx5_%d\" lid 1\n",
					    port, guid, guid, name, i);
				strbuf_addf(&hcas, "\ncaguid=0x%x\nCa 1 \"H-%x\" # \"%s mlx5_%d\"\n",
					    guid, guid, name, i);
				strbuf_addf(&hcas, "[1](%x) \"S-000%d\"[%d] # lid 1 lmc 0 \"l\"\n",
					    guid, leaf + 1, port);
			}
		}
		strbuf_addf(&b, "[39] \"S-0009\"[%d] # \"spine\" lid 9 4xNDR\n%s\n", leaf + 1,
			    strbuf_str(&hcas));
		strbuf_fini(&hcas);
		free(names);
	}
	strbuf_adds(&b, "switchguid=0x9(9)\nSwitch 40 \"S-0009\" # \"MF0;spine:Q/U1\" port 0\n");
	for (int leaf = 0; leaves[leaf] != NULL; leaf++)
		strbuf_addf(&b, "[%d] \"S-000%d\"[39] # \"l\" lid 1 4xNDR\n", leaf + 1, leaf + 1);
	return strbuf_detach(&b);
}

static void import_fabric(struct pl_survey *s, const char *const *leaves, int n_adapters)
{
	char *text = fabric_of(leaves, n_adapters);

	import(s, "ib.txt", NULL, text);
	free(text);
}

/* What LLDP says on a host with these switches, "sw1 sw2", behind its interfaces. */
static void import_lldp(struct pl_survey *s, const char *host, const char *switches)
{
	struct strbuf b = STRBUF_INIT;
	char *names = xstrdup(switches), *rest = names, *name;
	char *source = xasprintf("lldpcli on %s", host);
	int i = 0;

	strbuf_adds(&b, "{\"lldp\":[{\"interface\":[");
	while ((name = strtok_r(rest, " ", &rest)) != NULL) {
		strbuf_addf(&b, "%s{\"name\":\"eth%d\",", i > 0 ? "," : "", i);
		strbuf_addf(&b, "\"chassis\":[{\"name\":[{\"value\":\"%s\"}]}]}", name);
		i++;
	}
	strbuf_adds(&b, "]}]}");
	import(s, source, host, strbuf_str(&b));
	strbuf_fini(&b);
	free(source);
	free(names);
}

/* ---- names ---- */

static void names_of_the_same_hosts_are_one_unit_and_told_once(void **state)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_topo *t;

	(void)state;
	import_fabric(s, (const char *const[]){ "n1 n2", "n3 n4", NULL }, 1);
	import(s, "topology.conf", NULL, "SwitchName=s1 Nodes=n[1-2]\nSwitchName=s2 Nodes=n[3-5]\n"
					 "SwitchName=top Switches=s[1-2]\n");
	t = topo_of(s);
	assert_int_equal(notes_with(s, "leaf switch: ib.txt and topology.conf have other names "
				       "for the same hosts: l1 is s1, l2 is s2"), 1);
	assert_int_equal(notes_with(s, "the first is taken"), 0);
	/* n5 is missing in the fabric: by the other name it is where n3 is */
	assert_string_equal(between(t, "n3", "n5"), "leaf");
	assert_string_equal(between(t, "n2", "n5"), "spine");
	assert_string_equal(host_named(s, "n5")->tier[0].text, "l2");
	destroy(s, t);
}

static void names_that_overlap_otherwise_contradict_each_other(void **state)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_topo *t;

	(void)state;
	import_fabric(s, (const char *const[]){ "n1 n2 n3", "n4 n5", NULL }, 1);
	import(s, "topology.conf", NULL, "SwitchName=s1 Nodes=n[1-2]\nSwitchName=s2 Nodes=n[3-5]\n"
					 "SwitchName=top Switches=s[1-2]\n");
	t = topo_of(s);
	assert_int_equal(notes_with(s, "leaf switch: l1 by ib.txt and s2 by topology.conf share n3, "
				       "but not n1: they contradict each other, the first is "
				       "taken"), 1);
	assert_int_equal(notes_with(s, "have other names"), 1); /* of the spine */
	assert_string_equal(between(t, "n1", "n3"), "leaf");
	assert_string_equal(between(t, "n3", "n4"), "spine");
	destroy(s, t);
}

static void a_name_that_means_another_unit_elsewhere_is_no_other_name(void **state)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_topo *t;

	(void)state;
	import(s, "a.conf", NULL, "SwitchName=a Nodes=n[1-2]\nSwitchName=b Nodes=n3\n");
	import(s, "b.conf", NULL, "SwitchName=a Nodes=n1\nSwitchName=b Nodes=n[2-3]\n");
	t = topo_of(s);
	assert_int_equal(notes_with(s, "a by a.conf and b by b.conf share n2"), 1);
	assert_int_equal(notes_with(s, "other names"), 0);
	assert_string_equal(between(t, "n1", "n2"), "leaf");
	destroy(s, t);
}

static void an_nvlink_domain_has_two_names_and_holds_who_is_known_by_one(void **state)
{
	static const char smi[] =
		"<?xml version=\"1.0\" ?><nvidia_smi_log><attached_gpus>1</attached_gpus>"
		"<gpu id=\"00000000:01:00.0\">"
		"<fabric><state>Completed</state><status>Success</status>"
		"<cliqueId>1</cliqueId><clusterUuid>3fbfc98b-0001</clusterUuid></fabric></gpu>"
		"</nvidia_smi_log>";
	struct pl_survey *s = pl_survey_create();
	struct pl_survey_host *host;
	struct pl_topo *t;
	uint32_t source;

	(void)state;
	for (int i = 1; i <= 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		import(s, "smi", name, smi);
	}
	source = survey_add_source(s, "nmx", "nmx.json", 0);
	host = survey_host(s, "n1", 2);
	survey_set(s, host, &host->domain, "rack-1", 6, source, "NVLink domain");
	host = survey_host(s, "n4", 2);
	survey_set(s, host, &host->domain, "rack-1", 6, source, "NVLink domain");
	host->n_gpus.n = 1;
	t = topo_of(s);
	assert_int_equal(notes_with(s, "NVLink domain: smi and nmx.json have other names for the "
				       "same hosts: 3fbfc98b-0001.1 is rack-1"), 1);
	assert_int_equal(pl_topo_units(t, t->n_levels - 1), 1);
	assert_string_equal(between(t, "n2", "n4"), "domain");
	destroy(s, t);
}

/* ---- fabrics ---- */

static void lldp_of_storage_does_not_contradict_the_fabric_of_the_gpus(void **state)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_topo *t;

	(void)state;
	for (int i = 1; i <= 4; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		import_lldp(s, name, i % 2 ? "store-a" : "store-b");
	}
	import_fabric(s, (const char *const[]){ "n1 n2", "n3 n4", NULL }, 2);
	t = topo_of(s);
	assert_string_equal(between(t, "n1", "n2"), "leaf");
	assert_string_equal(host_named(s, "n1")->tier[0].text, "l1");
	assert_string_equal(host_named(s, "n1")->fabric.text, "infiniband");
	assert_int_equal(host_named(s, "n1")->n_adapters.n, 2);
	assert_int_equal(t->levels[t->n_levels - 1].n_islands, 0);
	assert_int_equal(notes_with(s, "n[1-4]: its Ethernet, by lldpcli, is not what joins its "
				       "GPUs: left out"), 1);
	assert_int_equal(s->n_notes, 1);
	destroy(s, t);
}

static void what_the_gpus_are_near_to_counts_more_than_the_number_of_adapters(void **state)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_survey_host *host;
	struct pl_topo *t;

	(void)state;
	import_fabric(s, (const char *const[]){ "n1", "n2", NULL }, 2);
	import_lldp(s, "n1", "leaf-a");
	import_lldp(s, "n2", "leaf-a");
	for (int i = 0; i < 2; i++) {
		host = &s->hosts[i];
		survey_set(s, host, &host->fabric, "ethernet", 8, 0, "fabric");
	}
	t = topo_of(s);
	assert_string_equal(between(t, "n1", "n2"), "leaf");
	assert_string_equal(host_named(s, "n2")->tier[0].text, "leaf-a");
	destroy(s, t);
}

static void a_host_that_only_has_storage_is_on_no_known_fabric(void **state)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_topo *t;

	(void)state;
	import_fabric(s, (const char *const[]){ "n1 n2", NULL }, 2);
	import_lldp(s, "n1", "store");
	import_lldp(s, "n2", "store");
	import_lldp(s, "n3", "store");
	t = topo_of(s);
	assert_null(host_named(s, "n3")->fabric.text);
	assert_string_equal(between(t, "n1", "n3"), "network");
	assert_int_equal(t->levels[t->n_levels - 1].n_islands, 0);
	destroy(s, t);
}

/* ---- islands ---- */

static void hosts_on_two_kinds_of_fabric_are_islands_of_the_outermost_level(void **state)
{
	struct pl_survey *s = pl_survey_create();
	const struct pl_topo_level *outer;
	struct pl_topo *t;

	(void)state;
	import_lldp(s, "e1", "l1 l2"); /* l1 is a leaf of the other fabric, too */
	import_fabric(s, (const char *const[]){ "i1 i2", "i3 i4", NULL }, 2);
	import_lldp(s, "e2", "l1 l2");
	import_lldp(s, "e3", "l3 l4");
	import_lldp(s, "i1", "store");
	t = topo_of(s);
	outer = &t->levels[t->n_levels - 1];
	assert_int_equal(outer->n_islands, 2);
	assert_string_equal(outer->islands[0], "ethernet");
	assert_string_equal(outer->islands[1], "infiniband");
	assert_int_equal(outer->count, 2);
	assert_string_equal(between(t, "e1", "e2"), "leaf");
	assert_string_equal(between(t, "e1", "e3"), "island");
	assert_string_equal(between(t, "e1", "i1"), "network");
	assert_int_equal(notes_with(s, "2 islands, with a host of each: ethernet (e1), infiniband "
				       "(i1)"), 1);
	destroy(s, t);
}

static void a_host_of_no_known_fabric_is_an_island_of_its_own(void **state)
{
	struct pl_survey *s = pl_survey_create();
	const struct pl_topo_level *outer;
	struct pl_topo *t;

	(void)state;
	import_fabric(s, (const char *const[]){ "i1 i2", NULL }, 1);
	import_lldp(s, "e1", "x1");
	import_lldp(s, "e2", "x1");
	survey_host(s, "lost", 4);
	t = topo_of(s);
	outer = &t->levels[t->n_levels - 1];
	assert_int_equal(outer->n_islands, 3);
	assert_string_equal(outer->islands[2], "unknown");
	destroy(s, t);
}

static void a_domain_over_two_kinds_of_fabric_makes_no_islands(void **state)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_topo *t;

	(void)state;
	import_fabric(s, (const char *const[]){ "n1 n2", NULL }, 1);
	import_lldp(s, "n3", "x1");
	import_lldp(s, "n4", "x1");
	for (size_t h = 1; h < 3; h++) {
		struct pl_survey_host *host = &s->hosts[h];

		survey_set(s, host, &host->domain, "D", 1, 0, "NVLink domain");
	}
	t = topo_of(s);
	assert_int_equal(t->levels[t->n_levels - 1].n_islands, 0);
	destroy(s, t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(names_of_the_same_hosts_are_one_unit_and_told_once),
	cmocka_unit_test(names_that_overlap_otherwise_contradict_each_other),
	cmocka_unit_test(a_name_that_means_another_unit_elsewhere_is_no_other_name),
	cmocka_unit_test(an_nvlink_domain_has_two_names_and_holds_who_is_known_by_one),
	cmocka_unit_test(lldp_of_storage_does_not_contradict_the_fabric_of_the_gpus),
	cmocka_unit_test(what_the_gpus_are_near_to_counts_more_than_the_number_of_adapters),
	cmocka_unit_test(a_host_that_only_has_storage_is_on_no_known_fabric),
	cmocka_unit_test(hosts_on_two_kinds_of_fabric_are_islands_of_the_outermost_level),
	cmocka_unit_test(a_host_of_no_known_fabric_is_an_island_of_its_own),
	cmocka_unit_test(a_domain_over_two_kinds_of_fabric_makes_no_islands),
};

UNIT_MAIN(tests)
