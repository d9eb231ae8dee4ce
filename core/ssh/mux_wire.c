/* mux_wire.c - see mux_wire.h */
#include "ssh/mux_wire.h"

#include <string.h>

int mux_frame(const void *bytes, size_t len, struct field_reader *frame)
{
	struct field_reader r = { bytes, len, false };
	uint32_t size = field_take_u32(&r);

	if (r.bad)
		return 0;
	if (size > MUX_FRAME_MAX)
		return -1;
	if (r.left < size)
		return 0;
	*frame = (struct field_reader){ r.p, size, false };
	return (int)size + 4;
}

size_t mux_begin(struct strbuf *out)
{
	size_t begun = out->len;

	field_add_u32(out, 0);
	return begun;
}

void mux_end(struct strbuf *out, size_t begun)
{
	uint32_t size = (uint32_t)(out->len - begun - 4);

	for (int i = 0; i < 4; i++)
		out->s[begun + (size_t)i] = (char)(size >> (24 - 8 * i));
}

size_t mux_begin_packet(struct strbuf *out, enum mux_type type)
{
	size_t begun = mux_begin(out);

	strbuf_addc(out, 0);
	strbuf_addc(out, (char)type);
	return begun;
}

void mux_put_name(struct strbuf *out, const char *name)
{
	field_add_string(out, name, strlen(name));
}

void mux_put_bool(struct strbuf *out, bool value)
{
	strbuf_addc(out, value ? 1 : 0);
}
