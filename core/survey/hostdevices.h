/*
 * hostdevices.h - the GPUs and network adapters of one host, found in a tree of buses, and which
 * adapter is nearest to which GPU.
 *
 * Nearest is what shares the lowest element of the tree: a bridge, a socket, the host. Where one
 * holds several GPUs and several adapters they pair in order of their bus ids; an adapter is given
 * to one GPU only.
 */
#ifndef PL_MAP_HOSTDEVICES_H
#define PL_MAP_HOSTDEVICES_H

#include "survey/importxml.h"
#include "survey/survey.h"

#define HOSTDEVICES_MAX 1024 /* GPUs, and adapters, of a host */
#define HOSTDEVICES_NONE UINT32_MAX

enum hostdevices_kind { HOSTDEVICES_OTHER, HOSTDEVICES_GPU, HOSTDEVICES_ADAPTER };

struct hostdevice {
	char *bus_id, *name, *uuid, *model; /* NULL: unknown */
	uint32_t index;	 /* of a GPU, as the source numbers it; HOSTDEVICES_NONE: not told */
	uint32_t nearest; /* of a GPU: the adapter's place in the list */
	int numa;	  /* -1: unknown */
	int rail, plane;  /* of an adapter; -1: unknown */
	bool infiniband;
	double gbyte_s; /* of an adapter; 0: unknown */
};

struct hostdevice_list {
	struct hostdevice *items;
	size_t n, cap;
};

struct hostdevices {
	struct hostdevice_list gpus, adapters;
	uint32_t alone[2][HOSTDEVICES_MAX]; /* GPUs and adapters without a partner yet */
	size_t n_alone[2];
	size_t mark[2][IMPORTXML_MAX_DEPTH + 1]; /* n_alone where an element began, by depth */
};

struct hostdevices *hostdevices_create(void);
void hostdevices_destroy(struct hostdevices *d);

/* An element of the tree begins and ends, at this depth; what began inside has ended. */
void hostdevices_enter(struct hostdevices *d, size_t depth);
void hostdevices_leave(struct hostdevices *d, size_t depth);

/* A new GPU or adapter here; NULL when there are too many. Good until the next of its kind. */
struct hostdevice *hostdevices_add(struct hostdevices *d, enum hostdevices_kind kind,
				   const char *bus_id, int numa, struct pl_error *err);

/* What a PCI class ("0x030200", "0302", "0x020700") and a vendor ("0x10de", "10de") make of a
 * device; NULL: unknown. */
enum hostdevices_kind hostdevices_kind_of(const char *pci_class, const char *vendor);
bool hostdevices_is_infiniband(const char *pci_class);

/* All of it as facts about the host. GPUs that the source does not number are numbered in the order
 * of their bus ids, as nvidia-smi does. */
void hostdevices_tell(struct hostdevices *d, struct pl_survey *s, const char *host,
		      uint32_t source);

#endif
