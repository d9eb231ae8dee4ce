/* ssh_pace.c - when logins may begin: rate, canary, refusals, dropped connections. In virtual
 * time. */
#include "unit.h"

#include "base/mem.h"
#include "loop/loop.h"
#include "ssh/ssh_pace.h"

#define MS INT64_C(1000)

struct bed {
	struct loop *loop;
	struct ssh_pace *pace;
	struct ssh_turn t[400];
	int calls;
};

static void on_turn(void *arg)
{
	struct bed *b = arg;

	b->calls++;
}

static struct bed *bed_open(double rate, unsigned max_auth_fail)
{
	struct bed *b = xcalloc(1, sizeof(*b));

	b->loop = loop_create(LOOP_VIRTUAL, NULL);
	b->pace = ssh_pace_create(b->loop, rate, max_auth_fail);
	for (size_t i = 0; i < ARRAY_LEN(b->t); i++) {
		b->t[i].fn = on_turn;
		b->t[i].arg = b;
	}
	return b;
}

static void bed_close(struct bed *b)
{
	for (size_t i = 0; i < ARRAY_LEN(b->t); i++)
		ssh_pace_end(b->pace, &b->t[i], TURN_FAILED);
	ssh_pace_destroy(b->pace);
	loop_destroy(b->loop);
	free(b);
}

static void ask(struct bed *b, int i, const char *address)
{
	ssh_pace_ask(b->pace, &b->t[i], "me with key", address);
}

static void ask_all(struct bed *b, int n)
{
	char address[16];

	for (int i = 0; i < n; i++) {
		snprintf(address, sizeof(address), "10.0.0.%d", i);
		ask(b, i, address);
	}
}

static void settle(struct bed *b)
{
	while (loop_turn(b->loop, LOOP_NOWAIT) > 0)
		;
}

static void advance(struct bed *b, int64_t us)
{
	int64_t until = loop_now_us(b->loop) + us;
	struct loop_timer t;

	loop_timer_init(&t, b->loop, on_turn, b);
	loop_timer_start(&t, us);
	while (loop_now_us(b->loop) < until)
		loop_turn(b->loop, LOOP_WAIT);
	settle(b);
}

static int count(const struct bed *b, enum ssh_turn_state state)
{
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(b->t); i++)
		n += b->t[i].state == state;
	return n;
}

static void let_in(struct bed *b, int i)
{
	assert_true(ssh_pace_show(b->pace, &b->t[i]));
	ssh_pace_end(b->pace, &b->t[i], TURN_LET_IN);
	settle(b);
}

static void refuse(struct bed *b, int i)
{
	assert_true(ssh_pace_show(b->pace, &b->t[i]));
	ssh_pace_end(b->pace, &b->t[i], TURN_REFUSED);
	settle(b);
}

static void one_host_goes_first_while_nobody_knows_the_keys(void **state)
{
	struct bed *b = bed_open(1000, 0);

	(void)state;
	ask_all(b, 64);
	settle(b);
	assert_int_equal(count(b, TURN_TAKEN), 1);
	assert_int_equal(b->t[0].state, TURN_TAKEN);
	let_in(b, 0);
	assert_int_equal(count(b, TURN_TAKEN), 63);
	bed_close(b);
}

static void a_canary_that_fails_for_its_own_reasons_has_a_successor(void **state)
{
	struct bed *b = bed_open(1000, 0);

	(void)state;
	ask_all(b, 10);
	settle(b);
	ssh_pace_end(b->pace, &b->t[0], TURN_FAILED);
	settle(b);
	assert_int_equal(b->t[1].state, TURN_TAKEN);
	assert_int_equal(count(b, TURN_TAKEN), 1);
	/* one that does not come so far as to show its keys is not waited for long */
	advance(b, PACE_PATIENCE_US + MS);
	assert_int_equal(b->t[2].state, TURN_TAKEN);
	assert_int_equal(count(b, TURN_TAKEN), 2);
	/* one that shows them is */
	assert_true(ssh_pace_show(b->pace, &b->t[2]));
	advance(b, 10 * PACE_PATIENCE_US);
	assert_int_equal(b->t[3].state, TURN_WAITING);
	bed_close(b);
}

static void dead_hosts_in_front_hold_up_nobody_for_long(void **state)
{
	struct bed *b = bed_open(1000, 3);

	(void)state;
	ask_all(b, 200);
	for (int i = 0, n = 1; i < 7; i++, n *= 2) {
		settle(b);
		assert_int_equal(count(b, TURN_TAKEN), n);
		advance(b, PACE_PATIENCE_US + MS);
	}
	/* the one that answers is the first to show its keys; no other begins, and of those that
	 * have begun only so many show theirs as may be refused */
	assert_int_equal(count(b, TURN_TAKEN), 128);
	for (int i = 100; i < 103; i++)
		assert_true(ssh_pace_show(b->pace, &b->t[i]));
	assert_false(ssh_pace_show(b->pace, &b->t[103]));
	advance(b, 100 * PACE_PATIENCE_US);
	assert_int_equal(count(b, TURN_TAKEN), 124);
	ssh_pace_end(b->pace, &b->t[100], TURN_LET_IN);
	settle(b);
	assert_int_equal(count(b, TURN_TAKEN), 197);
	bed_close(b);
}

static void a_canary_that_answers_gets_more_time(void **state)
{
	struct bed *b = bed_open(1000, 3);

	(void)state;
	ask_all(b, 40);
	advance(b, 2 * (PACE_PATIENCE_US + MS));
	assert_int_equal(count(b, TURN_TAKEN), 4);
	ssh_pace_answered(b->pace, &b->t[2]);
	ssh_pace_answered(b->pace, &b->t[2]);
	advance(b, PACE_PATIENCE_ANSWERED_US - MS);
	assert_int_equal(count(b, TURN_TAKEN), 4);
	/* not for ever: what answers may hang */
	advance(b, 2 * MS);
	assert_int_equal(count(b, TURN_TAKEN), 8);
	ssh_pace_move(b->pace, &b->t[2], "10.1.1.1");
	advance(b, PACE_PATIENCE_US);
	assert_int_equal(count(b, TURN_TAKEN), 16);
	bed_close(b);
}

static void one_that_shows_its_keys_unasked_is_followed_by_one(void **state)
{
	struct bed *b = bed_open(1000, 3);

	(void)state;
	for (int i = 0; i < 40; i++)
		b->t[i].shows_unasked = true;
	ask_all(b, 40);
	advance(b, 4 * (PACE_PATIENCE_US + MS));
	assert_int_equal(count(b, TURN_TAKEN), 5);
	bed_close(b);
}

static void one_that_is_used_up_while_held_counts_no_longer(void **state)
{
	struct bed *b = bed_open(1000, 1);

	(void)state;
	ask_all(b, 2);
	advance(b, PACE_PATIENCE_US + MS);
	assert_true(ssh_pace_show(b->pace, &b->t[0]));
	assert_false(ssh_pace_show(b->pace, &b->t[1]));
	ssh_pace_end(b->pace, &b->t[0], TURN_REFUSED);
	settle(b);
	assert_int_equal(b->t[1].state, TURN_USED_UP);
	/* nobody is under way: old refusals are forgotten */
	advance(b, PACE_FORGET_US + MS);
	ask(b, 2, "a");
	settle(b);
	assert_int_equal(b->t[2].state, TURN_TAKEN);
	bed_close(b);
}

static void canaries_are_few_again_once_all_have_ended(void **state)
{
	struct bed *b = bed_open(1000, 3);

	(void)state;
	ask_all(b, 40);
	advance(b, 4 * (PACE_PATIENCE_US + MS));
	assert_int_equal(count(b, TURN_TAKEN), 16);
	assert_true(ssh_pace_show(b->pace, &b->t[15]));
	for (int i = 0; i < 15; i++)
		ssh_pace_end(b->pace, &b->t[i], TURN_FAILED);
	ssh_pace_end(b->pace, &b->t[15], TURN_REFUSED);
	settle(b);
	assert_int_equal(count(b, TURN_TAKEN), 1);
	bed_close(b);
}

static void refusals_end_what_waits(void **state)
{
	struct bed *b = bed_open(1000, 3);

	(void)state;
	ask_all(b, 64);
	settle(b);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(b->t[i].state, TURN_TAKEN);
		assert_int_equal(b->t[i + 1].state, TURN_WAITING);
		refuse(b, i);
	}
	assert_int_equal(count(b, TURN_USED_UP), 61);
	assert_int_equal(ssh_pace_refusals(&b->t[10]), 3);
	bed_close(b);
}

static void never_more_show_their_keys_than_may_be_refused(void **state)
{
	struct bed *b = bed_open(1000, 2);

	(void)state;
	ask_all(b, 5);
	advance(b, 3 * (PACE_PATIENCE_US + MS));
	assert_int_equal(count(b, TURN_TAKEN), 5);
	assert_true(ssh_pace_show(b->pace, &b->t[0]));
	assert_true(ssh_pace_show(b->pace, &b->t[1]));
	assert_false(ssh_pace_show(b->pace, &b->t[2]));
	assert_false(ssh_pace_show(b->pace, &b->t[3]));
	assert_int_equal(b->t[2].state, TURN_HELD);
	ssh_pace_end(b->pace, &b->t[0], TURN_REFUSED);
	settle(b);
	assert_int_equal(b->t[2].state, TURN_HELD);
	ssh_pace_end(b->pace, &b->t[1], TURN_REFUSED);
	settle(b);
	assert_int_equal(b->t[2].state, TURN_USED_UP);
	assert_int_equal(b->t[3].state, TURN_USED_UP);
	assert_false(ssh_pace_show(b->pace, &b->t[4]));
	assert_int_equal(b->t[4].state, TURN_USED_UP);
	bed_close(b);
}

static void keys_that_opened_one_host_are_not_used_up(void **state)
{
	struct bed *b = bed_open(1000, 3);

	(void)state;
	ask_all(b, 64);
	settle(b);
	let_in(b, 0);
	for (int i = 1; i < 10; i++)
		refuse(b, i);
	assert_int_equal(count(b, TURN_USED_UP), 0);
	assert_int_equal(count(b, TURN_TAKEN), 54);
	bed_close(b);
}

static void old_refusals_are_forgotten(void **state)
{
	struct bed *b = bed_open(1000, 1);

	(void)state;
	ask(b, 0, "a");
	settle(b);
	refuse(b, 0);
	ask(b, 1, "a");
	settle(b);
	assert_int_equal(b->t[1].state, TURN_USED_UP);
	advance(b, PACE_FORGET_US + MS);
	ask(b, 2, "a");
	settle(b);
	assert_int_equal(b->t[2].state, TURN_TAKEN);
	bed_close(b);
}

static void logins_begin_at_the_rate_after_a_seconds_worth(void **state)
{
	struct bed *b = bed_open(50, 0);

	(void)state;
	ask_all(b, 1);
	settle(b);
	let_in(b, 0);
	ask_all(b, 300);
	settle(b);
	assert_in_range(count(b, TURN_TAKEN), 49, 50);
	advance(b, 1000 * MS);
	assert_in_range(count(b, TURN_TAKEN), 98, 101);
	advance(b, 2000 * MS);
	assert_in_range(count(b, TURN_TAKEN), 198, 201);
	bed_close(b);
}

static void a_rate_below_one_begins_one_at_a_time(void **state)
{
	struct bed *b = bed_open(0.5, 0);

	(void)state;
	ask_all(b, 1);
	settle(b);
	let_in(b, 0);
	ask_all(b, 3);
	settle(b);
	assert_int_equal(count(b, TURN_TAKEN), 0);
	advance(b, 2001 * MS);
	assert_int_equal(count(b, TURN_TAKEN), 1);
	bed_close(b);
}

static void an_address_that_drops_connections_gets_fewer_at_once(void **state)
{
	struct bed *b = bed_open(1000, 0);

	(void)state;
	ask(b, 0, "a");
	settle(b);
	let_in(b, 0);
	for (int i = 0; i < 8; i++)
		ask(b, i, "a");
	settle(b);
	assert_int_equal(count(b, TURN_TAKEN), 8);
	assert_true(ssh_pace_was_dropped(b->pace, &b->t[7], ""));
	ask(b, 7, "a");
	settle(b);
	assert_int_equal(b->t[7].state, TURN_WAITING);
	for (int i = 0; i < 4; i++)
		let_in(b, i);
	assert_int_equal(b->t[7].state, TURN_TAKEN);
	bed_close(b);
}

static void a_lone_connection_that_is_dropped_is_not_tried_again(void **state)
{
	struct bed *b = bed_open(1000, 0);

	(void)state;
	ask(b, 0, "a");
	settle(b);
	assert_false(ssh_pace_was_dropped(b->pace, &b->t[0], ""));
	assert_int_equal(b->t[0].state, TURN_TAKEN);
	assert_true(ssh_pace_was_dropped(b->pace, &b->t[0], "Exceeded MaxStartups"));
	bed_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_host_goes_first_while_nobody_knows_the_keys),
		cmocka_unit_test(a_canary_that_fails_for_its_own_reasons_has_a_successor),
		cmocka_unit_test(dead_hosts_in_front_hold_up_nobody_for_long),
		cmocka_unit_test(a_canary_that_answers_gets_more_time),
		cmocka_unit_test(one_that_shows_its_keys_unasked_is_followed_by_one),
		cmocka_unit_test(one_that_is_used_up_while_held_counts_no_longer),
		cmocka_unit_test(canaries_are_few_again_once_all_have_ended),
		cmocka_unit_test(refusals_end_what_waits),
		cmocka_unit_test(never_more_show_their_keys_than_may_be_refused),
		cmocka_unit_test(keys_that_opened_one_host_are_not_used_up),
		cmocka_unit_test(old_refusals_are_forgotten),
		cmocka_unit_test(logins_begin_at_the_rate_after_a_seconds_worth),
		cmocka_unit_test(a_rate_below_one_begins_one_at_a_time),
		cmocka_unit_test(an_address_that_drops_connections_gets_fewer_at_once),
		cmocka_unit_test(a_lone_connection_that_is_dropped_is_not_tried_again),
	};

	return cmocka_run_group_tests_name("ssh_pace", tests, NULL, NULL);
}
