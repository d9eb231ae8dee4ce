/* pattern.c - see pattern.h */
#include "ssh/pattern.h"

#include <string.h>

bool pattern_match(const char *pattern, size_t len, const char *text)
{
	const char *end = pattern + len;
	const char *star = NULL; /* behind the last `*` met, and how far it has reached */
	const char *reached = NULL;

	while (*text != '\0') {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			reached = text;
		} else if (pattern < end && (*pattern == '?' || *pattern == *text)) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++reached;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

enum pattern_answer pattern_list_match(const char *list, const char *text)
{
	enum pattern_answer answer = PATTERN_NO;

	while (*list != '\0') {
		size_t len = strcspn(list, ",");
		bool negated = *list == '!';

		if (pattern_match(list + negated, len - negated, text)) {
			if (negated)
				return PATTERN_NEGATED;
			answer = PATTERN_YES;
		}
		list += len + (list[len] == ',');
	}
	return answer;
}

bool pattern_is_wild(const char *list, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr("*?!", list[i]) != NULL)
			return true;
	}
	return false;
}
