/* resolve.c - names to addresses, so many at once that other work of the pool goes on */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "ssh/resolve.h"

#define NAMES 60

static int answers, addresses_seen;

static void on_answer(void *arg, struct addrinfo *addresses, const char *why)
{
	(void)arg;
	(void)why;
	answers++;
	addresses_seen += addresses != NULL;
	resolve_free(addresses);
}

static void wait_for_answers(struct loop *loop, int n)
{
	while (answers < n)
		loop_turn(loop, LOOP_WAIT);
}

static void every_name_has_its_answer_in_turn(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct resolver *all = resolver_create(loop);
	struct resolve *r[NAMES];
	char name[32];

	(void)state;
	answers = addresses_seen = 0;
	for (int i = 0; i < NAMES; i++) {
		/* as many spellings of a number as one likes are asked for */
		snprintf(name, sizeof(name), "127.0.0.%d", i + 1);
		r[i] = resolve_start(all, name, 22, AF_INET, on_answer, NULL);
		assert_true(resolver_underway(all) <= RESOLVES_AT_ONCE);
	}
	assert_int_equal(answers, 0);
	for (int i = 20; i < 40; i++) /* those wait still */
		resolve_cancel(r[i]);
	wait_for_answers(loop, NAMES - 20);
	assert_int_equal(addresses_seen, NAMES - 20);
	resolver_destroy(all);
	loop_destroy(loop);
}

static void on_port(void *arg, struct addrinfo *addresses, const char *why)
{
	*(int *)arg = ntohs(((struct sockaddr_in *)addresses->ai_addr)->sin_port);
	on_answer(NULL, addresses, why);
}

static void a_name_is_asked_for_once_at_a_time(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct resolver *all = resolver_create(loop);
	struct resolve *gone;
	int ports[3] = { 0 };

	(void)state;
	answers = 0;
	resolve_start(all, "localhost", 22, AF_INET, on_port, &ports[0]);
	gone = resolve_start(all, "localhost", 23, AF_INET, on_port, &ports[1]);
	resolve_start(all, "localhost", 24, AF_INET, on_port, &ports[2]);
	assert_int_equal(resolver_underway(all), 1);
	resolve_cancel(gone);
	wait_for_answers(loop, 2);
	assert_int_equal(ports[0], 22);
	assert_int_equal(ports[1], 0);
	assert_int_equal(ports[2], 24);
	resolve_start(all, "localhost", 25, AF_INET, on_port, &ports[1]);
	wait_for_answers(loop, 3);
	assert_int_equal(ports[1], 25);
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
	while (resolver_underway(all) > 0)
		loop_turn(loop, LOOP_WAIT);
	resolve_cancel(resolve_start(all, "localhost", 22, AF_UNSPEC, on_answer, NULL));
	resolver_destroy(all);
	loop_turn(loop, LOOP_NOWAIT);
	assert_int_equal(answers, 0);
	loop_destroy(loop);
}

static void numbers_are_taken_as_they_are(void **state)
{
	struct addrinfo *a = resolve_numeric("fe80::1%lo", 22);
	const struct sockaddr_in6 *in6;

	(void)state;
	assert_non_null(a);
	in6 = (const struct sockaddr_in6 *)a->ai_addr;
	assert_int_equal(in6->sin6_family, AF_INET6);
	assert_int_not_equal(in6->sin6_scope_id, 0);
	assert_int_equal(ntohs(in6->sin6_port), 22);
	resolve_free(a);
	assert_null(resolve_numeric("localhost", 22));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_has_its_answer_in_turn),
		cmocka_unit_test(a_name_is_asked_for_once_at_a_time),
		cmocka_unit_test(what_is_cancelled_underway_tells_nobody),
		cmocka_unit_test(numbers_are_taken_as_they_are),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
