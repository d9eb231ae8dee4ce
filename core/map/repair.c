/* repair.c - see repair.h */
#include "map/repair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/islands.h"
#include "map/rankmap_build.h"
#include "map/rankmap_limits.h"

#define MAX_LISTED_MOVES 16

struct repair {
	const struct pl_map_request *request;
	const struct pl_map_repair *asked;
	const struct pl_topo *topo;
	struct map_gauge *gauge; /* of the job on the machine; borrowed */
	uint32_t *pe;    /* by rank, as far as it is repaired */
	uint8_t *used;   /* by PE: a rank is there */
	uint8_t *barred; /* by PE: unusable, or on a host that may not be used */
	uint32_t atom;   /* ranks that move together; they follow one another and share a host */
};

static void bar_hosts(struct repair *r)
{
	const struct pl_hostlist *asked = r->request->hosts;

	memcpy(r->barred, r->topo->unusable, r->topo->n_pes);
	for (uint32_t pe = 0; asked != NULL && pe < r->topo->n_pes; pe++) {
		const char *name = pl_hostlist_name(r->topo->hosts, pl_topo_host(r->topo, pe));

		r->barred[pe] |= pl_hostlist_find(asked, name) == SIZE_MAX;
	}
}

/* Ranks of a host where the launcher keeps hosts and the map does too; 1 elsewhere. */
static uint32_t find_atom(const struct repair *r)
{
	uint32_t n = r->asked->n, atom = 1;

	if (!pl_launcher_keeps_hosts(r->request->launcher))
		return 1;
	while (atom < n && pl_topo_host(r->topo, r->pe[atom]) == pl_topo_host(r->topo, r->pe[0]))
		atom++;
	for (uint32_t rank = 0; rank < n; rank++) {
		if (pl_topo_host(r->topo, r->pe[rank]) !=
		    pl_topo_host(r->topo, r->pe[rank - rank % atom]))
			return 1;
	}
	return n % atom == 0 ? atom : 1;
}

static void repair_init(struct repair *r)
{
	r->pe = xmalloc(r->asked->n * sizeof(*r->pe));
	memcpy(r->pe, r->asked->previous, r->asked->n * sizeof(*r->pe));
	r->used = xcalloc(r->topo->n_pes, 1);
	r->barred = xcalloc(r->topo->n_pes, 1);
	for (uint32_t rank = 0; rank < r->asked->n; rank++)
		r->used[r->pe[rank]] = 1;
	bar_hosts(r);
	r->atom = find_atom(r);
}

static void repair_fini(struct repair *r)
{
	free(r->pe);
	free(r->used);
	free(r->barred);
}

static void move_rank(struct repair *r, uint32_t rank, uint32_t to)
{
	r->used[r->pe[rank]] = 0;
	r->pe[rank] = to;
	r->used[to] = 1;
}

static bool is_free(const struct repair *r, uint32_t pe)
{
	return !r->used[pe] && !r->barred[pe];
}

/* ---- free places for atoms ---- */

/* Whether an atom can begin at this PE: a free GPU, or the first of a host that has no rank and
 * enough that work. */
static bool takes_atom(const struct repair *r, uint32_t pe)
{
	uint32_t first = pe - pl_topo_gpu(r->topo, pe), n = 0;

	if (r->atom == 1)
		return is_free(r, pe);
	if (pe != first)
		return false;
	for (uint32_t i = 0; i < r->topo->gpus_per_host; i++) {
		if (r->used[first + i])
			return false;
		n += !r->barred[first + i];
	}
	return n >= r->atom;
}

static void move_atom(struct repair *r, uint32_t first, uint32_t to)
{
	for (uint32_t i = 0; i < r->atom; i++)
		r->used[r->pe[first + i]] = 0;
	for (uint32_t i = 0; i < r->atom; i++) {
		while (!is_free(r, to))
			to++;
		move_rank(r, first + i, to);
	}
}

/* The nearest place for an atom that was at `from`; UINT32_MAX for none. */
static uint32_t nearest_place(const struct repair *r, uint32_t from, int *level)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t pe = 0; pe < r->topo->n_pes; pe++) {
		int here = pl_topo_common_level(r->topo, from, pe);

		if ((best == UINT32_MAX || here < *level) && takes_atom(r, pe) &&
		    !islands_apart(r->topo, from, pe)) {
			best = pe;
			*level = here;
		}
	}
	return best;
}

/* Moves those of the atom that failed to idle GPUs of their own host. */
static bool stay_on_host(struct repair *r, uint32_t first)
{
	uint32_t host = pl_topo_host(r->topo, r->pe[first]) * r->topo->gpus_per_host;
	uint32_t idle = 0, failed = 0;

	for (uint32_t i = 0; i < r->topo->gpus_per_host; i++)
		idle += is_free(r, host + i);
	for (uint32_t i = 0; i < r->atom; i++)
		failed += r->barred[r->pe[first + i]];
	if (idle < failed)
		return false;
	for (uint32_t i = 0, at = host; i < r->atom; i++) {
		if (!r->barred[r->pe[first + i]])
			continue;
		while (!is_free(r, at))
			at++;
		move_rank(r, first + i, at);
	}
	return true;
}

/* ---- whole blocks ---- */

/* The domain nearest to `from` with room for `atoms`: its first place; of equals the fullest. */
static uint32_t nearest_domain(const struct repair *r, uint32_t from, uint32_t atoms)
{
	size_t level = (size_t)r->topo->domain_level;
	uint32_t best = UINT32_MAX, best_room = 0;
	int best_near = 0;

	for (uint32_t pe = 0, end; pe < r->topo->n_pes; pe = end) {
		uint64_t unit = pl_topo_unit(r->topo, pe, level);
		int near = pl_topo_common_level(r->topo, from, pe);
		uint32_t room = 0;

		for (end = pe; end < r->topo->n_pes && pl_topo_unit(r->topo, end, level) == unit;
		     end++)
			room += takes_atom(r, end);
		if (room >= atoms && !islands_apart(r->topo, from, pe) &&
		    (best == UINT32_MAX || near < best_near ||
		     (near == best_near && room < best_room))) {
			best = pe;
			best_near = near;
			best_room = room;
		}
	}
	return best;
}

/* Moves the block of ranks around `rank`; false where no domain takes it. */
static bool move_block(struct repair *r, uint32_t rank, uint32_t block)
{
	uint32_t first = rank - rank % block;
	uint32_t to = nearest_domain(r, r->pe[rank], block / r->atom);

	if (to == UINT32_MAX)
		return false;
	for (uint32_t i = 0; i < block; i += r->atom) {
		while (!takes_atom(r, to))
			to++;
		move_atom(r, first + i, to);
	}
	return true;
}

static uint32_t count_moved(const struct repair *r)
{
	uint32_t n = 0;

	for (uint32_t rank = 0; rank < r->asked->n; rank++)
		n += r->pe[rank] != r->asked->previous[rank];
	return n;
}

/* ---- one atom that lost a GPU ---- */

/* A state to come back to. */
struct saved {
	uint32_t *pe;
	uint8_t *used;
	double step;
};

static void save(const struct repair *r, struct saved *s)
{
	s->pe = xmalloc(r->asked->n * sizeof(*s->pe));
	s->used = xmalloc(r->topo->n_pes);
	memcpy(s->pe, r->pe, r->asked->n * sizeof(*s->pe));
	memcpy(s->used, r->used, r->topo->n_pes);
	s->step = INFINITY;
}

static void restore(struct repair *r, const struct saved *s)
{
	memcpy(r->pe, s->pe, r->asked->n * sizeof(*s->pe));
	memcpy(r->used, s->used, r->topo->n_pes);
}

static void saved_fini(struct saved *s)
{
	free(s->pe);
	free(s->used);
}

/* Keeps the state at hand in *best when it is allowed and makes a clearly shorter step. */
static void keep_better(struct repair *r, struct saved *best)
{
	struct pl_map_cost cost;

	if (r->asked->max_moves > 0 && count_moved(r) > r->asked->max_moves)
		return;
	map_gauge_cost(r->gauge, r->pe, INFINITY, &cost);
	if (cost.step >= best->step * (1 - PL_MAP_MIN_GAIN))
		return;
	saved_fini(best);
	save(r, best);
	best->step = cost.step;
}

/* No spare in the domain: alone to another, or with a block around it, whichever is cheaper. */
static bool leave_domain(struct repair *r, uint32_t first, uint32_t spare)
{
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	size_t n = job_blocks(r->request->job, blocks);
	struct saved before, best;

	save(r, &before);
	save(r, &best);
	if (spare != UINT32_MAX) {
		move_atom(r, first, spare);
		keep_better(r, &best);
		restore(r, &before);
	}
	for (size_t i = 0; i < n && !r->asked->keep_hosts && r->topo->domain_level >= 0; i++) {
		if (blocks[i] <= r->atom || blocks[i] % r->atom != 0 ||
		    blocks[i] > r->topo->span[r->topo->domain_level])
			continue;
		if (move_block(r, first, blocks[i]))
			keep_better(r, &best);
		restore(r, &before);
	}
	if (best.step < INFINITY)
		restore(r, &best);
	else if (spare != UINT32_MAX)
		move_atom(r, first, spare); /* too many moves: said when all are known */
	saved_fini(&before);
	saved_fini(&best);
	return best.step < INFINITY || spare != UINT32_MAX;
}

static bool repair_atom(struct repair *r, uint32_t first)
{
	int level = -1;
	uint32_t spare;

	if (stay_on_host(r, first))
		return true;
	spare = nearest_place(r, r->pe[first], &level);
	if (spare == UINT32_MAX || level > r->topo->domain_level)
		return leave_domain(r, first, spare);
	move_atom(r, first, spare);
	return true;
}

static bool lost_a_gpu(const struct repair *r, uint32_t first)
{
	for (uint32_t i = 0; i < r->atom; i++) {
		if (r->barred[r->pe[first + i]])
			return true;
	}
	return false;
}

static int repair_all(struct repair *r, struct pl_error *err)
{
	uint32_t moved;

	for (uint32_t rank = 0; rank < r->asked->n; rank += r->atom) {
		uint32_t pe = r->pe[rank];

		if (!lost_a_gpu(r, rank) || repair_atom(r, rank))
			continue;
		return pl_errorf(err, PL_ENOENT,
				 "repair: no spare for rank %u of %s%s%s: give more hosts, or map "
				 "the job anew with a smaller dp", rank,
				 pl_hostlist_name(r->topo->hosts, pl_topo_host(r->topo, pe)),
				 islands_level(r->topo) >= 0 ? " in its island" : "",
				 r->atom > 1 ? ", whose launcher needs a whole host" : "");
	}
	moved = count_moved(r);
	if (r->asked->max_moves > 0 && moved > r->asked->max_moves)
		return pl_errorf(err, PL_ENOENT,
				 "repair: %u ranks would move and %u may: raise --max-moves to %u",
				 moved, r->asked->max_moves, moved);
	return 0;
}

/* ---- what it says ---- */

static void note_move(struct pl_rankmap *m, const struct repair *r, uint32_t rank)
{
	const struct pl_topo *t = r->topo;
	uint32_t from = r->asked->previous[rank], to = r->pe[rank];
	int level = pl_topo_common_level(t, from, to);

	rankmap_note(m, "move rank %u: %s GPU %u -> %s GPU %u (same %s)", rank,
		     pl_hostlist_name(t->hosts, pl_topo_host(t, from)), pl_topo_gpu(t, from),
		     pl_hostlist_name(t->hosts, pl_topo_host(t, to)), pl_topo_gpu(t, to),
		     t->levels[level < 0 ? 0 : level].name);
}

static void note_moves(struct pl_rankmap *m, const struct repair *r)
{
	uint32_t n = count_moved(r), listed = 0;
	uint32_t most = r->request->price ? UINT32_MAX : MAX_LISTED_MOVES;
	double change = m->baseline.step > 0 ? m->cost.step / m->baseline.step - 1 : 0;

	rankmap_note(m, "%u of %u ranks %s; the modelled step is %.1f %% %s than before", n,
		     m->n_ranks, n == 1 ? "moves" : "move",
		     100 * fabs(change), change < 0 ? "shorter" : "longer");
	for (uint32_t rank = 0; rank < m->n_ranks && listed < most; rank++) {
		if (r->pe[rank] == r->asked->previous[rank])
			continue;
		note_move(m, r, rank);
		listed++;
	}
	if (n > listed)
		rankmap_note(m, "and %u more: --explain lists all", n - listed);
	if (r->asked->keep_hosts && r->atom > 1 && n > 0)
		rankmap_note(m, "%s needs a host's ranks together: those on a host with a failed "
			     "GPU leave it, with what they keep there",
			     pl_launcher_name(m->launcher));
}

/* What the launcher's rule adds to the moves: the same repair without it. */
static void note_rule(struct pl_rankmap *m, const struct repair *r)
{
	struct pl_map_request free_request = *r->request;
	struct repair other = { .request = &free_request,
		                .asked = r->asked,
		                .topo = r->topo,
		                .gauge = r->gauge };
	uint32_t moved = count_moved(r);
	struct pl_map_cost cost;

	if (r->atom == 1 || moved == 0)
		return;
	free_request.launcher = PL_FOR_ENV;
	repair_init(&other);
	if (repair_all(&other, NULL) == 0 && count_moved(&other) < moved) {
		map_gauge_cost(other.gauge, other.pe, INFINITY, &cost);
		rankmap_note(m, "%s needs a host's ranks together, so all %u of a host move: with "
			     "--for mpi or env %u would, and the modelled step would be %.1f %% "
			     "shorter", pl_launcher_name(m->launcher), r->atom,
			     count_moved(&other),
			     m->cost.step > 0 ? fmax(0, 100 * (1 - cost.step / m->cost.step)) : 0);
	}
	repair_fini(&other);
}

static int check_ranks(const struct pl_map_request *request, uint32_t n, struct pl_error *err)
{
	if (n == request->job->world)
		return 0;
	return pl_errorf(err, PL_EUSAGE, "the map has %u ranks, the job %u", n,
			 request->job->world);
}

struct pl_rankmap *pl_rankmap_repair(const struct pl_map_request *request,
				     const struct pl_map_repair *asked, struct pl_error *err)
{
	struct map_gauge gauge;
	struct repair r = {
		.request = request, .asked = asked, .topo = request->topo, .gauge = &gauge
	};
	struct pl_rankmap *m = NULL;

	if (check_ranks(request, asked->n, err) < 0)
		return NULL;
	map_gauge_init(&gauge, r.topo, request->job);
	repair_init(&r);
	if (repair_all(&r, err) == 0) {
		m = rankmap_of_job(request, r.pe, NULL);
		m->strategy = "repair";
		map_gauge_cost(r.gauge, asked->previous, INFINITY, &m->baseline);
		map_gauge_cost(r.gauge, r.pe, INFINITY, &m->cost);
		note_moves(m, &r);
		note_rule(m, &r);
	}
	repair_fini(&r);
	map_gauge_fini(&gauge);
	return m;
}

/* ---- a map made elsewhere ---- */

static void note_unusable(struct pl_rankmap *m)
{
	uint32_t n = 0, first = 0;

	for (uint32_t rank = m->n_ranks; rank-- > 0;) {
		if (m->topo->unusable[m->places[rank].pe]) {
			first = rank;
			n++;
		}
	}
	if (n > 0)
		rankmap_note(m, "%u %s on unusable GPUs, the first is rank %u on GPU %u of %s", n,
			     n == 1 ? "rank is" : "ranks are", first, m->places[first].gpu,
			     pl_hostlist_name(m->topo->hosts, m->places[first].host));
}

struct pl_rankmap *pl_rankmap_evaluate(const struct pl_map_request *request, const uint32_t *pe,
				       uint32_t n, struct pl_error *err)
{
	struct pl_map_request order = *request;
	struct pl_rankmap *m, *given;

	if (check_ranks(request, n, err) < 0)
		return NULL;
	m = rankmap_of_job(request, pe, NULL);
	m->strategy = "given";
	pl_map_cost(m->topo, &m->job, pe, &m->cost);
	m->baseline = m->cost;
	order.strategy = PL_STRATEGY_KEEP_ORDER;
	order.launcher = PL_FOR_ENV;
	given = pl_rankmap_place(&order, NULL);
	if (given != NULL)
		m->baseline = given->cost;
	else
		rankmap_note(m, "compared with itself: there are too few usable GPUs for an order");
	pl_rankmap_destroy(given);
	note_unusable(m);
	rankmap_note_torn(m, request, pe);
	return m;
}
