/* version.c - see version.h */
#include "base/version.h"

#include "config.h"

const char *pl_version(void)
{
	return PACKAGE_VERSION;
}
