/* importyaml.c - see importyaml.h */
#include "survey/importyaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

#define MAX_DEPTH 64

struct reading {
	yaml_parser_t parser;
	const char *name;
	struct pl_error *err;
};

static int refuse(struct reading *r, size_t line, const char *why)
{
	return pl_errorf(r->err, PL_EUSAGE, "%s:%zu: %s", r->name, line + 1, why);
}

static int next_event(struct reading *r, yaml_event_t *event)
{
	const char *why;

	if (yaml_parser_parse(&r->parser, event))
		return 0;
	why = r->parser.problem != NULL ? r->parser.problem : "it ends too early";
	return pl_errorf(r->err, PL_EUSAGE, "%s:%zu: this is no YAML: %s", r->name,
			 r->parser.problem_mark.line + 1, why);
}

static int read_node(struct reading *r, yaml_event_t *event, int depth, struct importyaml *node);

/* The children of a list or map, up to the event that ends it. */
static int read_items(struct reading *r, yaml_event_type_t last, int depth,
		      struct importyaml *node)
{
	yaml_event_t event;

	for (;;) {
		struct importyaml *item;
		int rc;

		if (next_event(r, &event) < 0)
			return -1;
		if (event.type == last) {
			yaml_event_delete(&event);
			return 0;
		}
		ARRAY_GROW(node->items, node->n_items, node->cap_items);
		item = &node->items[node->n_items++];
		*item = (struct importyaml){ 0 };
		rc = read_node(r, &event, depth, item);
		yaml_event_delete(&event);
		if (rc < 0)
			return -1;
	}
}

static int read_text(struct reading *r, const yaml_event_t *event, struct importyaml *node)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (memchr(text, '\0', len) != NULL)
		return refuse(r, event->start_mark.line, "a NUL in a text");
	node->kind = IMPORTYAML_TEXT;
	node->text = xstrndup(text, len);
	return 0;
}

/* libyaml gives the anchor of each kind of node in a place of its own. */
static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static int read_node(struct reading *r, yaml_event_t *event, int depth, struct importyaml *node)
{
	node->line = event->start_mark.line + 1;
	if (event->type == YAML_ALIAS_EVENT || anchor_of(event) != NULL)
		return refuse(r, event->start_mark.line,
			      "anchors and aliases are not taken: write out what they stand for");
	if (depth >= MAX_DEPTH)
		return refuse(r, event->start_mark.line, "nested too deep");
	if (event->type == YAML_SCALAR_EVENT)
		return read_text(r, event, node);
	node->kind = event->type == YAML_MAPPING_START_EVENT ? IMPORTYAML_MAP : IMPORTYAML_LIST;
	return read_items(r,
			  node->kind == IMPORTYAML_MAP ? YAML_MAPPING_END_EVENT
						       : YAML_SEQUENCE_END_EVENT,
			  depth + 1, node);
}

/* Stream and document begin, then one node; what follows it must be the end of the stream. */
static int read_document(struct reading *r, struct importyaml *root)
{
	yaml_event_t event;
	yaml_event_type_t type = YAML_NO_EVENT;
	bool seen = false;
	int rc = 0;

	while (rc == 0 && type != YAML_STREAM_END_EVENT) {
		if (next_event(r, &event) < 0)
			return -1;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT && seen)
			rc = refuse(r, event.start_mark.line, "a second document begins here");
		else if (type == YAML_ALIAS_EVENT || type == YAML_SCALAR_EVENT ||
			 type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT) {
			seen = true;
			rc = read_node(r, &event, 0, root);
		}
		yaml_event_delete(&event);
	}
	return rc < 0 || seen ? rc : refuse(r, 0, "there is nothing in it");
}

struct importyaml *importyaml_load(const struct survey_input *in, struct pl_error *err)
{
	struct reading r = { .name = in->name, .err = err };
	struct importyaml *root = xcalloc(1, sizeof(*root));

	if (!yaml_parser_initialize(&r.parser))
		abort(); /* out of memory, which mem.h ends on, too */
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)in->bytes, in->len);
	if (read_document(&r, root) < 0) {
		importyaml_destroy(root);
		root = NULL;
	}
	yaml_parser_delete(&r.parser);
	return root;
}

static void fini(struct importyaml *node)
{
	for (size_t i = 0; i < node->n_items; i++)
		fini(&node->items[i]);
	free(node->items);
	free(node->text);
}

void importyaml_destroy(struct importyaml *root)
{
	if (root == NULL)
		return;
	fini(root);
	free(root);
}

const struct importyaml *importyaml_get(const struct importyaml *map, const char *key)
{
	if (map == NULL || map->kind != IMPORTYAML_MAP)
		return NULL;
	for (size_t i = 0; i + 1 < map->n_items; i += 2) {
		if (map->items[i].kind == IMPORTYAML_TEXT && strcmp(map->items[i].text, key) == 0)
			return &map->items[i + 1];
	}
	return NULL;
}

const char *importyaml_text(const struct importyaml *map, const char *key)
{
	const struct importyaml *value = importyaml_get(map, key);

	return value != NULL && value->kind == IMPORTYAML_TEXT ? value->text : NULL;
}
