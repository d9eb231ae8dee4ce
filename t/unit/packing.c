/* packing.c - tests of core/map/packing.h */
#include "unit.h"

#include "map/packing.h"

#define MAX_UNITS 16

/* No unit is overfilled, all atoms are laid. */
static void assert_sound(const struct packing *p, uint64_t atoms)
{
	uint32_t used[MAX_UNITS] = { 0 };
	uint64_t laid = 0;

	for (size_t i = 0; i < p->n_parts; i++) {
		assert_true(p->parts[i].unit < p->n_units);
		assert_true(p->parts[i].atoms > 0);
		used[p->parts[i].unit] += p->parts[i].atoms;
		laid += p->parts[i].atoms;
	}
	for (uint32_t u = 0; u < p->n_units; u++)
		assert_true(used[u] <= p->capacity[u]);
	assert_int_equal(laid, atoms);
}

/* The smallest part of any group of `group` atoms. */
static uint32_t smallest_part(const struct packing *p)
{
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < p->n_parts; i++)
		least = p->parts[i].atoms < least ? p->parts[i].atoms : least;
	return least;
}

static bool try_halves(const uint32_t *capacity, uint32_t n, uint64_t atoms, uint32_t group,
                       uint32_t least, uint32_t *smallest)
{
	struct packing p;
	bool done;

	packing_init(&p, capacity, n, atoms);
	done = packing_halves(&p, atoms, group, least);
	if (done)
		assert_sound(&p, atoms);
	*smallest = done ? smallest_part(&p) : 0;
	packing_fini(&p);
	return done;
}

static void groups_of_fourteen_fill_seven_units_of_eighteen(void **state)
{
	static const uint32_t capacity[] = { 18, 18, 18, 18, 18, 18, 18 };
	uint32_t smallest;

	(void)state;
	assert_true(try_halves(capacity, 7, 9 * 14, 14, 5, &smallest));
	assert_true(smallest >= 5);
	/* no unit can be filled with parts of 6 and more without room to spare */
	assert_false(try_halves(capacity, 7, 9 * 14, 14, 6, &smallest));
}

static void groups_stay_whole_where_there_is_room(void **state)
{
	static const uint32_t capacity[] = { 18, 16, 14, 17 };
	uint32_t smallest;

	(void)state;
	assert_true(try_halves(capacity, 4, 4 * 14, 14, 7, &smallest));
	assert_int_equal(smallest, 14);
}

static void units_that_are_too_small_are_left_empty_only_with_room_to_spare(void **state)
{
	static const uint32_t capacity[] = { 8, 2, 8 };
	uint32_t smallest;

	(void)state;
	assert_true(try_halves(capacity, 3, 16, 8, 3, &smallest));
	assert_false(try_halves(capacity, 3, 18, 6, 3, &smallest));
	assert_false(try_halves(capacity, 3, 17, 8, 3, &smallest));
	assert_false(try_halves(capacity, 3, 16, 8, 0, &smallest));
}

static void blocks_begin_in_units_of_their_own(void **state)
{
	static const uint32_t capacity[] = { 8, 8, 8, 8 };
	struct packing p;

	(void)state;
	packing_init(&p, capacity, 4, 26);
	assert_true(packing_fresh(&p, 26, 13, false));
	assert_sound(&p, 26);
	assert_int_equal(p.n_parts, 4);
	assert_int_equal(p.parts[1].atoms, 5);
	assert_int_equal(p.parts[2].unit, 2);
	packing_fini(&p);
	/* room for only one of the gaps */
	packing_init(&p, capacity, 4, 30);
	assert_true(packing_fresh(&p, 30, 10, false));
	assert_sound(&p, 30);
	packing_fini(&p);
}

static void an_even_block_takes_the_same_from_each_unit(void **state)
{
	static const uint32_t capacity[] = { 8, 8, 8, 8 };
	struct packing p;

	(void)state;
	packing_init(&p, capacity, 4, 20);
	assert_true(packing_fresh(&p, 20, 10, true));
	assert_sound(&p, 20);
	assert_int_equal(smallest_part(&p), 5);
	packing_fini(&p);
}

static void too_little_room_is_no_packing(void **state)
{
	static const uint32_t capacity[] = { 8, 8 };
	struct packing p;

	(void)state;
	for (int even = 0; even < 2; even++) {
		packing_init(&p, capacity, 2, 17);
		assert_false(packing_fresh(&p, 17, 9, even != 0));
		packing_fini(&p);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(groups_of_fourteen_fill_seven_units_of_eighteen),
	cmocka_unit_test(groups_stay_whole_where_there_is_room),
	cmocka_unit_test(units_that_are_too_small_are_left_empty_only_with_room_to_spare),
	cmocka_unit_test(blocks_begin_in_units_of_their_own),
	cmocka_unit_test(an_even_block_takes_the_same_from_each_unit),
	cmocka_unit_test(too_little_room_is_no_packing),
};

UNIT_MAIN(tests)
