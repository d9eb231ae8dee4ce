/* importjson.c - see importjson.h */
#include "survey/importjson.h"

#include <string.h>

json_t *importjson_load(const struct survey_input *in, struct pl_error *err)
{
	json_error_t why;
	json_t *root = json_loadb(in->bytes, in->len, 0, &why);

	if (root == NULL)
		pl_errorf(err, PL_EUSAGE, "%s:%d: this is no JSON: %s", in->name,
			  why.line > 0 ? why.line : 1, why.text);
	return root;
}

/* ---- one element after the other ---- */

struct reader {
	const struct survey_input *in;
	size_t at;
	struct pl_error *err;
};

static char next_byte(struct reader *r)
{
	while (r->at < r->in->len && memchr(" \t\r\n", r->in->bytes[r->at], 4) != NULL)
		r->at++;
	return r->at < r->in->len ? r->in->bytes[r->at] : '\0';
}

static int refuse(const struct reader *r, int line_from_here, const char *why)
{
	int line = 1;

	for (size_t i = 0; i < r->at && i < r->in->len; i++)
		line += r->in->bytes[i] == '\n';
	return pl_errorf(r->err, PL_EUSAGE, "%s:%d: this is no JSON: %s", r->in->name,
			 line + (line_from_here > 0 ? line_from_here - 1 : 0), why);
}

/* The value that begins here, whatever follows it; NULL: refused. */
static json_t *read_value(struct reader *r)
{
	json_error_t why;
	json_t *value;

	next_byte(r);
	value = json_loadb(r->in->bytes + r->at, r->in->len - r->at,
			   JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &why);
	if (value == NULL)
		return refuse(r, why.line, why.text), NULL;
	r->at += (size_t)why.position;
	return value;
}

/* What stands between values: `end`, or a comma before another one. 1: the end; -1: neither. */
static int read_separator(struct reader *r, char end)
{
	char c = next_byte(r);

	if (c != end && c != ',')
		return refuse(r, 0, end == ']' ? "',' or ']' expected" : "',' or '}' expected");
	r->at++;
	return c == end;
}

struct each {
	importjson_take_f *take;
	void *arg;
	size_t n;
};

static int read_list(struct reader *r, struct each *each)
{
	int rc;

	r->at++;
	if (next_byte(r) == ']')
		return r->at++, 0;
	do {
		json_t *element = read_value(r);

		if (element == NULL)
			return -1;
		rc = each->take(each->arg, element, each->n++);
		json_decref(element);
		if (rc != 0)
			return rc;
		rc = read_separator(r, ']');
	} while (rc == 0);
	return rc < 0 ? -1 : 0;
}

/* One "key": value; the list is gone through, all else is read and forgotten. */
static int read_member(struct reader *r, const char *key, struct each *each, bool *found)
{
	json_t *name = next_byte(r) == '"' ? read_value(r) : NULL, *value;
	bool is_key = name != NULL && strcmp(json_string_value(name), key) == 0;

	if (name == NULL)
		return refuse(r, 0, "a key in quotes is expected");
	json_decref(name);
	if (next_byte(r) != ':')
		return refuse(r, 0, "':' expected");
	r->at++;
	if (is_key && next_byte(r) == '[') {
		*found = true;
		return read_list(r, each);
	}
	value = read_value(r);
	json_decref(value);
	return value != NULL ? 0 : -1;
}

static int read_members(struct reader *r, const char *key, struct each *each, bool *found)
{
	int rc;

	if (next_byte(r) != '{')
		return refuse(r, 0, "an object is expected");
	r->at++;
	if (next_byte(r) == '}')
		return r->at++, 0;
	do {
		rc = read_member(r, key, each, found);
		if (rc != 0)
			return rc;
		rc = read_separator(r, '}');
	} while (rc == 0);
	return rc < 0 ? -1 : 0;
}

int importjson_each(const struct survey_input *in, const char *key, importjson_take_f *take,
		    void *arg, size_t *n, struct pl_error *err)
{
	struct reader r = { .in = in, .err = err };
	struct each each = { take, arg, 0 };
	bool found = false;
	json_t *root;
	int rc = read_members(&r, key, &each, &found);

	if (rc == 0 && next_byte(&r) != '\0')
		rc = refuse(&r, 0, "something follows the end of the document");
	*n = each.n;
	if (rc != 0 || found)
		return rc;
	root = importjson_load(in, err);
	*n = 1;
	rc = root != NULL ? take(arg, root, 0) : -1;
	json_decref(root);
	return rc;
}

/* ---- parts ---- */

const char *importjson_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

const json_t *importjson_list(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_array(value) ? value : NULL;
}

const json_t *importjson_object(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_object(value) ? value : NULL;
}
