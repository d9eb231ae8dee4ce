/* drawing.c - see drawing.h */
#include "map/drawing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Pixels. */
#define CELL   7 /* a GPU, with the gap after it */
#define LABEL  10
#define MARGIN 6
#define HEAD   64

#define COLOURS 12

struct drawing {
	const struct pl_topo *topo;
	const struct pl_rankmap *map; /* NULL: none */
	uint32_t *rank_at;            /* by PE: 1 + rank, 0 for none */
	struct strbuf *out;
	int tile_level; /* a tile is a unit of it; the host where that is larger */
	int box_level;  /* and a box of this; -1: all tiles stand in one */
	uint32_t n_boxes, tiles_in_box /* most */, hosts_in_tile /* most */;
	uint32_t columns, box_columns; /* of tiles in a box, of boxes */
	uint32_t colour_block, n_colours;
	bool by_stage;
};

static bool same_unit(const struct drawing *d, uint32_t a, uint32_t b, int level)
{
	return level < 0 || pl_topo_common_level(d->topo, a, b) <= level;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Whether a tile, a box begins at the host whose first PE this is. */
static bool tile_begins(const struct drawing *d, uint32_t pe)
{
	return pe == 0 || !same_unit(d, pe, pe - 1, d->tile_level);
}

static bool box_begins(const struct drawing *d, uint32_t pe)
{
	return pe == 0 || !same_unit(d, pe, pe - 1, d->box_level);
}

/* Counts boxes, tiles and hosts, and arranges them to about three by two. */
static void arrange(struct drawing *d)
{
	uint32_t tiles = 0, hosts = 0, gpus = d->topo->gpus_per_host;
	double tile_area, box_width, box_height;

	for (uint32_t pe = 0; pe < d->topo->n_pes; pe += gpus) {
		if (box_begins(d, pe)) {
			d->n_boxes++;
			tiles = 0;
		}
		if (tile_begins(d, pe)) {
			tiles++;
			hosts = 0;
		}
		d->tiles_in_box = most(d->tiles_in_box, tiles);
		d->hosts_in_tile = most(d->hosts_in_tile, ++hosts);
	}
	tile_area = (double)d->hosts_in_tile / gpus;
	d->columns = (uint32_t)ceil(sqrt(d->tiles_in_box * tile_area * 1.5));
	if (d->columns > d->tiles_in_box)
		d->columns = d->tiles_in_box;
	box_width = d->columns * (gpus * CELL + MARGIN);
	box_height = ceil((double)d->tiles_in_box / d->columns) *
		     (d->hosts_in_tile * CELL + LABEL + MARGIN);
	d->box_columns = (uint32_t)ceil(sqrt(d->n_boxes * box_height / box_width * 1.5));
	if (d->box_columns > d->n_boxes)
		d->box_columns = d->n_boxes;
}

static uint32_t tile_width(const struct drawing *d)
{
	return d->topo->gpus_per_host * CELL + MARGIN;
}

static uint32_t tile_height(const struct drawing *d)
{
	return d->hosts_in_tile * CELL + LABEL + MARGIN;
}

static uint32_t box_width(const struct drawing *d)
{
	return d->columns * tile_width(d) + 2 * MARGIN;
}

static uint32_t box_height(const struct drawing *d)
{
	uint32_t rows = (d->tiles_in_box + d->columns - 1) / d->columns;

	return rows * tile_height(d) + LABEL + 2 * MARGIN;
}

/* ---- colours ---- */

static void choose_colours(struct drawing *d)
{
	struct pl_groups stages;
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	size_t n;

	if (d->map == NULL)
		return;
	pl_job_groups(&d->map->job, PL_FAMILY_PP, &stages);
	d->by_stage = stages.size > 1 && stages.ranks == NULL;
	if (d->by_stage) {
		d->colour_block = stages.member[0].stride;
		d->n_colours = stages.size;
		return;
	}
	n = job_blocks(&d->map->job, blocks);
	d->colour_block = n > 0 ? blocks[n - 1] : 1;
	d->n_colours = (d->map->n_ranks + d->colour_block - 1) / d->colour_block;
}

static uint32_t colour_of(const struct drawing *d, uint32_t rank)
{
	return rank / d->colour_block % d->n_colours % COLOURS;
}

/* The class of a GPU's cell: b broken, f free or healthy, else its colour. */
static void add_class(const struct drawing *d, uint32_t pe)
{
	if (d->topo->unusable[pe])
		strbuf_addc(d->out, 'b');
	else if (d->rank_at[pe] == 0)
		strbuf_addc(d->out, 'f');
	else
		strbuf_addf(d->out, "c%u", colour_of(d, d->rank_at[pe] - 1));
}

static void add_styles(const struct drawing *d)
{
	strbuf_adds(d->out, "<style>text{font:9px sans-serif;fill:#333}.t{font-size:16px}"
			    ".s{font-size:11px}.x{fill:#f6f6f4;stroke:#bbb}.r{fill:#fff;stroke:#ddd}"
			    ".b{fill:#d00000;stroke:#000;stroke-width:1}");
	strbuf_addf(d->out, ".f{fill:%s}", d->map != NULL ? "#dcdcdc" : "#5aa469");
	for (int i = 0; i < COLOURS; i++)
		strbuf_addf(d->out, ".c%d{fill:hsl(%d,%d%%,%d%%)}", i,
			    (200 + i * 150) % 360 / 15 * 15, i % 2 ? 70 : 50, i < 6 ? 58 : 40);
	strbuf_adds(d->out, "</style>\n");
}

/* ---- parts ---- */

static void add_escaped(struct strbuf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<':
			strbuf_adds(out, "&lt;");
			break;
		case '&':
			strbuf_adds(out, "&amp;");
			break;
		default:
			strbuf_addc(out, *text);
		}
	}
}

static void draw_key(struct drawing *d, uint32_t *x, const char *class, const char *words)
{
	strbuf_addf(d->out, "<path class=\"%s\" d=\"M%u 36h12v12h-12z\"/><text class=\"s\" x=\"%u\" "
			    "y=\"46\">%s</text>\n", class, *x, *x + 16, words);
	*x += 30 + 6 * (uint32_t)strlen(words);
}

static void draw_legend(struct drawing *d)
{
	uint32_t x = MARGIN;
	char class[16], words[64];

	for (uint32_t i = 0; d->map != NULL && i < d->n_colours && i < COLOURS; i++) {
		snprintf(class, sizeof(class), "c%u", i);
		snprintf(words, sizeof(words), "%s %u%s", d->by_stage ? "stage" : "block", i,
			 d->n_colours > COLOURS && i == 0 ? ", 12, .." : "");
		draw_key(d, &x, class, words);
	}
	draw_key(d, &x, "f", d->map != NULL ? "no rank" : "usable");
	draw_key(d, &x, "b", "unusable");
}

static void draw_head(struct drawing *d)
{
	uint32_t rows = (d->n_boxes + d->box_columns - 1) / d->box_columns;
	uint32_t width = d->box_columns * (box_width(d) + MARGIN) + MARGIN;

	strbuf_addf(d->out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\">\n",
		    most(width, 640), rows * (box_height(d) + MARGIN) + HEAD + MARGIN);
	add_styles(d);
	strbuf_addf(d->out, "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
			    "<text class=\"t\" x=\"%u\" y=\"22\">", MARGIN);
	add_escaped(d->out, d->topo->name);
	strbuf_adds(d->out, ": ");
	pl_topo_format_counts(d->topo, d->out);
	if (d->map != NULL)
		strbuf_addf(d->out, "; %u ranks", d->map->n_ranks);
	strbuf_adds(d->out, "</text>\n");
	draw_legend(d);
}

static void draw_host(struct drawing *d, uint32_t first, uint32_t x, uint32_t y)
{
	uint32_t gpus = d->topo->gpus_per_host;

	strbuf_adds(d->out, "<g><title>");
	add_escaped(d->out, pl_hostlist_name(d->topo->hosts, pl_topo_host(d->topo, first)));
	for (uint32_t i = 0; d->map != NULL && i < gpus; i++) {
		if (d->rank_at[first + i] > 0)
			strbuf_addf(d->out, " %u", d->rank_at[first + i] - 1);
	}
	strbuf_adds(d->out, "</title>");
	for (uint32_t i = 0; i < gpus; i++) {
		strbuf_adds(d->out, "<path class=\"");
		add_class(d, first + i);
		strbuf_addf(d->out, "\" d=\"M%u %uh6v6h-6z\"/>", x + i * CELL, y);
	}
	strbuf_adds(d->out, "</g>\n");
}

/* The corner of a box, and of a tile in it. */
static void place_box(const struct drawing *d, uint32_t box, uint32_t *x, uint32_t *y)
{
	*x = MARGIN + box % d->box_columns * (box_width(d) + MARGIN);
	*y = HEAD + box / d->box_columns * (box_height(d) + MARGIN);
}

static void draw_box(struct drawing *d, uint32_t box, uint32_t x, uint32_t y)
{
	const char *name = d->box_level >= 0 ? d->topo->levels[d->box_level].name : "machine";

	strbuf_addf(d->out, "<rect class=\"x\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"4\"/>"
			    "<text class=\"s\" x=\"%u\" y=\"%u\">", x, y, box_width(d),
		    box_height(d), x + MARGIN, y + LABEL + 1);
	add_escaped(d->out, name);
	strbuf_addf(d->out, " %u</text>\n", box + 1);
}

static void draw_tile(struct drawing *d, uint32_t tile, uint32_t x, uint32_t y)
{
	strbuf_addf(d->out, "<rect class=\"r\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"/>"
			    "<text x=\"%u\" y=\"%u\">%u</text>\n", x - 2, y - LABEL,
		    tile_width(d) - 3, tile_height(d) - 3, x, y - 2, tile);
}

static void draw_all(struct drawing *d)
{
	uint32_t box = UINT32_MAX, box_x = 0, box_y = 0, tile = 0, in_box = 0, x = 0, y = 0;

	for (uint32_t pe = 0; pe < d->topo->n_pes; pe += d->topo->gpus_per_host) {
		if (box_begins(d, pe)) {
			place_box(d, ++box, &box_x, &box_y);
			draw_box(d, box, box_x, box_y);
			in_box = 0;
		}
		if (tile_begins(d, pe)) {
			x = box_x + MARGIN + 2 + in_box % d->columns * tile_width(d);
			y = box_y + 2 * LABEL + MARGIN + in_box / d->columns * tile_height(d);
			draw_tile(d, ++tile, x, y);
			in_box++;
		}
		draw_host(d, pe, x, y);
		y += CELL;
	}
}

void pl_draw(const struct pl_topo *topo, const struct pl_rankmap *map, struct strbuf *out)
{
	struct drawing d = { .topo = topo, .map = map, .out = out, .box_level = -1 };

	d.rank_at = xcalloc(topo->n_pes, sizeof(*d.rank_at));
	for (uint32_t r = 0; map != NULL && r < map->n_ranks; r++)
		d.rank_at[map->places[r].pe] = r + 1;
	d.tile_level = topo->domain_level > topo->host_level ? topo->domain_level : topo->host_level;
	if (d.tile_level >= 0 && (size_t)d.tile_level + 2 < topo->n_levels)
		d.box_level = d.tile_level + 1;
	choose_colours(&d);
	arrange(&d);
	draw_head(&d);
	draw_all(&d);
	strbuf_adds(out, "</svg>\n");
	free(d.rank_at);
}
