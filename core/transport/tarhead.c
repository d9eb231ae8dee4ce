/* tarhead.c - see tarhead.h */
#include "transport/tarhead.h"

#include <stdio.h>
#include <string.h>

/* Offsets and lengths of the fields of a block. */
enum {
	NAME = 0, NAME_LEN = 100,
	MODE = 100, UID = 108, GID = 116, ID_LEN = 8,
	SIZE = 124, MTIME = 136, NUMBER_LEN = 12,
	CHECKSUM = 148, CHECKSUM_LEN = 8,
	TYPE = 156,
	LINK = 157, LINK_LEN = 100,
	MAGIC = 257,
	PREFIX = 345, PREFIX_LEN = 155,
};

static const char zeros[TAR_BLOCK];

/* ---- writing ---- */

/* Octal with a NUL, or, when that has no room, GNU's form: a set bit and big-endian bytes. */
static void put_number(char *field, size_t len, uint64_t n)
{
	char text[32];

	if (n >> (3 * (len - 1)) == 0) {
		snprintf(text, sizeof(text), "%0*llo", (int)len - 1, (unsigned long long)n);
		memcpy(field, text, len);
		return;
	}
	for (size_t i = len; i-- > 1; n >>= 8)
		field[i] = (char)(n & 0xff);
	field[0] = (char)0x80;
}

static unsigned checksum(const char *block)
{
	unsigned sum = CHECKSUM_LEN * ' ';

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		if (i < CHECKSUM || i >= CHECKSUM + CHECKSUM_LEN)
			sum += (unsigned char)block[i];
	}
	return sum;
}

static void put_block(struct strbuf *out, const struct tar_entry *e)
{
	char block[TAR_BLOCK] = { 0 };

	memcpy(block + NAME, e->path, strnlen(e->path, NAME_LEN));
	put_number(block + MODE, ID_LEN, e->mode);
	put_number(block + UID, ID_LEN, 0);
	put_number(block + GID, ID_LEN, 0);
	put_number(block + SIZE, NUMBER_LEN, e->size);
	put_number(block + MTIME, NUMBER_LEN, e->mtime > 0 ? (uint64_t)e->mtime : 0);
	block[TYPE] = e->type;
	memcpy(block + LINK, e->link, strnlen(e->link, LINK_LEN));
	memcpy(block + MAGIC, "ustar  ", 8); /* GNU's: no prefix is meant */
	snprintf(block + CHECKSUM, CHECKSUM_LEN, "%06o", checksum(block));
	block[CHECKSUM + CHECKSUM_LEN - 1] = ' ';
	strbuf_add(out, block, sizeof(block));
}

static void put_long(struct strbuf *out, char type, const char *text)
{
	size_t len = strlen(text) + 1;
	struct tar_entry e = { .type = type, .size = len, .path = "././@LongLink", .link = "" };

	put_block(out, &e);
	strbuf_add(out, text, len);
	strbuf_add(out, zeros, tar_padding(len));
}

void tar_head_write(struct strbuf *out, const struct tar_entry *e)
{
	if (strlen(e->link) > LINK_LEN)
		put_long(out, TAR_LONG_LINK, e->link);
	if (strlen(e->path) > NAME_LEN)
		put_long(out, TAR_LONG_NAME, e->path);
	put_block(out, e);
}

static size_t long_length(const char *text, size_t room)
{
	size_t len = strlen(text);

	return len > room ? TAR_BLOCK + len + 1 + tar_padding(len + 1) : 0;
}

size_t tar_head_length(const struct tar_entry *e)
{
	return TAR_BLOCK + long_length(e->link, LINK_LEN) + long_length(e->path, NAME_LEN);
}

/* ---- reading ---- */

static uint64_t get_number(const char *field, size_t len)
{
	const unsigned char *p = (const unsigned char *)field;
	uint64_t n = 0;

	if ((p[0] & 0x80) != 0) {
		for (size_t i = len - 8; i < len; i++)
			n = n << 8 | p[i];
		return n;
	}
	for (size_t i = 0; i < len && p[i] != '\0'; i++) {
		if (p[i] >= '0' && p[i] <= '7')
			n = n << 3 | (uint64_t)(p[i] - '0');
	}
	return n;
}

static void get_path(const char *block, char *path)
{
	bool posix = memcmp(block + MAGIC, "ustar", 6) == 0;

	if (posix && block[PREFIX] != '\0')
		path += sprintf(path, "%.*s/", PREFIX_LEN, block + PREFIX);
	sprintf(path, "%.*s", NAME_LEN, block + NAME);
}

bool tar_head_read(const char *block, struct tar_entry *e, struct tar_names *names)
{
	if (get_number(block + CHECKSUM, CHECKSUM_LEN) != checksum(block))
		return false;
	get_path(block, names->path);
	sprintf(names->link, "%.*s", LINK_LEN, block + LINK);
	*e = (struct tar_entry){
		.type = block[TYPE] == '\0' || block[TYPE] == '7' ? TAR_FILE : block[TYPE],
		.mode = (unsigned)get_number(block + MODE, ID_LEN) & 0777,
		.size = get_number(block + SIZE, NUMBER_LEN),
		.mtime = (int64_t)get_number(block + MTIME, NUMBER_LEN),
		.path = names->path,
		.link = names->link,
	};
	return true;
}

bool tar_block_is_empty(const char *block)
{
	return memcmp(block, zeros, TAR_BLOCK) == 0;
}
