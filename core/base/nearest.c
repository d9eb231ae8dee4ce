/* nearest.c - see nearest.h */
#include "base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Longer words than this have no near name: no option or key is so long. */
#define NEAREST_MAX 63

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment distance; both words at most NEAREST_MAX long. */
static unsigned edit_distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned d[NEAREST_MAX + 1][NEAREST_MAX + 1];

	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		for (size_t j = 1; j <= m; j++) {
			unsigned swap = d[i - 1][j - 1] + !same(a[i - 1], b[j - 1]);

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, swap);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				d[i][j] = min3(d[i][j], d[i - 2][j - 2] + 1, d[i][j]);
		}
	}
	return d[n][m];
}

const char *nearest_name(const char *word, const char *const *names)
{
	const char *best = NULL;
	unsigned best_distance = NEAREST_MAX;
	size_t n = strlen(word);

	if (n > NEAREST_MAX)
		return NULL;
	for (; *names != NULL; names++) {
		size_t m = strlen(*names);
		size_t longer = n > m ? n : m;
		unsigned allowed = longer / 3 > 2 ? (unsigned)(longer / 3) : 2;
		unsigned distance;

		if (m > NEAREST_MAX)
			continue;
		distance = edit_distance(word, n, *names, m);
		if (distance <= allowed && distance < longer && distance < best_distance) {
			best_distance = distance;
			best = *names;
		}
	}
	return best;
}

const char *nearest_hint(const char *word, const char *const *names, char *buf, size_t size)
{
	const char *name = nearest_name(word, names);

	if (size > 0)
		buf[0] = '\0';
	if (name != NULL)
		snprintf(buf, size, " (did you mean '%s'?)", name);
	return buf;
}
