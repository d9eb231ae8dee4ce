/* controller.c - tests of core/store/controller: one process conducts a run, and others know */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/controller.h"

struct stage {
	char dir[40];
	char *path;
};

static void stage_open(struct stage *st)
{
	strcpy(st->dir, "/tmp/pl-controller-XXXXXX");
	assert_non_null(mkdtemp(st->dir));
	st->path = xasprintf("%s/controller", st->dir);
}

static void stage_close(struct stage *st)
{
	unlink(st->path);
	assert_int_equal(rmdir(st->dir), 0); /* nothing else is left there */
	free(st->path);
}

static enum controller_state state_in(const struct stage *st)
{
	struct controller_info info;

	assert_int_equal(controller_read(st->dir, &info, NULL), 0);
	return info.state;
}

static void write_file(const struct stage *st, const char *text)
{
	int fd = open(st->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void a_folder_that_cannot_be_written_has_none(void **state)
{
	struct pl_error err;

	(void)state;
	assert_null(controller_take("/nowhere", false, &err));
	assert_says(err.text, "/nowhere");
	controller_release(NULL);
}

static void one_takes_it_and_lets_it_go(void **state)
{
	struct controller_info info;
	struct controller *c;
	struct stage st;

	(void)state;
	stage_open(&st);
	assert_int_equal(state_in(&st), CONTROLLER_NONE);
	c = controller_take(st.dir, false, NULL);
	assert_non_null(c);
	controller_beat(c);
	controller_beat(c);
	assert_int_equal(controller_read(st.dir, &info, NULL), 0);
	assert_int_equal(info.state, CONTROLLER_ALIVE);
	assert_int_equal(info.pid, getpid());
	assert_int_equal(info.beats, 2);
	assert_int_equal(controller_check(c, NULL), 0);
	controller_release(c);
	assert_int_equal(state_in(&st), CONTROLLER_NONE);
	stage_close(&st);
}

static void a_second_one_is_refused_or_takes_over(void **state)
{
	struct controller *first, *second;
	struct pl_error err;
	struct stage st;

	(void)state;
	stage_open(&st);
	first = controller_take(st.dir, false, NULL);
	assert_null(controller_take(st.dir, false, &err));
	assert_int_equal(err.code, PL_EBUSY);
	assert_says(err.text, "--takeover");
	second = controller_take(st.dir, true, &err);
	assert_non_null(second);
	assert_int_equal(controller_check(second, NULL), 0);
	assert_int_equal(controller_check(first, &err), -1);
	assert_says(err.text, "taken over");
	controller_release(first); /* the file is not its own any more */
	assert_int_equal(state_in(&st), CONTROLLER_ALIVE);
	controller_release(second);
	stage_close(&st);
}

static void one_that_was_killed_is_dead(void **state)
{
	struct controller *c;
	struct stage st;
	pid_t child;

	(void)state;
	stage_open(&st);
	child = fork();
	if (child == 0) {
		controller_take(st.dir, false, NULL);
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	assert_int_equal(state_in(&st), CONTROLLER_DEAD);
	c = controller_take(st.dir, false, NULL);
	assert_non_null(c);
	controller_release(c);
	stage_close(&st);
}

static void what_others_wrote_is_judged(void **state)
{
	static const struct {
		const char *text;
		enum controller_state state;
	} cases[] = {
		{ "", CONTROLLER_DEAD },
		{ "no JSON\n", CONTROLLER_DEAD },
		{ "{\"host\":\"far\",\"machine\":\"a b c\",\"pid\":1,\"start\":1}\n...",
		  CONTROLLER_ELSEWHERE },
		{ "{\"host\":\"far\",\"machine\":\"a b c\",\"pid\":1,\"start\":1}\n...-",
		  CONTROLLER_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage st;
		struct pl_error err;

		stage_open(&st);
		write_file(&st, cases[i].text);
		assert_int_equal(state_in(&st), cases[i].state);
		if (cases[i].state == CONTROLLER_ELSEWHERE) {
			assert_null(controller_take(st.dir, false, &err));
			assert_says(err.text, "on far");
		}
		stage_close(&st);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_folder_that_cannot_be_written_has_none),
	cmocka_unit_test(one_takes_it_and_lets_it_go),
	cmocka_unit_test(a_second_one_is_refused_or_takes_over),
	cmocka_unit_test(one_that_was_killed_is_dead),
	cmocka_unit_test(what_others_wrote_is_judged),
};

UNIT_MAIN(tests)
