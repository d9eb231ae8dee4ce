/* mux_wire.c - see mux_wire.h */
#include "ssh/mux_wire.h"

#include <string.h>

static uint32_t peek_u32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void poke_u32(char *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(value >> (24 - 8 * i));
}

/* ---- reading ---- */

int mux_frame(const void *bytes, size_t len, struct mux_reader *frame)
{
	const unsigned char *p = bytes;
	uint32_t size;

	if (len < 4)
		return 0;
	size = peek_u32(p);
	if (size > MUX_FRAME_MAX)
		return -1;
	if (len - 4 < size)
		return 0;
	*frame = (struct mux_reader){ p + 4, size, false };
	return (int)size + 4;
}

/* `n` bytes of it, NULL when there are fewer. */
static const unsigned char *take(struct mux_reader *r, size_t n)
{
	const unsigned char *p = r->at;

	if (r->bad || r->left < n) {
		r->bad = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return p;
}

unsigned char mux_get_byte(struct mux_reader *r)
{
	const unsigned char *p = take(r, 1);

	return p != NULL ? *p : 0;
}

uint32_t mux_get_u32(struct mux_reader *r)
{
	const unsigned char *p = take(r, 4);

	return p != NULL ? peek_u32(p) : 0;
}

const void *mux_get_string(struct mux_reader *r, size_t *len)
{
	uint32_t size = mux_get_u32(r);
	const unsigned char *p = take(r, size);

	*len = p != NULL ? size : 0;
	return p != NULL ? (const void *)p : "";
}

/* ---- writing ---- */

size_t mux_begin(struct strbuf *out)
{
	size_t begun = out->len;

	mux_put_u32(out, 0);
	return begun;
}

void mux_end(struct strbuf *out, size_t begun)
{
	poke_u32(out->s + begun, (uint32_t)(out->len - begun - 4));
}

size_t mux_begin_packet(struct strbuf *out, enum mux_type type)
{
	size_t begun = mux_begin(out);

	strbuf_addc(out, 0);
	strbuf_addc(out, (char)type);
	return begun;
}

void mux_put_u32(struct strbuf *out, uint32_t value)
{
	char bytes[4];

	poke_u32(bytes, value);
	strbuf_add(out, bytes, sizeof(bytes));
}

void mux_put_string(struct strbuf *out, const void *bytes, size_t len)
{
	mux_put_u32(out, (uint32_t)len);
	strbuf_add(out, bytes, len);
}

void mux_put_name(struct strbuf *out, const char *name)
{
	mux_put_string(out, name, strlen(name));
}

void mux_put_bool(struct strbuf *out, bool value)
{
	strbuf_addc(out, value ? 1 : 0);
}
