/* hostlist_order.c - the natural order of names: digits compare as numbers */
#include "set/hostlist.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits_of(const char *s)
{
	size_t n = 0;

	while (is_digit(s[n]))
		n++;
	return n;
}

/* Compares the numbers at *a and *b by value and steps past both; *zeros tells which of two equal
 * ones is written with more zeros. */
static int compare_numbers(const char **a, const char **b, int *zeros)
{
	size_t zeros_a = strspn(*a, "0"), zeros_b = strspn(*b, "0");
	const char *from_a = *a + zeros_a, *from_b = *b + zeros_b;
	size_t len_a = digits_of(from_a), len_b = digits_of(from_b);

	*a = from_a + len_a;
	*b = from_b + len_b;
	/* "0" and "00" are all zeros: the same rule holds */
	*zeros = (zeros_a > zeros_b) - (zeros_a < zeros_b);
	if (len_a != len_b)
		return len_a < len_b ? -1 : 1;
	return memcmp(from_a, from_b, len_a);
}

int pl_hostlist_compare_names(const char *a, const char *b)
{
	int tie = 0;

	while (*a != '\0' && *b != '\0') {
		if (is_digit(*a) && is_digit(*b)) {
			int zeros;
			int diff = compare_numbers(&a, &b, &zeros);

			if (diff != 0)
				return diff;
			if (tie == 0)
				tie = zeros;
		} else if (*a != *b) {
			return (unsigned char)*a - (unsigned char)*b;
		} else {
			a++;
			b++;
		}
	}
	if (*a != *b)
		return *a != '\0' ? 1 : -1;
	return tie;
}
