/* version.h - which release of libperilune this is: "0.1.0". */
#ifndef PL_BASE_VERSION_H
#define PL_BASE_VERSION_H

#include "base/error.h"

PL_API const char *pl_version(void);

#endif
