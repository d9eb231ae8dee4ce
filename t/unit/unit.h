/*
 * unit.h - what every unit test includes first: cmocka and what it needs.
 *
 * A test file names its cases as sentences, lists them in an array and ends with UNIT_MAIN(tests).
 * Run one with `make check TESTS=t/unit/NAME`.
 */
#ifndef PL_T_UNIT_H
#define PL_T_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Asserts that a text holds these words. */
#define assert_says(text, words)                                                                   \
	do {                                                                                       \
		const char *in_text = (text), *the_words = (words);                                \
		if (strstr(in_text, the_words) == NULL)                                            \
			fail_msg("'%s' does not say '%s'", in_text, the_words);                    \
	} while (0)

#define UNIT_MAIN(tests)                                                                           \
	int main(void)                                                                             \
	{                                                                                          \
		return cmocka_run_group_tests_name(__FILE__, (tests), NULL, NULL);                 \
	}

#endif
