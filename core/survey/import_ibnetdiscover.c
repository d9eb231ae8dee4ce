/*
 * import_ibnetdiscover.c - an InfiniBand fabric becomes facts about hosts: their adapters, the leaf
 * of each rail (ibnet_rails.h) and the groups of switches above (ibnet.h).
 */
#include "survey/importers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "survey/ibnet_rails.h"

/* ---- facts ---- */

static bool is_ours(const struct fabric *f, const struct pl_fact *fact)
{
	return fact->text != NULL && fact->source != f->source &&
	       strcmp(f->survey->sources[fact->source].format, "ibnetdiscover") == 0;
}

/* Each rail may be a subnet of its own, and then comes as a source of its own: the host is known
 * from another one, and none of the leaves here. */
static bool is_further_subnet(const struct fabric *f, const struct host *host,
			      const struct pl_survey_net *known)
{
	if (!is_ours(f, &known->tier[0]))
		return false;
	for (size_t i = 0; i < known->n_rails; i++) {
		for (uint32_t j = 0; known->rails[i].text != NULL && j < host->n_adapters; j++) {
			if (strcmp(known->rails[i].text,
				   ibnet_switch_of(f, host->adapters[j].node)) == 0)
				return false;
		}
	}
	return true;
}

static void set_rails(struct fabric *f, const struct host *host, struct pl_survey_host *known,
		      size_t first)
{
	struct pl_survey_net *net = &known->net[PL_FABRIC_INFINIBAND];

	survey_room_for_rails(&net->rails, &net->n_rails,
			      first + (size_t)__builtin_popcountll(host->shape));
	for (uint32_t i = 0; i < host->n_adapters; i++) {
		const struct adapter *a = &host->adapters[i];
		int rail = ibnet_rail_of(f, a);
		const char *leaf;

		if (ibnet_leaf_of(f, a) == NULL || rail == NO_RAIL)
			continue;
		leaf = ibnet_switch_of(f, a->node);
		survey_set(f->survey, known, &net->rails[first + (size_t)rail], leaf,
			   strlen(leaf), f->source, "leaf switch of a rail");
	}
}

static void set_tiers(struct fabric *f, const struct host *host, struct pl_survey_host *known)
{
	const struct ibnet_node *home = ibnet_home_of(f, host);
	struct pl_fact *tiers = known->net[PL_FABRIC_INFINIBAND].tier;

	for (size_t tier = 0; home != NULL && tier < PL_SURVEY_TIERS; tier++) {
		const char *name = home->above[tier];

		if (name != NULL)
			survey_set(f->survey, known, &tiers[tier], name, strlen(name),
				   f->source, tier == 0 ? "leaf switch" : "group of switches");
	}
}

static void add_host(struct fabric *f, const struct host *host)
{
	struct pl_survey_host *known =
		survey_host(f->survey, host->name, strlen(host->name));
	struct pl_survey_net *net = &known->net[PL_FABRIC_INFINIBAND];

	if (is_further_subnet(f, host, net)) {
		net->n_adapters.n += host->n_adapters;
		set_rails(f, host, known, net->n_rails);
		f->further_rails = true;
		return;
	}
	survey_set_count(f->survey, known, &net->n_adapters, host->n_adapters, f->source,
			 "adapters");
	set_rails(f, host, known, 0);
	set_tiers(f, host, known);
}

/* A host that only hangs on a switch above the leaves is there to manage the fabric. */
static bool is_above_leaves(const struct fabric *f, const struct host *host)
{
	if (host->n_on_leaves > 0)
		return false;
	for (uint32_t i = 0; i < host->n_adapters; i++) {
		uint32_t peer = host->adapters[i].node->peer;

		if (peer != IBNET_NONE && f->net.nodes[peer].kind == IBNET_SWITCH)
			return true;
	}
	return false;
}

static void add_hosts(struct fabric *f)
{
	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct host *host = &f->hosts[i];

		if (!is_above_leaves(f, host))
			add_host(f, host);
		else if (f->n_notes[2]++ < MAX_NOTES)
			survey_note(f->survey,
				    "%s: %s is left out: it is on %s, a switch above the leaves",
				    f->name, host->name, ibnet_switch_of(f, host->adapters[0].node));
	}
}

static bool in_several_subnets(const struct fabric *f, const struct host *host)
{
	uint32_t subnet = IBNET_NONE;

	for (uint32_t i = 0; i < host->n_adapters; i++) {
		uint32_t peer = host->adapters[i].node->peer;

		if (peer == IBNET_NONE || f->leaf_at[peer] == 0)
			continue;
		if (subnet != IBNET_NONE && subnet != f->net.nodes[peer].subnet)
			return true;
		subnet = f->net.nodes[peer].subnet;
	}
	return false;
}

static void note_subnets(struct fabric *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_hosts; i++)
		n += in_several_subnets(f, &f->hosts[i]);
	if (f->net.n_subnets < 2)
		return;
	survey_note(f->survey, "%s: %u subnets that no link joins; %zu of %zu hosts are in several%s",
		    f->name, f->net.n_subnets, n, f->n_hosts,
		    n > 0 ? ": rails are networks of their own" : "");
}

/* ---- speed ---- */

static int compare_speeds(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The speed that the middle adapter has; who is slower is told. */
static void set_speed(struct fabric *f)
{
	double *speeds = xcalloc(f->n_adapters + 1, sizeof(*speeds));
	size_t n = 0, slow = 0;

	for (size_t i = 0; i < f->n_adapters; i++) {
		if (f->adapters[i].node->gbyte_s > 0)
			speeds[n++] = f->adapters[i].node->gbyte_s;
	}
	qsort(speeds, n, sizeof(*speeds), compare_speeds);
	while (n > 0 && speeds[slow] < speeds[n / 2])
		slow++;
	if (n > 0 && f->survey->fabric_gbyte_s == 0)
		f->survey->fabric_gbyte_s = speeds[n / 2];
	for (size_t i = 0; slow > 0 && i < f->n_adapters; i++) {
		const struct ibnet_node *node = f->adapters[i].node;

		if (node->gbyte_s > 0 && node->gbyte_s < speeds[n / 2]) {
			survey_note(f->survey,
				    "%s: %zu adapters run slower than the others' %g GB/s, as %s "
				    "of %s with %g",
				    f->name, slow, speeds[n / 2], f->adapters[i].label,
				    f->hosts[f->adapters[i].host].name, node->gbyte_s);
			break;
		}
	}
	free(speeds);
}

/* ---- */

static void free_fabric(struct fabric *f)
{
	for (size_t i = 0; i < f->n_adapters; i++)
		free(f->adapters[i].label);
	for (size_t i = 0; i < f->n_hosts; i++)
		free(f->hosts[i].name);
	strtable_fini(&f->by_name);
	strtable_fini(&f->labels);
	strtable_fini(&f->twins);
	free(f->adapters);
	free(f->hosts);
	free(f->shapes);
	free(f->leaves);
	free(f->leaf_at);
	ibnet_fini(&f->net);
}

static void add_facts(struct fabric *f)
{
	ibnet_find_tiers(&f->net);
	ibnet_find_hosts(f);
	ibnet_find_rails(f);
	add_hosts(f);
	note_subnets(f);
	set_speed(f);
	if (f->further_rails || f->survey->n_switches < f->net.n_switches)
		f->survey->n_switches =
			f->net.n_switches + (f->further_rails ? f->survey->n_switches : 0);
}

int ibnetdiscover_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct fabric f = { .survey = s, .name = in->name };
	int rc;

	strtable_init(&f.by_name);
	strtable_init(&f.labels);
	strtable_init(&f.twins);
	rc = ibnet_parse(&f.net, in, err);
	if (rc == 0) {
		f.source = survey_add_source(s, "ibnetdiscover", in->name, in->taken_at);
		add_facts(&f);
	}
	free_fabric(&f);
	return rc;
}

/* A line that begins as that of a switch or an adapter does, with its kind of name. */
int ibnetdiscover_recognise(const char *bytes, size_t len)
{
	static const char *const words[] = { "\nswitchguid=0x", "\ncaguid=0x", "\t\"S-", "\t\"H-",
					     " \"S-", " \"H-" };
	size_t looked = len < 4096 ? len : 4096;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (memmem(bytes, looked, words[i], strlen(words[i])) != NULL)
			return i < 2 ? 95 : 60;
	}
	return 0;
}
