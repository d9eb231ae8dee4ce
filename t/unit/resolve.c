/* resolve.c - names to addresses, so many at once that other work of the pool goes on */
#include "unit.h"

#include "base/mem.h"
#include "loop/pool.h"
#include "ssh/resolve.h"

#define NAMES 60

static int answers, addresses_seen;

static void on_answer(void *arg, struct addrinfo *addresses, const char *why)
{
	(void)arg;
	(void)why;
	answers++;
	addresses_seen += addresses != NULL;
	if (addresses != NULL)
		freeaddrinfo(addresses);
}

static void every_name_has_its_answer_in_turn(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct resolver *all = resolver_create(loop);
	struct resolve *r[NAMES];

	(void)state;
	answers = addresses_seen = 0;
	for (int i = 0; i < NAMES; i++) {
		r[i] = resolve_start(all, "localhost", 22, AF_INET, on_answer, NULL);
		/* threads are left for others */
		assert_true(pool_pending(loop) <= RESOLVES_AT_ONCE);
	}
	assert_int_equal(answers, 0);
	for (int i = 20; i < 40; i++) /* those wait still */
		resolve_cancel(r[i]);
	while (answers < NAMES - 20)
		loop_turn(loop, LOOP_WAIT);
	assert_int_equal(addresses_seen, NAMES - 20);
	resolver_destroy(all);
	loop_destroy(loop);
}

static void what_is_cancelled_underway_tells_nobody(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct resolver *all = resolver_create(loop);

	(void)state;
	answers = 0;
	resolve_cancel(resolve_start(all, "localhost", 22, AF_UNSPEC, on_answer, NULL));
	resolver_destroy(all);
	while (loop_turn(loop, LOOP_WAIT) > 0)
		;
	assert_int_equal(answers, 0);
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_has_its_answer_in_turn),
		cmocka_unit_test(what_is_cancelled_underway_tells_nobody),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
