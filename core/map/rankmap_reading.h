/* rankmap_reading.h - a map while it is read, shared by its formats. Internal to map/. */
#ifndef PL_MAP_RANKMAP_READING_H
#define PL_MAP_RANKMAP_READING_H

#include "map/topo.h"

/* One rank as it was read. */
struct reading_entry {
	uint32_t pe, line; /* line 0: not given; PE UINT32_MAX: given, but wrong */
};

struct reading {
	const struct pl_topo *topo;
	const char *name; /* of the text, for messages */
	struct reading_entry *ranks;
	size_t n, cap;
	uint32_t line;
	uint32_t *next_gpu; /* by host: ranks placed on it so far; NULL until asked for */
	struct strbuf problems; /* a line each */
	size_t n_problems;
};

/* One line without its comment and leading blanks, not empty; it may be changed. */
typedef void reading_line_f(struct reading *r, char *line);

/* Adds "NAME:LINE: what". Beyond READING_MAX_PROBLEMS they are only counted. */
#define READING_MAX_PROBLEMS 50
void reading_refuse(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Places a rank; what is wrong is a problem. */
void reading_place(struct reading *r, uint64_t rank, const char *host, uint64_t gpu);
void reading_place_pe(struct reading *r, uint64_t rank, uint64_t pe);

/* Which format a line is of, by its look; NULL for none. *name is set to that of the format. */
reading_line_f *reading_format(const char *line, const char **name);

#endif
