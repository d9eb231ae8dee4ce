/* digest.h - one row of the index from one journal: what reindex and listing read. */
#ifndef PL_STORE_DIGEST_H
#define PL_STORE_DIGEST_H

#include "store/store.h"

struct digest {
	struct store_row row; /* strings point into what is below */
	char *id, *kind, *name, *verdict, *dir;
};

/* Reads DIR/journal. O(its size). */
int digest_read(struct digest *d, const char *run_dir, struct pl_error *err);
void digest_fini(struct digest *d); /* safe twice */

#endif
