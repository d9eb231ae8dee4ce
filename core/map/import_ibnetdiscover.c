/*
 * import_ibnetdiscover.c - an InfiniBand fabric becomes facts about hosts: their adapters, the leaf
 * of each rail and the groups of switches above.
 *
 * Rails are counted in the order of the adapters' names (mlx5_0, mlx5_3: rails 0 and 1), so a host
 * that misses one must not shift the others: hosts are compared by the set of names they have, and
 * one whose set is part of a more common set has that one's rails. See ibnet.h for the rest.
 */
#include "map/importers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/ibnet.h"
#include "set/hostlist.h"

#define MAX_RAILS     64 /* kinds of adapter names, too: a set of them is a word */
#define COMMON_SHAPES 16 /* sets of names that others may be part of */
#define MAX_NOTES     16 /* of one kind */
#define NO_RAIL	      (-1)

struct adapter {
	const struct ibnet_node *node;
	char *label; /* "mlx5_0", "HCA-1"; "" where the description is only a host's name */
	uint32_t host, rank; /* rank of the label among all labels */
};

struct host {
	char *name;
	uint32_t n_adapters, n_on_leaves;
	struct adapter *adapters; /* by label */
	uint64_t labels, shape;	  /* sets of ranks: its own, and its peers' */
};

struct shape {
	uint64_t labels;
	uint32_t n_hosts;
};

/* A leaf switch and whose rail it is: most of its adapters', or nobody's. */
struct leaf {
	uint32_t n_by_rail[MAX_RAILS];
	int rail;
	const struct ibnet_node *home; /* the leaf of rail 0 that its hosts have */
};

struct fabric {
	struct pl_survey *survey;
	const char *name;
	uint32_t source;
	struct ibnet net;
	struct adapter *adapters;
	size_t n_adapters, cap_adapters, n_unnamed;
	struct host *hosts;
	size_t n_hosts, cap_hosts;
	struct strtable by_name, labels, twins;
	struct shape *shapes;
	size_t n_shapes, cap_shapes;
	struct leaf *leaves;
	uint32_t *leaf_at; /* by node: index of its leaf + 1 */
	size_t n_notes[3];
	bool further_rails; /* some hosts were known, by other leaves: a subnet of its own */
};

/* ---- whose adapter it is ---- */

struct slice {
	const char *s;
	size_t len;
};

static struct slice take_word(const char **s)
{
	struct slice word;

	*s += strspn(*s, " ");
	word = (struct slice){ *s, strcspn(*s, " ") };
	*s += word.len;
	if (word.len > 2 && word.s[0] == '\'' && word.s[word.len - 1] == '\'')
		word = (struct slice){ word.s + 1, word.len - 2 };
	return word;
}

static bool is_host_name(struct slice word)
{
	static const char *const nobody[] = { "localhost", "ConnectX", "BlueField", "Mellanox",
					      "NVIDIA", "Nvidia" };

	for (size_t i = 0; i < ARRAY_LEN(nobody); i++) {
		size_t len = strlen(nobody[i]);

		if (word.len >= len && memcmp(word.s, nobody[i], len) == 0 &&
		    (word.len == len || word.s[len] == '.' || word.s[len] == '-' || i > 0))
			return false;
	}
	for (size_t i = 0; i < word.len; i++) {
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
			   word.s[i]) == NULL)
			return false;
	}
	return word.len > 0 && word.s[0] != '.';
}

/* "MT4129": a part number, as the firmware's default description begins. */
static bool is_part_number(struct slice word)
{
	if (word.len < 5 || memcmp(word.s, "MT", 2) != 0)
		return false;
	for (size_t i = 2; i < word.len; i++) {
		if (word.s[i] < '0' || word.s[i] > '9')
			return false;
	}
	return true;
}

/* "host mlx5_5", "host HCA-6", "'host' HCA-1", "host". False where it names no host. */
static bool read_desc(const char *desc, struct slice *host, struct slice *label)
{
	*host = take_word(&desc);
	*label = take_word(&desc);
	return is_host_name(*host) && desc[strspn(desc, " ")] == '\0' &&
	       !(is_part_number(*host) && label->len > 0 && strncmp(label->s, "mlx", 3) != 0 &&
		 strncmp(label->s, "HCA", 3) != 0);
}

static uint32_t host_of(struct fabric *f, struct slice name)
{
	const char *dot = memchr(name.s, '.', name.len);
	size_t len = dot != NULL ? (size_t)(dot - name.s) : name.len;
	uintptr_t at = (uintptr_t)strtable_get_n(&f->by_name, name.s, len);

	if (at > 0)
		return (uint32_t)(at - 1);
	ARRAY_GROW(f->hosts, f->n_hosts, f->cap_hosts);
	f->hosts[f->n_hosts++] = (struct host){ .name = xstrndup(name.s, len) };
	strtable_put(&f->by_name, f->hosts[f->n_hosts - 1].name,
		     (void *)(uintptr_t)f->n_hosts);
	return (uint32_t)(f->n_hosts - 1);
}

/* The label, "#2" after it when the host has another adapter of that label. */
static char *own_label(struct fabric *f, uint32_t host, struct slice label)
{
	char *key = xasprintf("%u %.*s", host, (int)label.len, label.s);
	uintptr_t n = (uintptr_t)strtable_get(&f->twins, key) + 1;

	strtable_put(&f->twins, key, (void *)n);
	free(key);
	return n == 1 ? xstrndup(label.s, label.len)
		      : xasprintf("%.*s#%zu", (int)label.len, label.s, (size_t)n);
}

static const char *switch_of(const struct fabric *f, const struct ibnet_node *adapter)
{
	const struct ibnet_node *peer =
		adapter->peer != IBNET_NONE ? &f->net.nodes[adapter->peer] : NULL;

	return peer == NULL ? "nothing" : peer->name != NULL ? peer->name : peer->id;
}

static void note_unnamed(struct fabric *f, const struct ibnet_node *node)
{
	if (f->n_unnamed++ < MAX_NOTES)
		survey_note(f->survey,
			    "%s:%u: adapter %s on %s port %u is unnamed (\"%s\"): whose it is "
			    "cannot be told, it counts for no host",
			    f->name, node->line, node->id, switch_of(f, node), node->peer_port,
			    node->desc);
}

static void collect_adapters(struct fabric *f)
{
	for (size_t i = 0; i < f->net.n_nodes; i++) {
		const struct ibnet_node *node = &f->net.nodes[i];
		struct slice host, label;
		struct adapter *a;

		if (node->kind != IBNET_ADAPTER)
			continue;
		if (!read_desc(node->desc, &host, &label)) {
			note_unnamed(f, node);
			continue;
		}
		ARRAY_GROW(f->adapters, f->n_adapters, f->cap_adapters);
		a = &f->adapters[f->n_adapters++];
		*a = (struct adapter){ .node = node, .host = host_of(f, host) };
		a->label = own_label(f, a->host, label);
		strtable_put(&f->labels, a->label, f);
	}
	if (f->n_unnamed > MAX_NOTES)
		survey_note(f->survey, "%s: %zu adapters more are unnamed", f->name,
			    f->n_unnamed - MAX_NOTES);
}

/* ---- in the order of their names ---- */

static int compare_labels(const void *a, const void *b)
{
	return pl_hostlist_compare_names(*(const char *const *)a, *(const char *const *)b);
}

static void rank_labels(struct fabric *f)
{
	size_t n = strtable_count(&f->labels), used = 0, pos = 0;
	const char **labels = xcalloc(n + 1, sizeof(*labels));
	const struct strtable_entry *e;

	while ((e = strtable_next(&f->labels, &pos)) != NULL)
		labels[used++] = e->key;
	qsort(labels, n, sizeof(*labels), compare_labels);
	for (size_t i = 0; i < n; i++)
		strtable_put(&f->labels, labels[i], (void *)(uintptr_t)(i + 1));
	for (size_t i = 0; i < f->n_adapters; i++) {
		struct adapter *a = &f->adapters[i];

		a->rank = (uint32_t)((uintptr_t)strtable_get(&f->labels, a->label) - 1);
	}
	free(labels);
}

static int compare_adapters(const void *a, const void *b)
{
	const struct adapter *x = a, *y = b;

	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void give_adapters_to_hosts(struct fabric *f)
{
	if (f->n_adapters > 0)
		qsort(f->adapters, f->n_adapters, sizeof(*f->adapters), compare_adapters);
	for (size_t i = 0; i < f->n_adapters; i++) {
		struct adapter *a = &f->adapters[i];
		struct host *host = &f->hosts[a->host];

		if (host->n_adapters++ == 0)
			host->adapters = a;
		if (a->rank < MAX_RAILS)
			host->labels |= UINT64_C(1) << a->rank;
	}
}

/* ---- what peers have ---- */

static int compare_masks(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;

	return x->labels < y->labels ? -1 : x->labels > y->labels;
}

/* The most common first, of equals the largest. */
static int compare_shapes(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;
	int nx = __builtin_popcountll(x->labels), ny = __builtin_popcountll(y->labels);

	if (x->n_hosts != y->n_hosts)
		return x->n_hosts > y->n_hosts ? -1 : 1;
	return nx != ny ? ny - nx : compare_masks(a, b);
}

static void count_shapes(struct fabric *f)
{
	size_t n = 0;

	f->shapes = xcalloc(f->n_hosts + 1, sizeof(*f->shapes));
	for (size_t i = 0; i < f->n_hosts; i++)
		f->shapes[i] = (struct shape){ f->hosts[i].labels, 1 };
	qsort(f->shapes, f->n_hosts, sizeof(*f->shapes), compare_masks);
	for (size_t i = 0; i < f->n_hosts; i++) {
		if (n > 0 && f->shapes[n - 1].labels == f->shapes[i].labels)
			f->shapes[n - 1].n_hosts++;
		else
			f->shapes[n++] = f->shapes[i];
	}
	f->n_shapes = n;
	qsort(f->shapes, n, sizeof(*f->shapes), compare_shapes);
}

/* The first shape that holds the host's labels: its own or a more common one. */
static uint64_t shape_of(const struct fabric *f, const struct host *host)
{
	for (size_t i = 0; i < f->n_shapes && i < COMMON_SHAPES; i++) {
		if ((host->labels & ~f->shapes[i].labels) == 0)
			return f->shapes[i].labels;
	}
	return host->labels;
}

static int rail_of(const struct fabric *f, const struct adapter *a)
{
	uint64_t below = a->rank < MAX_RAILS ? (UINT64_C(1) << a->rank) - 1 : 0;

	if (a->rank >= MAX_RAILS)
		return NO_RAIL;
	return __builtin_popcountll(f->hosts[a->host].shape & below);
}

static void note_missing(struct fabric *f, const struct host *host)
{
	uint64_t missing = host->shape & ~host->labels;
	struct strbuf words = STRBUF_INIT;

	for (size_t i = 0, pos = 0; missing != 0 && i < f->n_adapters && pos < MAX_RAILS; i++) {
		const struct adapter *a = &f->adapters[i];

		if (a->rank >= MAX_RAILS || !(missing & UINT64_C(1) << a->rank))
			continue;
		strbuf_addf(&words, "%s%s", pos++ > 0 ? ", " : "", a->label);
		missing &= ~(UINT64_C(1) << a->rank);
	}
	survey_note(f->survey, "%s: %s has %u of the %d adapters that its peers have: %s is missing",
		    f->name, host->name, host->n_adapters, __builtin_popcountll(host->shape),
		    strbuf_str(&words));
	strbuf_fini(&words);
}

static void compare_with_peers(struct fabric *f)
{
	size_t n = 0;

	count_shapes(f);
	for (size_t i = 0; i < f->n_hosts; i++) {
		struct host *host = &f->hosts[i];

		host->shape = shape_of(f, host);
		if (host->shape != host->labels && n++ < MAX_NOTES)
			note_missing(f, host);
	}
	if (n > MAX_NOTES)
		survey_note(f->survey, "%s: %zu hosts more have fewer adapters than their peers",
			    f->name, n - MAX_NOTES);
}

/* ---- rails ---- */

static struct leaf *leaf_of(const struct fabric *f, const struct adapter *a)
{
	uint32_t at = a->node->peer != IBNET_NONE ? f->leaf_at[a->node->peer] : 0;

	return at > 0 ? &f->leaves[at - 1] : NULL;
}

static void number_leaves(struct fabric *f)
{
	uint32_t n = 0;

	f->leaf_at = xcalloc(f->net.n_nodes + 1, sizeof(*f->leaf_at));
	for (size_t i = 0; i < f->net.n_nodes; i++) {
		if (f->net.nodes[i].tier == 0)
			f->leaf_at[i] = ++n;
	}
	f->leaves = xcalloc(n + 1, sizeof(*f->leaves));
}

/* The rail that more than half of the adapters on a leaf are of. */
static int main_rail(const struct leaf *leaf)
{
	uint32_t sum = 0;
	int best = 0;

	for (int i = 0; i < MAX_RAILS; i++) {
		sum += leaf->n_by_rail[i];
		best = leaf->n_by_rail[i] > leaf->n_by_rail[best] ? i : best;
	}
	return 2 * leaf->n_by_rail[best] > sum ? best : NO_RAIL;
}

static void find_rails_of_leaves(struct fabric *f)
{
	number_leaves(f);
	for (size_t i = 0; i < f->n_adapters; i++) {
		struct leaf *leaf = leaf_of(f, &f->adapters[i]);
		int rail = rail_of(f, &f->adapters[i]);

		f->hosts[f->adapters[i].host].n_on_leaves += leaf != NULL;
		if (leaf != NULL && rail != NO_RAIL)
			leaf->n_by_rail[rail]++;
	}
	for (size_t i = 0; i < f->net.n_nodes; i++) {
		if (f->leaf_at[i] > 0)
			f->leaves[f->leaf_at[i] - 1].rail = main_rail(&f->leaves[f->leaf_at[i] - 1]);
	}
}

/* The rail of the leaf it hangs on, where that is another than its own. */
static int foreign_rail(const struct fabric *f, const struct adapter *a)
{
	const struct leaf *leaf = leaf_of(f, a);
	int rail = rail_of(f, a);

	return leaf == NULL || rail == NO_RAIL || leaf->rail == rail ? NO_RAIL : leaf->rail;
}

/* The host's adapter that sits where this one belongs; NULL: none. */
static const struct adapter *swapped_with(const struct fabric *f, const struct host *host,
					  const struct adapter *a)
{
	int rail = foreign_rail(f, a);

	for (uint32_t i = 0; rail != NO_RAIL && i < host->n_adapters; i++) {
		const struct adapter *b = &host->adapters[i];

		if (rail_of(f, b) == rail && foreign_rail(f, b) == rail_of(f, a))
			return b;
	}
	return NULL;
}

static void note_foreign(struct fabric *f, const struct host *host, const struct adapter *a)
{
	const struct adapter *b = swapped_with(f, host, a);

	if (b != NULL && b < a)
		return;
	if (f->n_notes[0]++ >= MAX_NOTES)
		return;
	if (b != NULL)
		survey_note(f->survey,
			    "%s: %s: rails %d and %d are swapped: %s is on %s and %s on %s, the "
			    "other way than its peers'",
			    f->name, host->name, rail_of(f, a), rail_of(f, b), a->label,
			    switch_of(f, a->node), b->label, switch_of(f, b->node));
	else
		survey_note(f->survey, "%s: %s: %s is on %s, where its peers have their rail %d",
			    f->name, host->name, a->label, switch_of(f, a->node),
			    foreign_rail(f, a));
}

static void note_cabling(struct fabric *f)
{
	for (size_t i = 0; i < f->n_adapters; i++) {
		struct adapter *a = &f->adapters[i];
		struct host *host = &f->hosts[a->host];

		if (foreign_rail(f, a) != NO_RAIL && host->n_adapters <= MAX_RAILS)
			note_foreign(f, host, a);
		else if (a->node->peer == IBNET_NONE && f->n_notes[1]++ < MAX_NOTES)
			survey_note(f->survey, "%s:%u: %s of %s is connected to nothing", f->name,
				    a->node->line, a->label, host->name);
	}
	if (f->n_notes[0] > MAX_NOTES)
		survey_note(f->survey, "%s: %zu adapters more are on leaves of other rails",
			    f->name, f->n_notes[0] - MAX_NOTES);
	if (f->n_notes[1] > MAX_NOTES)
		survey_note(f->survey, "%s: %zu adapters more are connected to nothing", f->name,
			    f->n_notes[1] - MAX_NOTES);
}

/* ---- the leaf of rail 0 ---- */

/* The leaf that stands for the host: of rail 0 by what its peers have there, or of its adapter of
 * rail 0 where leaves belong to no rail. */
static const struct ibnet_node *own_home(const struct fabric *f, const struct host *host)
{
	const struct ibnet_node *first = NULL;

	for (uint32_t i = 0; i < host->n_adapters; i++) {
		const struct adapter *a = &host->adapters[i];
		const struct leaf *leaf = leaf_of(f, a);

		if (leaf == NULL)
			continue;
		if (leaf->rail == 0)
			return &f->net.nodes[a->node->peer];
		if (leaf->rail == NO_RAIL && rail_of(f, a) == 0 && first == NULL)
			first = &f->net.nodes[a->node->peer];
	}
	return first;
}

static void find_homes(struct fabric *f)
{
	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct host *host = &f->hosts[i];
		const struct ibnet_node *home = own_home(f, host);

		for (uint32_t j = 0; home != NULL && j < host->n_adapters; j++) {
			struct leaf *leaf = leaf_of(f, &host->adapters[j]);

			/* of many, the first host says it */
			if (leaf != NULL && leaf->home == NULL &&
			    foreign_rail(f, &host->adapters[j]) == NO_RAIL)
				leaf->home = home;
		}
	}
}

/* As own_home; a host that has nothing on rail 0 goes where its peers on another leaf are. */
static const struct ibnet_node *home_of(const struct fabric *f, const struct host *host)
{
	const struct ibnet_node *home = own_home(f, host);

	for (uint32_t i = 0; home == NULL && i < host->n_adapters; i++) {
		const struct leaf *leaf = leaf_of(f, &host->adapters[i]);

		home = leaf != NULL ? leaf->home : NULL;
	}
	for (uint32_t i = 0; home == NULL && i < host->n_adapters; i++) {
		if (leaf_of(f, &host->adapters[i]) != NULL)
			home = &f->net.nodes[host->adapters[i].node->peer];
	}
	return home;
}

/* ---- facts ---- */

static bool is_ours(const struct fabric *f, const struct pl_fact *fact)
{
	return fact->text != NULL && fact->source != f->source &&
	       strcmp(f->survey->sources[fact->source].format, "ibnetdiscover") == 0;
}

/* Each rail may be a subnet of its own, and then comes as a source of its own: the host is known
 * from another one, and none of the leaves here. */
static bool is_further_subnet(const struct fabric *f, const struct host *host,
			      const struct pl_survey_host *known)
{
	if (!is_ours(f, &known->tier[0]))
		return false;
	for (size_t i = 0; i < known->n_rails; i++) {
		for (uint32_t j = 0; known->rails[i].text != NULL && j < host->n_adapters; j++) {
			if (strcmp(known->rails[i].text,
				   switch_of(f, host->adapters[j].node)) == 0)
				return false;
		}
	}
	return true;
}

static void room_for_rails(struct pl_survey_host *known, size_t n)
{
	if (n <= known->n_rails)
		return;
	known->rails = xreallocarray(known->rails, n, sizeof(*known->rails));
	memset(known->rails + known->n_rails, 0, (n - known->n_rails) * sizeof(*known->rails));
	known->n_rails = n;
}

static void set_rails(struct fabric *f, const struct host *host, struct pl_survey_host *known,
		      size_t first)
{
	room_for_rails(known, first + (size_t)__builtin_popcountll(host->shape));
	for (uint32_t i = 0; i < host->n_adapters; i++) {
		const struct adapter *a = &host->adapters[i];
		int rail = rail_of(f, a);
		const char *leaf;

		if (leaf_of(f, a) == NULL || rail == NO_RAIL)
			continue;
		leaf = switch_of(f, a->node);
		survey_set(f->survey, known, &known->rails[first + (size_t)rail], leaf,
			   strlen(leaf), f->source, "leaf switch of a rail");
	}
}

static void set_tiers(struct fabric *f, const struct host *host, struct pl_survey_host *known)
{
	const struct ibnet_node *home = home_of(f, host);

	for (size_t tier = 0; home != NULL && tier < PL_SURVEY_TIERS; tier++) {
		const char *name = home->above[tier];

		if (name != NULL)
			survey_set(f->survey, known, &known->tier[tier], name, strlen(name),
				   f->source, tier == 0 ? "leaf switch" : "group of switches");
	}
}

static void add_host(struct fabric *f, const struct host *host)
{
	struct pl_survey_host *known =
		survey_host(f->survey, host->name, strlen(host->name));

	survey_set(f->survey, known, &known->fabric, "infiniband", strlen("infiniband"), f->source,
		   "fabric");
	if (is_further_subnet(f, host, known)) {
		known->n_adapters.n += host->n_adapters;
		set_rails(f, host, known, known->n_rails);
		f->further_rails = true;
		return;
	}
	survey_set_count(f->survey, known, &known->n_adapters, host->n_adapters, f->source,
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
				    f->name, host->name, switch_of(f, host->adapters[0].node));
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
	collect_adapters(f);
	rank_labels(f);
	give_adapters_to_hosts(f);
	compare_with_peers(f);
	find_rails_of_leaves(f);
	note_cabling(f);
	find_homes(f);
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
