/* rankmap_limits.h - what a map tells of the limits it was made under. Internal to map/. */
#ifndef PL_MAP_RANKMAP_LIMITS_H
#define PL_MAP_RANKMAP_LIMITS_H

#include "map/portfolio.h"

/* Notes on islands, rails, blocks that are kept, and groups that are not whole. */
void rankmap_note_limits(struct pl_rankmap *map, const struct pl_map_request *request,
			 const struct portfolio *p);

/* Whether ranks are on the rails of their peers, a line; nothing where no rails are known. */
void rankmap_explain_rails(const struct pl_rankmap *map, struct strbuf *out);

/* The note on a map made elsewhere that lets groups cross between islands which may not. */
void rankmap_note_torn(struct pl_rankmap *map, const struct pl_map_request *request,
		       const uint32_t *pe);

/* No candidate was allowed: PL_EUSAGE, and returns NULL. */
struct pl_rankmap *rankmap_refuse_order(const struct pl_map_request *request,
					const struct portfolio *p, struct pl_error *err);

#endif
