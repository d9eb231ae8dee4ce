/* ibnet_rails.c - see ibnet_rails.h: whose rail a leaf is, and who is cabled otherwise */
#include "survey/ibnet_rails.h"

#include "base/mem.h"

int ibnet_rail_of(const struct fabric *f, const struct adapter *a)
{
	uint64_t below = a->rank < MAX_RAILS ? (UINT64_C(1) << a->rank) - 1 : 0;

	if (a->rank >= MAX_RAILS)
		return NO_RAIL;
	return __builtin_popcountll(f->hosts[a->host].shape & below);
}

struct leaf *ibnet_leaf_of(const struct fabric *f, const struct adapter *a)
{
	uint32_t at = a->node->peer != IBNET_NONE ? f->leaf_at[a->node->peer] : 0;

	return at > 0 ? &f->leaves[at - 1] : NULL;
}

const char *ibnet_switch_of(const struct fabric *f, const struct ibnet_node *adapter)
{
	const struct ibnet_node *peer =
		adapter->peer != IBNET_NONE ? &f->net.nodes[adapter->peer] : NULL;

	return peer == NULL ? "nothing" : peer->name != NULL ? peer->name : peer->id;
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
		struct leaf *leaf = ibnet_leaf_of(f, &f->adapters[i]);
		int rail = ibnet_rail_of(f, &f->adapters[i]);

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
	const struct leaf *leaf = ibnet_leaf_of(f, a);
	int rail = ibnet_rail_of(f, a);

	return leaf == NULL || rail == NO_RAIL || leaf->rail == rail ? NO_RAIL : leaf->rail;
}

/* The host's adapter that sits where this one belongs; NULL: none. */
static const struct adapter *swapped_with(const struct fabric *f, const struct host *host,
					  const struct adapter *a)
{
	int rail = foreign_rail(f, a);

	for (uint32_t i = 0; rail != NO_RAIL && i < host->n_adapters; i++) {
		const struct adapter *b = &host->adapters[i];

		if (ibnet_rail_of(f, b) == rail && foreign_rail(f, b) == ibnet_rail_of(f, a))
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
			    f->name, host->name, ibnet_rail_of(f, a), ibnet_rail_of(f, b), a->label,
			    ibnet_switch_of(f, a->node), b->label, ibnet_switch_of(f, b->node));
	else
		survey_note(f->survey, "%s: %s: %s is on %s, where its peers have their rail %d",
			    f->name, host->name, a->label, ibnet_switch_of(f, a->node),
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
		const struct leaf *leaf = ibnet_leaf_of(f, a);

		if (leaf == NULL)
			continue;
		if (leaf->rail == 0)
			return &f->net.nodes[a->node->peer];
		if (leaf->rail == NO_RAIL && ibnet_rail_of(f, a) == 0 && first == NULL)
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
			struct leaf *leaf = ibnet_leaf_of(f, &host->adapters[j]);

			/* of many, the first host says it */
			if (leaf != NULL && leaf->home == NULL &&
			    foreign_rail(f, &host->adapters[j]) == NO_RAIL)
				leaf->home = home;
		}
	}
}

/* As own_home; a host that has nothing on rail 0 goes where its peers on another leaf are. */
const struct ibnet_node *ibnet_home_of(const struct fabric *f, const struct host *host)
{
	const struct ibnet_node *home = own_home(f, host);

	for (uint32_t i = 0; home == NULL && i < host->n_adapters; i++) {
		const struct leaf *leaf = ibnet_leaf_of(f, &host->adapters[i]);

		home = leaf != NULL ? leaf->home : NULL;
	}
	for (uint32_t i = 0; home == NULL && i < host->n_adapters; i++) {
		if (ibnet_leaf_of(f, &host->adapters[i]) != NULL)
			home = &f->net.nodes[host->adapters[i].node->peer];
	}
	return home;
}

void ibnet_find_rails(struct fabric *f)
{
	find_rails_of_leaves(f);
	note_cabling(f);
	find_homes(f);
}
