/*
 * ibnet_rails.h - the hosts of an InfiniBand fabric and the rails of their adapters; what lies
 * between the fabric (ibnet.h) and the facts of import_ibnetdiscover.c.
 *
 * Rails are counted in the order of the adapters' names (mlx5_0, mlx5_3: rails 0 and 1), so a host
 * that misses one must not shift the others: hosts are compared by the set of names they have, and
 * one whose set is part of a more common set has that one's rails.
 */
#ifndef PL_MAP_IBNET_RAILS_H
#define PL_MAP_IBNET_RAILS_H

#include "survey/ibnet.h"

#define MAX_RAILS     64 /* kinds of adapter names, too: a set of them is a word */
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

/* Finds the hosts that adapters name, and what their peers have. Notes unnamed adapters, and hosts
 * with fewer than their peers. O(adapters log adapters). */
void ibnet_find_hosts(struct fabric *f);

/* Finds whose rail each leaf is. Notes adapters on leaves of other rails, and on nothing. */
void ibnet_find_rails(struct fabric *f);

/* The rail of an adapter, NO_RAIL where its name is beyond what is counted. */
int ibnet_rail_of(const struct fabric *f, const struct adapter *a);

/* The leaf that an adapter hangs on; NULL: another switch, or nothing. */
struct leaf *ibnet_leaf_of(const struct fabric *f, const struct adapter *a);

/* The name of the switch behind an adapter, or "nothing". */
const char *ibnet_switch_of(const struct fabric *f, const struct ibnet_node *adapter);

/* The leaf that stands for the host: that of rail 0, as its peers have it. NULL: it has none. */
const struct ibnet_node *ibnet_home_of(const struct fabric *f, const struct host *host);

#endif
