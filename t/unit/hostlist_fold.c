/* hostlist_fold.c - tests of folding and of the natural order */
#include "unit.h"

#include "base/mem.h"
#include "base/strbuf.h"
#include "set/hostlist.h"

static void assert_folds(const char *text, const char *folded)
{
	struct pl_error err = { 0 };
	struct pl_hostlist *h = pl_hostlist_parse(text, NULL, &err);
	char *got;

	if (h == NULL)
		fail_msg("'%s': %s", text, err.text);
	got = pl_hostlist_fold(h);
	if (strcmp(got, folded) != 0)
		fail_msg("'%s' folds to '%s', not '%s'", text, got, folded);
	free(got);
	pl_hostlist_destroy(h);
}

static void sets_fold_to_sorted_short_text(void **state)
{
	static const struct {
		const char *text, *folded;
	} cases[] = {
		{ "a", "a" },
		{ "b,a", "a,b" },
		{ "n3,n1,n2", "n[1-3]" },
		{ "n1,n3", "n[1,3]" },
		{ "n7", "n7" },
		{ "n007", "n007" },
		{ "n10,n9", "n[9-10]" },
		{ "n10,n09", "n[09-10]" },
		{ "n10,n009", "n[009,10]" },
		{ "n[001-128],x", "n[001-128],x" },
		{ "node[1,01]", "node[1,01]" },
		{ "n[0-10],n[00-10]", "n[0-9,00-10]" },
		{ "n0,n00,n000", "n[0,00,000]" },
		{ "n[8-11],n[098-102]", "n[8-11,098-102]" },
		{ "[1-10]", "[1-10]" },
		{ "5n[1-2]", "5n[1-2]" },
		{ "1-1,1-2", "1-[1-2]" },
		{ "r[1-144]t[01-18]", "r[1-144]t[01-18]" },
		{ "r[1-8]t[01-18]-ib0", "r[1-8]t[01-18]-ib0" },
		{ "r1t1,r2t2", "r1t1,r2t2" },
		{ "r[1-10]t[1-18]!r5t3", "r[1-4,6-10]t[1-18],r5t[1-2,4-18]" },
		{ "a[1-2]b[1-2]c[1-2]", "a[1-2]b[1-2]c[1-2]" },
		{ "a[1-2]b[1-2]c[1-2],a3b1c1", "a[1-2]b[1-2]c[1-2],a3b1c1" },
		{ "n20,n3,m1,n3x", "m1,n[3,20],n3x" },
		{ "x99999999999999999999,x1", "x1,x99999999999999999999" },
		{ "x12345678901234567,x12345678901234568", "x[12345678901234567-12345678901234568]" },
		{ "x123456789012345678,x123456789012345679",
		  "x123456789012345678,x123456789012345679" },
		{ "1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9,1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.8",
		  "1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.8,1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_folds(cases[i].text, cases[i].folded);
}

/* Folding the other axis first gives three pieces in each of these. */
static void the_order_of_axes_with_fewest_pieces_is_taken(void **state)
{
	(void)state;
	assert_folds("r[1-2]t1,r[2-3]t2", "r[1-2]t1,r[2-3]t2");
	assert_folds("r1t[1-2],r2t[2-3]", "r1t[1-2],r2t[2-3]");
	assert_folds("a1r[1-2]t1,a1r[2-3]t2", "a1r[1-2]t1,a1r[2-3]t2");
}

static uint64_t xorshift(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	return *s ^= *s << 17;
}

/* Adds a name of 0 to 3 numbers, padded or not, from a small space so that boxes form. */
static void add_random(struct pl_hostlist *h, uint64_t *seed)
{
	uint64_t r = xorshift(seed);
	int pad = (int)(r >> 8 & 1) * 2, other_pad = (int)(r >> 9 & 1) * 3;
	int a = (int)(r >> 16 & 0xff) % 12, b = (int)(r >> 24 & 0xff) % 5;
	int c = (int)(r >> 32 & 0xff) % 3;
	char name[64];

	switch (r & 3) {
	case 0:
		snprintf(name, sizeof(name), "lone%c", 'a' + a);
		break;
	case 1:
		snprintf(name, sizeof(name), "n%0*d", pad, a);
		break;
	case 2:
		snprintf(name, sizeof(name), "r%0*dt%0*d", pad, a, other_pad, b);
		break;
	default:
		snprintf(name, sizeof(name), "a%0*d-%d.%0*d", pad, a, c, other_pad, b);
	}
	pl_hostlist_add(h, name);
}

static struct pl_hostlist *shuffled(const struct pl_hostlist *h, uint64_t *seed)
{
	size_t n = pl_hostlist_count(h);
	size_t *order = xcalloc(n, sizeof(*order));
	struct pl_hostlist *out = pl_hostlist_create();

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--) {
		size_t k = xorshift(seed) % i, was = order[i - 1];

		order[i - 1] = order[k];
		order[k] = was;
	}
	for (size_t i = 0; i < n; i++)
		pl_hostlist_add(out, pl_hostlist_name(h, order[i]));
	free(order);
	return out;
}

static void folding_loses_nothing_and_ignores_the_order(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct pl_hostlist *h = pl_hostlist_create(), *other, *back;
		char *folded, *again;

		for (int i = 0; i < 1 + round; i++)
			add_random(h, &seed);
		other = shuffled(h, &seed);
		folded = pl_hostlist_fold(h);
		again = pl_hostlist_fold(other);
		assert_string_equal(folded, again);
		back = pl_hostlist_parse(folded, NULL, NULL);
		assert_non_null(back);
		assert_int_equal(pl_hostlist_count(back), pl_hostlist_count(h));
		pl_hostlist_subtract(back, h);
		assert_int_equal(pl_hostlist_count(back), 0);
		free(folded);
		free(again);
		pl_hostlist_destroy(h);
		pl_hostlist_destroy(other);
		pl_hostlist_destroy(back);
	}
}

static void a_large_shuffled_product_is_one_piece(void **state)
{
	struct pl_hostlist *h = pl_hostlist_parse("r[0001-2000]t[01-50]", NULL, NULL), *mixed;
	uint64_t seed = 1;
	char *folded;

	(void)state;
	assert_int_equal(pl_hostlist_count(h), 100000);
	mixed = shuffled(h, &seed);
	folded = pl_hostlist_fold(mixed);
	assert_string_equal(folded, "r[0001-2000]t[01-50]");
	free(folded);
	pl_hostlist_destroy(h);
	pl_hostlist_destroy(mixed);
}

static void names_compare_with_digits_as_numbers(void **state)
{
	static const struct {
		const char *less, *more;
	} cases[] = {
		{ "", "a" },	    { "a", "b" },	{ "n9", "n10" },     { "n1", "n01" },
		{ "n01", "n2" },    { "n", "n1" },	{ "n1", "n1a" },     { "n1a", "n2" },
		{ "n1t1", "n01t2" }, { "n1t2", "n01t2" }, { "1", "a" },	     { "n-1", "n1" },
		{ "n0", "n00" },    { "n00", "n1" },	{ "a\xc3", "a\xc4" }, { "z", "\xc3" },
		{ "x99999999999999999999", "x100000000000000000000" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *a = cases[i].less, *b = cases[i].more;

		if (pl_hostlist_compare_names(a, b) >= 0 || pl_hostlist_compare_names(b, a) <= 0)
			fail_msg("'%s' should come before '%s'", a, b);
		assert_int_equal(pl_hostlist_compare_names(a, a), 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(sets_fold_to_sorted_short_text),
	cmocka_unit_test(the_order_of_axes_with_fewest_pieces_is_taken),
	cmocka_unit_test(folding_loses_nothing_and_ignores_the_order),
	cmocka_unit_test(a_large_shuffled_product_is_one_piece),
	cmocka_unit_test(names_compare_with_digits_as_numbers),
};

UNIT_MAIN(tests)
