/* task.c - tests of core/transport/task.c */
#include "unit.h"

#include "transport/task.h"

static void every_outcome_has_a_name_that_is_read_back(void **state)
{
	(void)state;
	for (int o = OUTCOME_NONE; o < OUTCOMES; o++) {
		assert_non_null(outcome_name((enum outcome)o));
		assert_int_equal(outcome_parse(outcome_name((enum outcome)o)), o);
	}
	assert_int_equal(outcome_parse("gone"), OUTCOME_NONE);
	assert_int_equal(outcome_parse(""), OUTCOME_NONE);
	assert_string_equal(outcome_name(OUTCOME_HOSTKEY), "hostkey");
}

static void every_phase_has_a_name_that_is_read_back(void **state)
{
	(void)state;
	for (int p = PHASE_NONE; p < PHASES; p++) {
		assert_non_null(phase_name((enum phase)p));
		assert_int_equal(phase_parse(phase_name((enum phase)p)), p);
	}
	assert_int_equal(phase_parse("gone"), PHASE_NONE);
	assert_string_equal(phase_name(PHASE_NONE), "");
	assert_string_equal(phase_name(PHASE_KEX), "kex");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_outcome_has_a_name_that_is_read_back),
	cmocka_unit_test(every_phase_has_a_name_that_is_read_back),
};

UNIT_MAIN(tests)
