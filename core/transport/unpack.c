/* unpack.c - see unpack.h */
#include "transport/unpack.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "transport/tarhead.h"

#define FIELDS_MAX (1024 * 1024) /* of long names and pax fields of one entry */

enum unpack_state {
	UNPACK_HEAD,	/* a block is being collected */
	UNPACK_FIELDS,	/* data that describes the next entry */
	UNPACK_FILE,
	UNPACK_PASS,	/* data that nobody wants, and padding */
};

struct unpack {
	struct tree *tree;
	bool with_times;
	enum unpack_state state;
	char block[TAR_BLOCK];
	size_t in_block;
	struct tar_entry entry;
	struct tar_names names;
	char fields_type;
	struct strbuf fields;
	char *path, *link; /* of the next entry, when fields told them */
	int64_t size;	   /* likewise; -1 */
	uint64_t left;	   /* of the data; while passing, padding included */
	char *left_out;
	size_t n_left_out;
};

struct unpack *unpack_create(struct tree *tree, bool with_times)
{
	struct unpack *u = xcalloc(1, sizeof(*u));

	u->tree = tree;
	u->with_times = with_times;
	u->size = -1;
	return u;
}

void unpack_destroy(struct unpack *u)
{
	if (u == NULL)
		return;
	tree_destroy(u->tree);
	strbuf_fini(&u->fields);
	free(u->path);
	free(u->link);
	free(u->left_out);
	free(u);
}

bool unpack_is_whole(const struct unpack *u)
{
	return u->state == UNPACK_HEAD && u->in_block == 0;
}

size_t unpack_left_out(const struct unpack *u, const char **first)
{
	*first = u->left_out;
	return u->n_left_out;
}

/* ---- fields of the next entry ---- */

static void set_text(char **to, const char *bytes, size_t len)
{
	free(*to);
	*to = xstrndup(bytes, strnlen(bytes, len));
}

static void take_field(struct unpack *u, const char *key, size_t key_len, const char *value,
		       size_t len)
{
	if (key_len == 4 && memcmp(key, "path", 4) == 0)
		set_text(&u->path, value, len);
	else if (key_len == 8 && memcmp(key, "linkpath", 8) == 0)
		set_text(&u->link, value, len);
	else if (key_len == 4 && memcmp(key, "size", 4) == 0)
		u->size = strtoll(value, NULL, 10) & INT64_MAX;
}

/* Records "LENGTH KEY=VALUE\n". The fields end with a NUL that is none of theirs. */
static int take_pax(struct unpack *u, struct pl_error *err)
{
	const char *p = strbuf_str(&u->fields), *end = p + u->fields.len;

	while (p < end) {
		char *key;
		unsigned long len = strtoul(p, &key, 10);
		const char *equals;

		/* strtoul passes over blanks, newlines even: the key could lie beyond the record */
		if (len < 5 || len > (unsigned long)(end - p) || *key != ' ' ||
		    key + 1 >= p + len || p[len - 1] != '\n')
			return pl_errorf(err, PL_ESYS, "the host sent a malformed archive");
		key++;
		equals = memchr(key, '=', (size_t)(p + len - key));
		if (equals != NULL)
			take_field(u, key, (size_t)(equals - key), equals + 1,
				   (size_t)(p + len - 1 - (equals + 1)));
		p += len;
	}
	return 0;
}

static int take_fields(struct unpack *u, struct pl_error *err)
{
	int rc = 0;

	if (u->fields_type == TAR_LONG_NAME)
		set_text(&u->path, strbuf_str(&u->fields), u->fields.len);
	else if (u->fields_type == TAR_LONG_LINK)
		set_text(&u->link, strbuf_str(&u->fields), u->fields.len);
	else if (u->fields_type == TAR_PAX)
		rc = take_pax(u, err);
	return rc;
}

/* ---- entries ---- */

static void forget_fields(struct unpack *u)
{
	free(u->path);
	free(u->link);
	u->path = u->link = NULL;
	u->size = -1;
}

static void pass(struct unpack *u, uint64_t bytes)
{
	u->left = bytes;
	u->state = bytes > 0 ? UNPACK_PASS : UNPACK_HEAD;
}

static int end_file(struct unpack *u, struct pl_error *err)
{
	pass(u, tar_padding(u->entry.size));
	return tree_file_end(u->tree, u->entry.mode, u->with_times ? u->entry.mtime : -1, err);
}

static int begin_file(struct unpack *u, const char *path, struct pl_error *err)
{
	if (tree_file_begin(u->tree, path, err) != 0)
		return -1;
	u->left = u->entry.size;
	u->state = UNPACK_FILE;
	return u->left == 0 ? end_file(u, err) : 0;
}

static void leave_out(struct unpack *u, const char *path)
{
	if (u->n_left_out++ == 0)
		u->left_out = xstrdup(shown_name(path));
}

static int begin_fields(struct unpack *u, struct pl_error *err)
{
	if (u->entry.size > FIELDS_MAX)
		return pl_errorf(err, PL_ESYS, "the host sent a name of %llu bytes: refused",
				 (unsigned long long)u->entry.size);
	u->fields_type = u->entry.type;
	strbuf_reset(&u->fields);
	u->left = u->entry.size;
	u->state = u->left > 0 ? UNPACK_FIELDS : UNPACK_HEAD;
	return 0;
}

/* A head that is no fields: makes what it names. */
static int begin_entry(struct unpack *u, struct pl_error *err)
{
	const char *path = u->path != NULL ? u->path : u->entry.path;
	const char *link = u->link != NULL ? u->link : u->entry.link;

	if (u->size >= 0)
		u->entry.size = (uint64_t)u->size;
	if (u->entry.type == TAR_FILE && *path != '\0' && path[strlen(path) - 1] != '/')
		return begin_file(u, path, err);
	pass(u, u->entry.type == TAR_HARDLINK ? 0 : u->entry.size + tar_padding(u->entry.size));
	switch (u->entry.type) {
	case TAR_FILE: /* of the oldest archives: a folder */
	case TAR_FOLDER:
		return tree_folder(u->tree, path, u->entry.mode, err);
	case TAR_SYMLINK:
		return tree_symlink(u->tree, path, link, err);
	case TAR_HARDLINK:
		return tree_hardlink(u->tree, path, link, err);
	}
	leave_out(u, path);
	return 0;
}

static int take_head(struct unpack *u, struct pl_error *err)
{
	int rc;

	u->in_block = 0;
	if (tar_block_is_empty(u->block))
		return 0;
	if (!tar_head_read(u->block, &u->entry, &u->names) || u->entry.size > INT64_MAX / 2)
		return pl_errorf(err, PL_ESYS, "the host sent a malformed archive");
	switch (u->entry.type) {
	case TAR_LONG_NAME:
	case TAR_LONG_LINK:
	case TAR_PAX:
	case TAR_PAX_ALL:
		return begin_fields(u, err);
	}
	rc = begin_entry(u, err);
	forget_fields(u);
	return rc;
}

/* ---- bytes ---- */

static int take_some(struct unpack *u, const char *bytes, size_t len, struct pl_error *err)
{
	switch (u->state) {
	case UNPACK_HEAD:
		memcpy(u->block + u->in_block, bytes, len);
		u->in_block += len;
		return u->in_block == TAR_BLOCK ? take_head(u, err) : 0;
	case UNPACK_FIELDS:
		strbuf_add(&u->fields, bytes, len);
		u->left -= len;
		if (u->left > 0)
			return 0;
		pass(u, tar_padding(u->entry.size));
		return take_fields(u, err);
	case UNPACK_FILE:
		u->left -= len;
		if (tree_file_write(u->tree, bytes, len, err) != 0)
			return -1;
		return u->left == 0 ? end_file(u, err) : 0;
	case UNPACK_PASS:
		pass(u, u->left - len);
		return 0;
	}
	return 0;
}

int unpack_add(struct unpack *u, const char *bytes, size_t len, struct pl_error *err)
{
	while (len > 0) {
		uint64_t room = u->state == UNPACK_HEAD ? TAR_BLOCK - u->in_block : u->left;
		size_t n = len < room ? len : (size_t)room;

		if (take_some(u, bytes, n, err) != 0)
			return -1;
		bytes += n;
		len -= n;
	}
	return 0;
}
