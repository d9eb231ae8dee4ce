/* utf8.c - see utf8.h */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of a sequence by its first one, and the range of its second (RFC 3629, section 4). */
static size_t first_byte(unsigned char c, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef) {
		*low = c == 0xe0 ? 0xa0 : 0x80;
		*high = c == 0xed ? 0x9f : 0xbf;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*low = c == 0xf0 ? 0x90 : 0x80;
		*high = c == 0xf4 ? 0x8f : 0xbf;
		return 4;
	}
	return 0;
}

size_t utf8_length(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char low, high;
	size_t n;

	if (len == 0)
		return 0;
	n = first_byte(p[0], &low, &high);
	if (n == 0 || n > len)
		return 0;
	if (n > 1 && (p[1] < low || p[1] > high))
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

bool utf8_valid(const char *s, size_t len)
{
	while (len > 0) {
		uint64_t eight;
		size_t n = 8;

		if (len >= 8 && (memcpy(&eight, s, 8), (eight & 0x8080808080808080u) == 0))
			n = 8;
		else
			n = utf8_length(s, len);
		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}
