/*
 * hostlist_fold.c - host sets as short text: r[001-144]t[01-18],login1
 *
 * Names are cut into a shape (text with a mark for each number) and coordinates; those of one
 * shape are folded as boxes (hostbox.h); the pieces are sorted naturally and written.
 */
#include "set/hostlist.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strtable.h"
#include "set/hostbox.h"
#include "set/hostlist_store.h"

#define AXES_MAX 16 /* numbers of a name that fold; further ones are text */
#define MARK '0'    /* stands for a number in a shape */

/* The names that differ in numbers only. */
struct shape {
	size_t axes;
	uint32_t n;	/* names of this shape */
	uint32_t first; /* of them in the list by shape */
	size_t len;
	char text[];
};

/* One piece of the folded text. */
struct piece {
	const struct shape *shape;
	size_t sides; /* where its sides stand */
	const char *least;
};

/* A run of numbers in brackets: first-last with at least `width` digits. */
struct run {
	uint64_t first, last;
	unsigned int width;
};

struct fold {
	const struct pl_hostlist *list;
	struct strtable shapes;
	struct shape **shape_of; /* of each name */
	size_t *coords_of;	 /* where each name's coordinates stand */
	uint32_t *by_shape;	 /* names, those of one shape together */
	uint64_t *coords;
	size_t n_coords, cap_coords;
	struct hostboxes boxes; /* of the shape at hand */
	struct coordsets sets;
	struct piece *pieces;
	size_t n_pieces, cap_pieces;
	uint64_t *sides; /* of all pieces */
	size_t n_sides, cap_sides;
	struct run *runs;
	size_t cap_runs;
	struct strbuf out;
};

static void cut_names(struct fold *f);
static void group_by_shape(struct fold *f);
static void fold_shape(struct fold *f, const struct shape *shape);
static int compare_pieces(const void *a, const void *b);
static void write_piece(struct fold *f, const struct piece *piece);
static void fold_fini(struct fold *f);

char *pl_hostlist_fold(const struct pl_hostlist *h)
{
	struct fold f = { .list = h, .shapes = STRTABLE_INIT, .out = STRBUF_INIT };
	const struct strtable_entry *e;
	size_t pos = 0;

	cut_names(&f);
	group_by_shape(&f);
	while ((e = strtable_next(&f.shapes, &pos)) != NULL)
		fold_shape(&f, e->value);
	if (f.n_pieces > 1)
		qsort(f.pieces, f.n_pieces, sizeof(*f.pieces), compare_pieces);
	for (size_t i = 0; i < f.n_pieces; i++) {
		if (i > 0)
			strbuf_addc(&f.out, ',');
		write_piece(&f, &f.pieces[i]);
	}
	fold_fini(&f);
	return strbuf_detach(&f.out);
}

static void fold_fini(struct fold *f)
{
	const struct strtable_entry *e;
	size_t pos = 0;

	while ((e = strtable_next(&f->shapes, &pos)) != NULL)
		free(e->value);
	strtable_fini(&f->shapes);
	hostboxes_fini(&f->boxes);
	coordsets_fini(&f->sets);
	free(f->shape_of);
	free(f->coords_of);
	free(f->by_shape);
	free(f->coords);
	free(f->pieces);
	free(f->sides);
	free(f->runs);
}

/* ---- cutting names into shape and coordinates ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * The digits at s, at most *len of them: true when they are a coordinate. A longer number is text,
 * as is every number past AXES_MAX: so a single digit among the first AXES_MAX numbers of a shape
 * can only be a mark, and shapes are equal exactly when their texts are.
 */
static bool read_coord(const char *s, size_t *len, uint64_t *coord)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; is_digit(s[n]); n++) {
		if (n < COORD_DIGITS_MAX)
			value = value * 10 + (uint64_t)(s[n] - '0');
	}
	*len = n;
	*coord = COORD(value, n);
	return n <= COORD_DIGITS_MAX;
}

static void coords_add(struct fold *f, uint64_t coord)
{
	ARRAY_GROW(f->coords, f->n_coords, f->cap_coords);
	f->coords[f->n_coords++] = coord;
}

/* Writes the shape to `to` (room for the name and a NUL), adds the coordinates. Returns the
 * shape's length. */
static size_t cut_name(struct fold *f, const char *name, char *to)
{
	size_t first = f->n_coords;
	size_t used = 0;

	while (*name != '\0') {
		uint64_t coord;
		size_t len = 1;

		if (is_digit(*name) && f->n_coords - first < AXES_MAX &&
		    read_coord(name, &len, &coord)) {
			coords_add(f, coord);
			to[used++] = MARK;
		} else {
			memcpy(to + used, name, len);
			used += len;
		}
		name += len;
	}
	to[used] = '\0';
	return used;
}

static struct shape *shape_find(struct fold *f, const char *text, size_t len, size_t axes)
{
	struct shape *shape = strtable_get_n(&f->shapes, text, len);

	if (shape == NULL) {
		shape = xcalloc(1, sizeof(*shape) + len + 1);
		shape->axes = axes;
		shape->len = len;
		memcpy(shape->text, text, len + 1);
		strtable_put(&f->shapes, text, shape);
	}
	return shape;
}

static void cut_names(struct fold *f)
{
	struct strbuf text = STRBUF_INIT;
	struct shape *last = NULL;

	f->shape_of = xreallocarray(NULL, f->list->n, sizeof(struct shape *));
	f->coords_of = xreallocarray(NULL, f->list->n, sizeof(*f->coords_of));
	for (size_t i = 0; i < f->list->n; i++) {
		char *to = strbuf_reserve(&text, hostlist_name_len(f->list, i) + 1);
		size_t first = f->n_coords;
		size_t len = cut_name(f, pl_hostlist_name(f->list, i), to);

		/* neighbours are mostly alike */
		if (last == NULL || last->len != len || memcmp(last->text, to, len) != 0)
			last = shape_find(f, to, len, f->n_coords - first);
		last->n++;
		f->shape_of[i] = last;
		f->coords_of[i] = first;
	}
	strbuf_fini(&text);
}

static void group_by_shape(struct fold *f)
{
	const struct strtable_entry *e;
	uint32_t first = 0;
	size_t pos = 0;

	f->by_shape = xreallocarray(NULL, f->list->n, sizeof(*f->by_shape));
	while ((e = strtable_next(&f->shapes, &pos)) != NULL) {
		struct shape *shape = e->value;

		shape->first = first;
		first += shape->n;
		shape->n = 0;
	}
	for (size_t i = 0; i < f->list->n; i++) {
		struct shape *shape = f->shape_of[i];

		f->by_shape[shape->first + shape->n++] = (uint32_t)i;
	}
}

/* ---- folding ---- */

static void piece_add(struct fold *f, const struct shape *shape, size_t box)
{
	size_t axes = shape->axes;

	ARRAY_GROW(f->pieces, f->n_pieces, f->cap_pieces);
	f->pieces[f->n_pieces++] = (struct piece){
		shape, f->n_sides, pl_hostlist_name(f->list, f->boxes.least[box])
	};
	for (size_t k = 0; k < axes; k++) {
		ARRAY_GROW(f->sides, f->n_sides, f->cap_sides);
		f->sides[f->n_sides++] = f->boxes.sides[box * axes + k];
	}
}

static void fold_shape(struct fold *f, const struct shape *shape)
{
	struct hostboxes *b = &f->boxes;

	hostboxes_reset(b, shape->axes, shape->n);
	for (b->n = 0; b->n < shape->n; b->n++) {
		uint32_t name = f->by_shape[shape->first + b->n];

		if (shape->axes > 0)
			memcpy(b->sides + b->n * shape->axes, f->coords + f->coords_of[name],
			       shape->axes * sizeof(uint64_t));
		b->least[b->n] = name;
	}
	hostboxes_merge(b, &f->sets);
	for (size_t i = 0; i < b->n; i++)
		piece_add(f, shape, i);
}

static int compare_pieces(const void *a, const void *b)
{
	return pl_hostlist_compare_names(((const struct piece *)a)->least,
					 ((const struct piece *)b)->least);
}

/* ---- writing ---- */

static unsigned int digits_needed(uint64_t value)
{
	unsigned int n = 1;

	for (; value >= 10; value /= 10)
		n++;
	return n;
}

static void write_number(struct strbuf *out, uint64_t value, unsigned int width)
{
	unsigned int len = digits_needed(value);
	char *to;

	if (len < width)
		len = width;
	to = strbuf_reserve(out, len);
	for (unsigned int i = len; i-- > 0; value /= 10)
		to[i] = (char)('0' + value % 10);
	out->len += len;
	out->s[out->len] = '\0';
}

/* The widths that show padding in this set: bit w when a number has w digits and leads with 0. */
static uint32_t padded_widths(const uint64_t *coords, size_t n)
{
	uint32_t widths = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned int digits = COORD_DIGITS(coords[i]);

		if (digits > digits_needed(COORD_VALUE(coords[i])))
			widths |= UINT32_C(1) << digits;
	}
	return widths;
}

/*
 * Cuts ascending coordinates into runs; returns how many. A number without leading zero belongs to
 * the padded ones of its width where there are any ([08-11]), else to the plain ones ([8-11]):
 * runs of different widths may overlap in value, so one of each width is open at a time.
 */
static size_t cut_runs(struct fold *f, const uint64_t *coords, size_t n)
{
	uint32_t widths = padded_widths(coords, n);
	size_t open[COORD_DIGITS_MAX + 1]; /* 1 + the open run of a width, 0 when none */
	size_t n_runs = 0;

	memset(open, 0, sizeof(open));
	for (size_t i = 0; i < n; i++) {
		uint64_t value = COORD_VALUE(coords[i]);
		unsigned int width = COORD_DIGITS(coords[i]);

		if ((widths >> width & 1) == 0)
			width = 0;
		if (open[width] > 0 && f->runs[open[width] - 1].last + 1 == value) {
			f->runs[open[width] - 1].last = value;
			continue;
		}
		ARRAY_GROW(f->runs, n_runs, f->cap_runs);
		f->runs[n_runs++] = (struct run){ value, value, width };
		open[width] = n_runs;
	}
	return n_runs;
}

static void write_side(struct fold *f, uint64_t side)
{
	const struct coordset *set;
	size_t n_runs;

	if ((side & HOSTBOX_SET) == 0) {
		write_number(&f->out, COORD_VALUE(side), COORD_DIGITS(side));
		return;
	}
	set = &f->sets.sets[side & ~HOSTBOX_SET];
	n_runs = cut_runs(f, f->sets.coords + set->first, set->n);
	for (size_t i = 0; i < n_runs; i++) {
		const struct run *r = &f->runs[i];

		strbuf_addc(&f->out, i == 0 ? '[' : ',');
		write_number(&f->out, r->first, r->width);
		if (r->last > r->first) {
			strbuf_addc(&f->out, '-');
			write_number(&f->out, r->last, r->width);
		}
	}
	strbuf_addc(&f->out, ']');
}

/* The shape's text with the sides in place of the marks. */
static void write_piece(struct fold *f, const struct piece *piece)
{
	const char *s = piece->shape->text;
	size_t axis = 0;

	while (*s != '\0') {
		size_t len = 1;

		if (is_digit(*s)) {
			len = strspn(s, "0123456789");
			if (len == 1 && axis < piece->shape->axes) {
				write_side(f, f->sides[piece->sides + axis++]);
				s++;
				continue;
			}
		}
		strbuf_add(&f->out, s, len);
		s += len;
	}
}
