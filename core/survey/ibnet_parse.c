/* ibnet_parse.c - see ibnet.h: the text of ibnetdiscover(8), line by line */
#include "survey/ibnet.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What is left of a line. */
struct cursor {
	const char *s, *end;
};

struct parser {
	struct ibnet *net;
	const char *name;
	unsigned line;
	uint32_t node; /* whose ports follow; IBNET_NONE before the first */
	struct pl_error *err;
};

static int refuse(struct parser *p, const char *what)
{
	return pl_errorf(p->err, PL_EUSAGE,
			 "%s:%u: %s; give what ibnetdiscover prints, without options", p->name,
			 p->line, what);
}

static void skip_blanks(struct cursor *c)
{
	while (c->s < c->end && (*c->s == ' ' || *c->s == '\t'))
		c->s++;
}

static bool starts(const struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(c->end - c->s) >= len && memcmp(c->s, word, len) == 0;
}

static bool take(struct cursor *c, const char *word)
{
	if (!starts(c, word))
		return false;
	c->s += strlen(word);
	return true;
}

/* A number below 65536. */
static bool take_number(struct cursor *c, uint32_t *out)
{
	const char *first = c->s;

	*out = 0;
	for (; c->s < c->end && *c->s >= '0' && *c->s <= '9'; c->s++) {
		*out = *out * 10 + (uint32_t)(*c->s - '0');
		if (*out > 65535)
			return false;
	}
	return c->s > first;
}

/* "[12]", and the "[ext 3]" and "(guid)" that may follow. */
static bool take_port(struct cursor *c, uint32_t *port)
{
	skip_blanks(c);
	if (!take(c, "[") || !take_number(c, port) || !take(c, "]"))
		return false;
	while (starts(c, "[ext ") || starts(c, "(") || starts(c, " (")) {
		const char *close = memchr(c->s, *c->s == '[' ? ']' : ')', (size_t)(c->end - c->s));

		if (close == NULL)
			return false;
		c->s = close + 1;
	}
	return true;
}

/* "S-0002c903007b78b0" in quotes: a letter, '-', and more. */
static bool take_id(struct cursor *c, const char **id, size_t *len)
{
	const char *close;

	skip_blanks(c);
	if (!take(c, "\""))
		return false;
	close = memchr(c->s, '"', (size_t)(c->end - c->s));
	if (close == NULL || close - c->s < 3 || c->s[1] != '-')
		return false;
	*id = c->s;
	*len = (size_t)(close - c->s);
	c->s = close + 1;
	return true;
}

/* The description in the comment, from its first quote to the line's last (it may hold quotes);
 * the cursor goes behind it. */
static void take_desc(struct cursor *c, const char **desc, size_t *len)
{
	const char *hash = memchr(c->s, '#', (size_t)(c->end - c->s));
	const char *open = hash != NULL ? memchr(hash, '"', (size_t)(c->end - hash)) : NULL;
	const char *close = open != NULL ? memrchr(open, '"', (size_t)(c->end - open)) : NULL;

	*desc = "";
	*len = 0;
	if (close == NULL || close == open)
		return;
	*desc = open + 1;
	*len = (size_t)(close - open - 1);
	c->s = close + 1;
}

static enum ibnet_kind kind_of(const char *id, const char *desc, size_t len)
{
	if (id[0] == 'S')
		return IBNET_SWITCH;
	if (id[0] != 'H' ||
	    memmem(desc, len, "Aggregation Node", strlen("Aggregation Node")) != NULL)
		return IBNET_IGNORED;
	return IBNET_ADAPTER;
}

/* The node of this id, made where it is new. What a description in a link says counts until the
 * node's own section comes. */
static uint32_t node_of(struct parser *p, struct cursor *c, const char *id, size_t id_len)
{
	struct ibnet *net = p->net;
	uintptr_t at = (uintptr_t)strtable_get_n(&net->by_id, id, id_len);
	struct ibnet_node *node;
	const char *desc;
	size_t len;

	take_desc(c, &desc, &len);
	if (at > 0) {
		node = &net->nodes[at - 1];
		if (len > 0 && node->desc[0] == '\0') {
			free(node->desc);
			node->desc = xstrndup(desc, len);
			node->kind = kind_of(id, desc, len);
		}
		return (uint32_t)(at - 1);
	}
	ARRAY_GROW(net->nodes, net->n_nodes, net->cap_nodes);
	node = &net->nodes[net->n_nodes++];
	*node = (struct ibnet_node){ .kind = kind_of(id, desc, len),
				     .id = xstrndup(id, id_len),
				     .desc = xstrndup(desc, len),
				     .line = p->line,
				     .peer = IBNET_NONE,
				     .tier = IBNET_NONE };
	strtable_put(&net->by_id, node->id, (void *)(uintptr_t)net->n_nodes);
	return (uint32_t)(net->n_nodes - 1);
}

/* Gbit/s of data on one lane. */
static double lane_gbit(const struct cursor *c)
{
	static const struct {
		const char *name;
		double gbit;
	} speeds[] = {
		{ "SDR", 2 },	 { "DDR", 4 },	{ "QDR", 8 },  { "FDR10", 10 }, { "FDR", 13.64 },
		{ "EDR", 25 }, { "HDR", 50 }, { "NDR", 100 }, { "XDR", 200 },
	};

	for (size_t i = 0; i < ARRAY_LEN(speeds); i++) {
		if (starts(c, speeds[i].name))
			return speeds[i].gbit;
	}
	return 0;
}

/* "lid 13 4xNDR ..." to GB/s; 0 where the speed is not told ("4x???") */
static double take_speed(struct cursor c)
{
	for (skip_blanks(&c); c.s < c.end; skip_blanks(&c)) {
		uint32_t width;

		if (take_number(&c, &width) && take(&c, "x"))
			return width * lane_gbit(&c) / 8;
		while (c.s < c.end && *c.s != ' ' && *c.s != '\t')
			c.s++;
	}
	return 0;
}

/* "Switch<TAB>65 "S-..."<TAB><TAB># "desc" ..." */
static int parse_node(struct parser *p, struct cursor c)
{
	const char *id;
	size_t id_len;
	uint32_t n_ports;

	skip_blanks(&c);
	if (!take_number(&c, &n_ports) || !take_id(&c, &id, &id_len))
		return refuse(p, "a number of ports and a quoted name are expected here");
	p->node = node_of(p, &c, id, id_len);
	p->net->nodes[p->node].line = p->line;
	return 0;
}

static void link_adapter(struct ibnet_node *adapter, uint32_t peer, uint32_t port, double gbyte_s)
{
	if (adapter->peer != IBNET_NONE)
		return;
	adapter->peer = peer;
	adapter->peer_port = port;
	adapter->gbyte_s = gbyte_s;
}

static void link_nodes(struct ibnet *net, uint32_t near, uint32_t near_port, uint32_t far,
		       uint32_t far_port, double gbyte_s)
{
	struct ibnet_node *a = &net->nodes[near], *b = &net->nodes[far];

	if (a->kind == IBNET_ADAPTER)
		link_adapter(a, far, far_port, gbyte_s);
	if (b->kind == IBNET_ADAPTER)
		link_adapter(b, near, near_port, gbyte_s);
	if (a->kind != IBNET_SWITCH || b->kind != IBNET_SWITCH || near == far)
		return;
	ARRAY_GROW(net->links, net->n_links, net->cap_links);
	net->links[net->n_links++] = (struct ibnet_link){ near, far };
}

/* "[33]<TAB>"S-..."[7]<TAB><TAB># "desc" lid 0 4xNDR" */
static int parse_link(struct parser *p, struct cursor c)
{
	const char *id;
	size_t id_len;
	uint32_t near_port, far_port, far;

	if (p->node == IBNET_NONE)
		return refuse(p, "a port before the first switch or adapter");
	if (!take_port(&c, &near_port) || !take_id(&c, &id, &id_len) || !take_port(&c, &far_port))
		return refuse(p, "a port is written [1] \"S-GUID\"[2]");
	far = node_of(p, &c, id, id_len);
	link_nodes(p->net, p->node, near_port, far, far_port, take_speed(c));
	return 0;
}

/* What stands between nodes, or is a complaint of the tool's about the fabric. */
static bool is_passed_over(const struct cursor *c)
{
	static const char *const words[] = {
		"#",	    "vendid=",	"devid=",    "sysimgguid=", "switchguid=", "caguid=",
		"rtguid=",  "Chassis ", "Hostname:", "Non-Chassis", "ibwarn: ",	   "src/",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (starts(c, words[i]))
			return true;
	}
	return c->s == c->end;
}

static int parse_line(struct parser *p, struct cursor c)
{
	if (take(&c, "Switch") || take(&c, "Ca") || take(&c, "Rt"))
		return parse_node(p, c);
	if (starts(&c, "["))
		return parse_link(p, c);
	skip_blanks(&c);
	return is_passed_over(&c) ? 0 : refuse(p, "neither a switch, an adapter nor a port");
}

int ibnet_parse(struct ibnet *net, const struct survey_input *in, struct pl_error *err)
{
	struct parser p = { .net = net, .name = in->name, .node = IBNET_NONE, .err = err };
	const char *s = in->bytes, *end = in->bytes + in->len;

	strtable_init(&net->by_id);
	while (s < end) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		struct cursor c = { s, newline != NULL ? newline : end };

		p.line++;
		s = newline != NULL ? newline + 1 : end;
		while (c.end > c.s && c.end[-1] == '\r')
			c.end--;
		if (memchr(c.s, '\0', (size_t)(c.end - c.s)) != NULL)
			return refuse(&p, "a NUL byte");
		if (parse_line(&p, c) < 0)
			return -1;
	}
	p.line += p.line == 0;
	return net->n_nodes > 0 ? 0 : refuse(&p, "no switch and no adapter");
}

void ibnet_fini(struct ibnet *net)
{
	for (size_t i = 0; i < net->n_nodes; i++) {
		free(net->nodes[i].id);
		free(net->nodes[i].desc);
		free(net->nodes[i].name);
	}
	for (size_t i = 0; i < net->n_group_names; i++)
		free(net->group_names[i]);
	strtable_fini(&net->by_id);
	free(net->nodes);
	free(net->links);
	free(net->group_names);
}
