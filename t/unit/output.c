/* output: what of a stream is in memory, what on disk, and that no byte is lost between the two. */
#include "unit.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/output.h"

#define KIB 1024

static char dir[32];

static struct output_place place(size_t keep, const char *folder)
{
	return (struct output_place){ keep, folder, "run", "no/de", 0, 1, STREAM_OUT };
}

/* A text in which no two stretches are alike. */
static char *make_text(size_t len)
{
	char *text = xmalloc(len + 32);

	for (size_t at = 0; at < len;)
		at += (size_t)sprintf(text + at, "%zu ", at);
	return text;
}

static size_t files_left(void)
{
	char line[64];
	FILE *f;
	size_t n = 0;

	snprintf(line, sizeof(line), "ls -A %s | wc -l", dir);
	f = popen(line, "r");
	assert_int_equal(fscanf(f, "%zu", &n), 1);
	pclose(f);
	return n;
}

/* Adds in chunks of odd size, ends, and compares what is kept. */
static struct output *write_out(struct output_budget *budget, const struct output_place *p,
				const char *text, size_t len)
{
	struct output *o = output_create(budget);
	size_t want = len < p->keep_bytes ? len : p->keep_bytes;
	const char *kept;
	size_t n;

	for (size_t at = 0; at < len; at += 4099)
		assert_int_equal(output_add(o, p, text + at, len - at < 4099 ? len - at : 4099, NULL), 0);
	assert_int_equal(output_finish(o, p, NULL), 0);
	kept = output_kept(o, &n);
	assert_int_equal(n, want);
	assert_int_equal(o->total, len);
	assert_memory_equal(kept, text, n);
	assert_int_equal(kept[n], '\0');
	return o;
}

static void what_is_over_the_budget_is_parked_and_reads_as_before(void **state)
{
	static const size_t lengths[] = { 64 * KIB, 64 * KIB + 1, 128 * KIB - 1, 256 * KIB, 300001 };
	struct output_budget budget = { .most = 100 * KIB };
	struct output_place p = place(1024 * KIB, dir);
	char *text = make_text(400 * KIB);
	struct output *outs[ARRAY_LEN(lengths)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		outs[i] = write_out(&budget, &p, text, lengths[i]);
	assert_int_equal(outs[0]->state, OUTPUT_MEMORY);
	for (size_t i = 1; i < ARRAY_LEN(lengths); i++) {
		assert_int_equal(outs[i]->state, OUTPUT_PARKED);
		assert_null(outs[i]->path);
	}
	assert_true(budget.used <= budget.most);
	assert_int_equal(files_left(), 0);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		output_destroy(outs[i]);
	assert_int_equal(budget.used, 0);
	free(text);
}

static void small_streams_stay_in_memory_whatever_the_budget(void **state)
{
	struct output_budget budget = { .most = 0 };
	struct output_place p = place(1024 * KIB, dir);
	char *text = make_text(OUTPUT_PARK_MIN);
	struct output *o = write_out(&budget, &p, text, OUTPUT_PARK_MIN - 1);

	(void)state;
	assert_int_equal(o->state, OUTPUT_MEMORY);
	output_destroy(o);
	free(text);
}

/* parked first, or in memory until it was at its end: the file is whole, its name is told */
static void a_stream_past_the_cap_has_a_file_and_its_first_bytes(void **state)
{
	static const size_t budgets[] = { 0, 100 * KIB, SIZE_MAX };
	char *text = make_text(300 * KIB);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(budgets); i++) {
		struct output_budget budget = { .most = budgets[i] };
		struct output_place p = place(128 * KIB, dir);
		struct output *o = write_out(&budget, &p, text, 300 * KIB);
		struct stat st;

		assert_int_equal(o->state, OUTPUT_SPILLED);
		assert_int_equal(stat(o->path, &st), 0);
		assert_int_equal(st.st_size, 300 * KIB);
		assert_int_equal(st.st_mode & 0777, 0600);
		unlink(o->path);
		output_destroy(o);
		assert_int_equal(budget.used, 0);
	}
	free(text);
}

static void equal_streams_hash_alike_wherever_they_lie(void **state)
{
	struct output_budget none = { .most = 0 }, ample = { .most = SIZE_MAX };
	struct output_place p = place(100 * KIB, dir);
	char *text = make_text(300 * KIB);
	struct output *a = write_out(&none, &p, text, 300 * KIB);
	struct output *b = write_out(&ample, &p, text, 300 * KIB);

	(void)state;
	assert_true(a->tail_hash == b->tail_hash);
	unlink(a->path);
	unlink(b->path);
	output_destroy(a);
	output_destroy(b);
	free(text);
}

static void without_room_on_disk_nothing_that_was_kept_is_lost(void **state)
{
	struct output_budget budget = { .most = 0 };
	struct output_place p = place(1024 * KIB, "/nowhere/at/all");
	char *text = make_text(200 * KIB);
	struct output *o = output_create(&budget);
	struct pl_error err = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(output_add(o, &p, text, 100 * KIB, &err), -1);
	assert_non_null(strstr(err.text, "cannot keep output in"));
	assert_int_equal(output_add(o, &p, text + 100 * KIB, 100 * KIB, NULL), 0);
	assert_int_equal(output_finish(o, &p, NULL), 0);
	assert_memory_equal(output_kept(o, &n), text, 200 * KIB);
	assert_int_equal(n, 200 * KIB);
	output_destroy(o);
	free(text);
}

/* the disk fills while a stream is being parked: what is there comes back into memory */
static void a_disk_that_fills_gives_back_what_it_has(void **state)
{
	struct output_budget budget = { .most = 0 };
	struct output_place p = place(1024 * KIB, dir);
	char *text = make_text(200 * KIB);
	struct output *o = output_create(&budget);
	int parked, full;
	size_t n;

	(void)state;
	assert_int_equal(output_add(o, &p, text, 100 * KIB, NULL), 0);
	assert_int_equal(o->state, OUTPUT_PARKING);
	/* reads what was written, and takes no more */
	parked = open(o->path, O_RDONLY);
	full = o->fd;
	assert_int_equal(dup2(parked, full), full);
	close(parked);
	assert_int_equal(output_add(o, &p, text + 100 * KIB, 100 * KIB, NULL), -1);
	assert_int_equal(o->state, OUTPUT_MEMORY);
	assert_int_equal(output_finish(o, &p, NULL), 0);
	assert_memory_equal(output_kept(o, &n), text, 200 * KIB);
	assert_int_equal(n, 200 * KIB);
	output_destroy(o);
	assert_int_equal(files_left(), 0);
	free(text);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/pl-output-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_over_the_budget_is_parked_and_reads_as_before),
		cmocka_unit_test(small_streams_stay_in_memory_whatever_the_budget),
		cmocka_unit_test(a_stream_past_the_cap_has_a_file_and_its_first_bytes),
		cmocka_unit_test(equal_streams_hash_alike_wherever_they_lie),
		cmocka_unit_test(without_room_on_disk_nothing_that_was_kept_is_lost),
		cmocka_unit_test(a_disk_that_fills_gives_back_what_it_has),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
