/* explain_text.h - how facts, units and groups are told in an explanation. Internal to map/. */
#ifndef PL_MAP_EXPLAIN_TEXT_H
#define PL_MAP_EXPLAIN_TEXT_H

#include "map/job.h"
#include "map/topo.h"

/* "  key       text", the text wrapped at 100 columns under itself. */
void explain_fact(struct strbuf *out, const char *key, const char *text);

/* "subject: text" as such a fact, the subject being the key; what has none is all text. */
void explain_sentence(struct strbuf *out, const char *sentence);

/* Unit `unit` (pl_topo_unit_index) of a level, "rack r001t[01-18]"; of level -1 the GPU of that
 * PE. */
void explain_unit(const struct pl_topo *topo, int level, uint32_t unit, struct strbuf *out);

/* "48-71", "0-56 by 8", "0 3 7 ... 40": the ranks of a group. */
void explain_ranks(const struct pl_groups *groups, uint32_t g, struct strbuf *out);

#endif
