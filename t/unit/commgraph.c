/* commgraph.c - tests of core/map/commgraph.h: what is refused, then what is read */
#include "unit.h"

#include "map/commgraph.h"

static struct pl_commgraph *parse(const char *text, struct pl_error *err)
{
	return pl_commgraph_parse(text, strlen(text), "g", err);
}

static void assert_refused(const char *text, const char *words)
{
	struct pl_error err = { 0 };
	struct pl_commgraph *g = parse(text, &err);

	assert_null(g);
	assert_int_equal(err.code, PL_EUSAGE);
	assert_says(err.text, words);
}

/* "1:2 2:5" for a row: neighbours and weights. */
static void assert_row(const struct pl_commgraph *g, uint32_t v, const char *expected)
{
	char row[256] = "";
	size_t len = 0;

	for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++)
		len += (size_t)snprintf(row + len, sizeof(row) - len, "%s%u:%g",
		                        len > 0 ? " " : "", g->to[a], g->weight[a]);
	assert_string_equal(row, expected);
}

static void a_graph_that_is_none_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused("", "g:1: no graph");
	assert_refused("hello\n", "g:1: no graph");
	assert_refused("% c\n0 0\n", "g:2: no graph");
	assert_refused("3\n", "g:1: the header needs two numbers");
	assert_refused("3 2 002\n\n\n\n", "g:1: the format must be");
	assert_refused("3 2 1 1 9\n\n\n\n", "g:1: the header goes on");
	assert_refused("9999999 1\n2\n1\n", "g:1: the header says 9999999 ranks");
}

static void wrong_counts_and_numbers_of_metis_are_refused_with_their_line(void **state)
{
	(void)state;
	assert_refused("4 2\n2\n1 3\n", "g:4: the file ends after 2 of 4");
	assert_refused("2 1\n2\n1\n1\n", "g:4: more lines than the 2 vertices");
	assert_refused("3 1\n2\n1 3\n2\n", "g:3: more edges than the 1");
	assert_refused("3 3\n2\n1 3\n2\n", "4 neighbours are listed, but 3 edges");
	assert_refused("% c\n3 2\n2\n1 4\n2\n", "g:4: a neighbour must be a number from 1 to 3");
	assert_refused("3 2\n2\n1 0\n2\n", "g:3: a neighbour");
	assert_refused("3 2\n2\n1 x\n2\n", "g:3: a neighbour");
	assert_refused("3 2\n2\n2 1\n2\n", "g:3: vertex 2 lists itself");
	assert_refused("2 1 1\n2\n1 5\n", "g:2: the line ends before the weight");
	assert_refused("2 1 1\n2 5\n1", "g:3: the line ends before the weight");
	assert_refused("2 1 1\n2 1.5\n1 1.5\n", "g:2: the weight of an edge must be a whole");
	assert_refused("2 1 1\n2 99999999999999999999\n1 5\n", "g:2: the weight of an edge");
	assert_refused("2 1\n2,\n1\n", "g:2: a neighbour must be");
	assert_refused("99999999999999999999 1\n", "g:1: no graph");
	assert_refused("2 99999999999999999999\n", "g:1: the header needs two numbers");
	assert_refused("2 1 1\n2 -5\n1 5\n", "g:2: the weight of an edge");
	assert_refused("2 1 11\n\n1 2 5\n", "g:2: a weight of the vertex is missing");
}

static void edges_that_stand_on_one_side_only_are_refused_with_their_line(void **state)
{
	(void)state;
	assert_refused("4 2\n2\n1\n4 2\n\n", "g:4: vertex 3 lists 2, but vertex 2 does not list 3");
	assert_refused("2 1 1\n2 5\n1 6\n", "vertex 1 lists 2");
	assert_refused("3 2\n2 2\n1\n1\n", "lists 2 twice");
	assert_refused("% c\n4 2\n\n% c\n3\n2 4\n2\n", "g:7: vertex 4 lists 2");
}

static void metis_is_read_with_weights_comments_and_any_order(void **state)
{
	struct pl_commgraph *g;

	(void)state;
	g = parse("% c\n\n4 3 001\n3 7 2 5\n1 5\n% c\n1 7 4 0\n3 0", NULL);
	assert_non_null(g);
	assert_int_equal(g->n, 4);
	assert_int_equal(pl_commgraph_edges(g), 3);
	assert_row(g, 0, "1:5 2:7");
	assert_row(g, 2, "0:7 3:0");
	pl_commgraph_destroy(g);

	g = parse("3 1 111 2\r\n9 8 7 3 4\r\n1 1 1\r\n2 2 2 1 4\r\n", NULL);
	assert_non_null(g);
	assert_row(g, 0, "2:4");
	assert_row(g, 1, "");
	pl_commgraph_destroy(g);

	g = parse("3 0\n\n\n", NULL);
	assert_non_null(g);
	assert_int_equal(pl_commgraph_edges(g), 0);
	pl_commgraph_destroy(g);
}

#define BANNER "%%MatrixMarket matrix coordinate "

static void matrices_that_cannot_be_read_are_refused_with_their_line(void **state)
{
	(void)state;
	assert_refused("%%MatrixMarket vector coordinate real general\n", "g:1: a Matrix Market");
	assert_refused("%%MatrixMarket matrix array real general\n", "'array'");
	assert_refused(BANNER "complex general\n", "'complex'");
	assert_refused(BANNER "real hermitian\n", "'hermitian'");
	assert_refused(BANNER "real general\n% c\n2 3 1\n", "g:3: 2 rows but 3 columns");
	assert_refused(BANNER "real general\n2 2 1\n1 3 1\n", "g:3: a row and a column");
	assert_refused(BANNER "real general\n2 2 1\n1 2 -1\n", "g:3: a weight");
	assert_refused(BANNER "real general\n2 2 1\n1 2 1 1\n", "g:3: the line goes on");
	assert_refused(BANNER "real general\n2 2 2\n1 2 1\n", "the file ends after 1 of 2");
	assert_refused(BANNER "real general\n2 2 1\n1 2 1\n2 1 1\n", "g:4: more entries");
}

static void both_directions_of_a_matrix_are_added_up(void **state)
{
	struct pl_commgraph *g;

	(void)state;
	g = parse(BANNER "real general\n3 3 4\n1 2 1.5\n2 1 2e1\n2 2 9\n3 1 4\n", NULL);
	assert_non_null(g);
	assert_row(g, 0, "1:21.5 2:4");
	assert_row(g, 1, "0:21.5");
	pl_commgraph_destroy(g);
	g = parse(BANNER "pattern symmetric\n\n3 3 1\n\n3 1\n", NULL);
	assert_non_null(g);
	assert_row(g, 0, "2:2");
	pl_commgraph_destroy(g);
}

static void csv_is_read_and_its_mistakes_are_told_with_their_line(void **state)
{
	struct pl_commgraph *g;

	(void)state;
	g = parse("# who\nsrc,dst,bytes\n0,3,10\n3, 0 ,5\r\n1,1,7\n", NULL);
	assert_non_null(g);
	assert_int_equal(g->n, 4);
	assert_row(g, 3, "0:15");
	assert_row(g, 1, "");
	pl_commgraph_destroy(g);
	assert_refused("src,dst,bytes\n", "no line 'src,dst,bytes'");
	assert_refused("src,dst,bytes\n0,1\n", "g:2: 'src,dst,bytes' expected");
	assert_refused("0,1,x\n", "g:1: a weight");
	assert_refused("0,1,2\n-1,2,3\n", "g:2: a rank");
	assert_refused("0,16777216,2\n", "g:1: a rank must be a number from 0 to 16777215");
	assert_refused("0,1,2,3\n", "g:1: the line goes on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_graph_that_is_none_is_refused_with_its_line),
		cmocka_unit_test(wrong_counts_and_numbers_of_metis_are_refused_with_their_line),
		cmocka_unit_test(edges_that_stand_on_one_side_only_are_refused_with_their_line),
		cmocka_unit_test(metis_is_read_with_weights_comments_and_any_order),
		cmocka_unit_test(matrices_that_cannot_be_read_are_refused_with_their_line),
		cmocka_unit_test(both_directions_of_a_matrix_are_added_up),
		cmocka_unit_test(csv_is_read_and_its_mistakes_are_told_with_their_line),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
