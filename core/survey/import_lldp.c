/*
 * import_lldp.c - `lldpcli -f json0 show neighbors` (or -f json) on one host: the switch behind
 * each of its interfaces, which is its place in an Ethernet fabric.
 *
 * json0 is lists all the way down. json leaves lists of one out, and has names as keys:
 *
 *	"interface": { "eth2": ... }			one neighbour
 *	"interface": [ { "eth2": ... }, { "eth3": ... } ]	several
 *	"chassis": { "leaf-a": { "id": ... } }		or { "id": ... } for one without a name
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "set/hostlist.h"
#include "survey/import_gpu.h"
#include "survey/importers.h"
#include "survey/importjson.h"

#define MAX_NEIGHBOURS 1024 /* of one host */

struct neighbour {
	char *interface, *chassis;
};

struct neighbours {
	struct pl_survey *survey;
	const struct survey_input *in;
	struct neighbour *list;
	size_t n, cap;
	struct pl_error *err;
};

/* ---- one shape for both formats ---- */

/* What stands in a list of one, or alone. */
static const json_t *only(const json_t *value)
{
	return json_is_array(value) ? json_array_get(value, 0) : value;
}

/* "x", { "value": "x" } or [ { "value": "x" } ] under a key; NULL: none of them. */
static const char *value_of(const json_t *object, const char *key)
{
	const json_t *value = only(json_object_get(object, key));

	return json_is_string(value) ? json_string_value(value) : importjson_text(value, "value");
}

/* The chassis itself, and its name: under "name", or the key that it stands under; NULL: none. */
static const json_t *chassis_of(const json_t *neighbour, const char **name)
{
	const json_t *chassis = only(json_object_get(neighbour, "chassis"));
	void *first;

	*name = value_of(chassis, "name");
	if (*name != NULL || json_object_get(chassis, "id") != NULL || !json_is_object(chassis))
		return chassis;
	first = json_object_iter((json_t *)chassis);
	if (first == NULL)
		return chassis;
	*name = json_object_iter_key(first);
	return json_object_iter_value(first);
}

static bool is_enabled(const json_t *capability, const char *type)
{
	const char *is = importjson_text(capability, "type");

	return is != NULL && strcmp(is, type) == 0 &&
	       json_is_true(json_object_get(capability, "enabled"));
}

static bool has_capability(const json_t *chassis, const char *type)
{
	const json_t *list = json_object_get(chassis, "capability");

	if (!json_is_array(list))
		return is_enabled(list, type);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (is_enabled(json_array_get(list, i), type))
			return true;
	}
	return false;
}

/* A host, such as the processor of an adapter, and no switch. */
static bool is_station(const json_t *chassis)
{
	return has_capability(chassis, "Station") && !has_capability(chassis, "Bridge") &&
	       !has_capability(chassis, "Router");
}

/* ---- reading ---- */

/* What a note begins with: the host that the bytes were taken on, as far as it is known. */
static const char *where(const struct survey_input *in)
{
	return in->host != NULL && in->host[0] != '\0' ? in->host : in->name;
}

/* Interfaces that lead to a network for administration. */
static bool is_out_of_band(const char *interface)
{
	static const char *const names[] = { "oob", "mgmt", "bmc", "idrac", "tmfifo" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strncmp(interface, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/* A copy without what would make it several names, or none: commas and blanks. */
static char *one_word(const char *name)
{
	char *word = xstrndup(name, strnlen(name, 128));

	for (char *s = word; *s != '\0'; s++) {
		if (*s == ',' || (unsigned char)*s <= ' ')
			*s = '_';
	}
	return word;
}

static void keep(struct neighbours *n, const char *interface, const char *chassis)
{
	ARRAY_GROW(n->list, n->n, n->cap);
	n->list[n->n++] = (struct neighbour){ xstrdup(interface), one_word(chassis) };
}

/* The neighbour behind one interface; `at` says where it is in the document. */
static int read_neighbour(struct neighbours *n, const char *interface, const json_t *neighbour,
			  size_t at)
{
	const char *name;
	const json_t *chassis = chassis_of(neighbour, &name);

	if (interface == NULL || interface[0] == '\0')
		return pl_errorf(n->err, PL_EUSAGE, "%s: lldp.interface[%zu]: it has no name",
				 n->in->name, at);
	if (name == NULL || name[0] == '\0')
		name = value_of(chassis, "id");
	if (name == NULL || name[0] == '\0')
		return pl_errorf(n->err, PL_EUSAGE,
				 "%s: lldp.interface[%zu] (%.40s): a chassis with a name or an id "
				 "is expected",
				 n->in->name, at, interface);
	if (n->n >= MAX_NEIGHBOURS)
		return pl_errorf(n->err, PL_EUSAGE,
				 "%s: lldp.interface[%zu]: more than %d neighbours of one host",
				 n->in->name, at, MAX_NEIGHBOURS);
	if (is_station(chassis))
		survey_note_on(n->survey, where(n->in),
			       "behind %s is %s, which is no switch: left out", interface, name);
	else if (is_out_of_band(interface))
		survey_note_on(n->survey, where(n->in),
			       "%s, to %s, is for administration: left out", interface, name);
	else
		keep(n, interface, name);
	return 0;
}

/* json: the interfaces are the keys of an object. */
static int read_keys(struct neighbours *n, const json_t *object, size_t at)
{
	for (void *i = json_object_iter((json_t *)object); i != NULL;
	     i = json_object_iter_next((json_t *)object, i)) {
		if (read_neighbour(n, json_object_iter_key(i), json_object_iter_value(i), at++) < 0)
			return -1;
	}
	return 0;
}

static int read_interfaces(struct neighbours *n, const json_t *interfaces)
{
	if (json_is_object(interfaces))
		return read_keys(n, interfaces, 0);
	for (size_t i = 0; i < json_array_size(interfaces); i++) {
		const json_t *item = json_array_get(interfaces, i);
		const char *name = importjson_text(item, "name");
		int rc = name != NULL || !json_is_object(item)
				 ? read_neighbour(n, name, item, i)
				 : read_keys(n, item, i);

		if (rc < 0)
			return -1;
	}
	return 0;
}

static int read_document(struct neighbours *n, const json_t *root)
{
	const json_t *lldp = only(json_object_get(root, "lldp"));
	const json_t *interfaces = json_object_get(lldp, "interface");

	if (!json_is_object(lldp))
		return pl_errorf(n->err, PL_EUSAGE,
				 "%s: no \"lldp\" in it; give what lldpcli -f json0 show neighbors "
				 "prints",
				 n->in->name);
	if (interfaces != NULL && !json_is_object(interfaces) && !json_is_array(interfaces))
		return pl_errorf(n->err, PL_EUSAGE,
				 "%s: lldp.interface: a list of interfaces is expected",
				 n->in->name);
	return read_interfaces(n, interfaces);
}

/* ---- facts ---- */

static int compare_interfaces(const void *a, const void *b)
{
	const struct neighbour *x = a, *y = b;
	int order = pl_hostlist_compare_names(x->interface, y->interface);

	return order != 0 ? order : strcmp(x->chassis, y->chassis);
}

static void free_neighbour(struct neighbour *one)
{
	free(one->interface);
	free(one->chassis);
}

/* One neighbour for each interface: a switch may speak several protocols, and what lies between
 * may let several switches through. */
static void keep_first_of_each(struct neighbours *n)
{
	size_t kept = 0;

	if (n->n > 0)
		qsort(n->list, n->n, sizeof(*n->list), compare_interfaces);
	for (size_t i = 0; i < n->n; i++) {
		struct neighbour *last = kept > 0 ? &n->list[kept - 1] : NULL;

		if (last == NULL || strcmp(last->interface, n->list[i].interface) != 0) {
			n->list[kept++] = n->list[i];
			continue;
		}
		if (strcmp(last->chassis, n->list[i].chassis) != 0)
			survey_note_on(n->survey, where(n->in),
				       "behind %s are %s and %s: the first is taken",
				       last->interface, last->chassis, n->list[i].chassis);
		free_neighbour(&n->list[i]);
	}
	n->n = kept;
}

static int compare_words(const void *a, const void *b)
{
	return pl_hostlist_compare_names(*(const char *const *)a, *(const char *const *)b);
}

/* "leaf-a,leaf-b": each switch once. */
static char *set_of_switches(const struct neighbours *n)
{
	const char **names = xcalloc(n->n + 1, sizeof(*names));
	struct strbuf set = STRBUF_INIT;

	for (size_t i = 0; i < n->n; i++)
		names[i] = n->list[i].chassis;
	qsort(names, n->n, sizeof(*names), compare_words);
	for (size_t i = 0; i < n->n; i++) {
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			strbuf_addf(&set, "%s%s", i > 0 ? "," : "", names[i]);
	}
	free(names);
	return strbuf_detach(&set);
}

static void set_rails(struct neighbours *n, struct pl_survey_host *host, uint32_t source)
{
	struct pl_survey_net *net = &host->net[PL_FABRIC_ETHERNET];

	survey_room_for_rails(&net->rails, &net->n_rails, n->n);
	for (size_t i = 0; i < n->n; i++)
		survey_set(n->survey, host, &net->rails[i], n->list[i].chassis,
			   strlen(n->list[i].chassis), source, "leaf switch of a rail");
}

static void add_facts(struct neighbours *n, struct pl_survey_host *host)
{
	uint32_t source =
		survey_add_source(n->survey, "lldp", n->in->name, n->in->taken_at);
	struct pl_survey_net *net = &host->net[PL_FABRIC_ETHERNET];
	char *set;

	if (n->n == 0) {
		survey_note_on(n->survey, host->name, "LLDP knows no neighbour that is a switch");
		return;
	}
	set = set_of_switches(n);
	survey_set_count(n->survey, host, &net->n_adapters, (uint32_t)n->n, source, "adapters");
	survey_set(n->survey, host, &net->tier[0], set, strlen(set), source, "leaf switch");
	set_rails(n, host, source);
	free(set);
}

int lldp_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct neighbours n = { .survey = s, .in = in, .err = err };
	json_t *root = importjson_load(in, err);
	struct pl_survey_host *host = NULL;

	if (root != NULL && read_document(&n, root) == 0)
		host = import_own_host(s, in, err);
	if (host != NULL) {
		keep_first_of_each(&n);
		add_facts(&n, host);
	}
	for (size_t i = 0; i < n.n; i++)
		free_neighbour(&n.list[i]);
	free(n.list);
	json_decref(root);
	return host != NULL ? 0 : -1;
}

int lldp_recognise(const char *bytes, size_t len)
{
	return import_first(bytes, len) == '{' &&
			       import_mentions(bytes, len < 256 ? len : 256, "\"lldp\"")
		       ? 95
		       : 0;
}
