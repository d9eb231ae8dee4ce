/* importers.c - see importers.h: what importers ask of bytes */
#include "survey/importers.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_BYTES 253 /* of a host name: RFC 1035, section 2.3.4 */

bool import_is_name(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_BYTES || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isgraph((unsigned char)name[i]) || strchr(",[]{}", name[i]) != NULL)
			return false;
	}
	return true;
}

bool import_mentions(const char *bytes, size_t len, const char *word)
{
	return len > 0 && memmem(bytes, len, word, strlen(word)) != NULL;
}

char import_first(const char *bytes, size_t len)
{
	size_t i = len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (i < len && isspace((unsigned char)bytes[i]))
		i++;
	return i < len ? bytes[i] : '\0';
}
