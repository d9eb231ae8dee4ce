/* ibnet_hosts.c - see ibnet_rails.h: whose adapters they are, and what their peers have */
#include "survey/ibnet_rails.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "set/hostlist.h"

#define COMMON_SHAPES 16 /* sets of names that others may be part of */

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
	size_t len = survey_short_length(name.s, name.len);
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

static void note_unnamed(struct fabric *f, const struct ibnet_node *node)
{
	if (f->n_unnamed++ < MAX_NOTES)
		survey_note(f->survey,
			    "%s:%u: adapter %s on %s port %u is unnamed (\"%s\"): whose it is "
			    "cannot be told, it counts for no host",
			    f->name, node->line, node->id, ibnet_switch_of(f, node), node->peer_port,
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

void ibnet_find_hosts(struct fabric *f)
{
	collect_adapters(f);
	rank_labels(f);
	give_adapters_to_hosts(f);
	compare_with_peers(f);
}
