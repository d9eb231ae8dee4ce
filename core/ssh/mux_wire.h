/*
 * mux_wire.h - packets on the control socket of the system's ssh. Pure: bytes in, bytes out.
 *
 * Each is "uint32 length, bytes"; the bytes are a control message of OpenSSH's PROTOCOL.mux
 * ("uint32 type, ..."), or in its proxy mode a packet of SSH's connection protocol ("byte 0,
 * byte type, ...", RFC 4254). Integers are big-endian, strings "uint32 length, bytes".
 */
#ifndef PL_SSH_MUX_WIRE_H
#define PL_SSH_MUX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "ssh/fields.h"

/* OpenSSH takes no longer ones on its control socket, nor sends them. */
#define MUX_FRAME_MAX (256 * 1024)

/* PROTOCOL.mux */
#define MUX_HELLO 1u
#define MUX_VERSION 4u
#define MUX_C_PROXY 0x1000000fu
#define MUX_S_PROXY 0x8000000fu

/* RFC 4254, section 9 */
enum mux_type {
	MUX_CHANNEL_OPEN = 90,
	MUX_CHANNEL_OPEN_CONFIRMATION,
	MUX_CHANNEL_OPEN_FAILURE,
	MUX_CHANNEL_WINDOW_ADJUST,
	MUX_CHANNEL_DATA,
	MUX_CHANNEL_EXTENDED_DATA,
	MUX_CHANNEL_EOF,
	MUX_CHANNEL_CLOSE,
	MUX_CHANNEL_REQUEST,
	MUX_CHANNEL_SUCCESS,
	MUX_CHANNEL_FAILURE,
};

/* Takes one frame off the front of `bytes`: how many bytes it was with its length, 0 when it is not
 * whole yet, -1 when it is longer than MUX_FRAME_MAX. */
int mux_frame(const void *bytes, size_t len, struct field_reader *frame);

/* Appends a frame: begin returns what end wants. */
size_t mux_begin(struct strbuf *out);
void mux_end(struct strbuf *out, size_t begun);

size_t mux_begin_packet(struct strbuf *out, enum mux_type type); /* of the connection protocol */

/* A string field of a text, and a boolean; the other fields are those of fields.h. */
void mux_put_name(struct strbuf *out, const char *name);
void mux_put_bool(struct strbuf *out, bool value);

#endif
