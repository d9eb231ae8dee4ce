/* error.c - see error.h */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void verrorf(struct pl_error *err, enum pl_error_code code, const char *fmt, va_list ap)
{
	if (err == NULL)
		return;
	err->code = code;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

int pl_errorf(struct pl_error *err, enum pl_error_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	verrorf(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

int pl_error_sys(struct pl_error *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	verrorf(err, PL_ESYS, fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(errnum));
	return -1;
}

int pl_error_prefix(struct pl_error *err, const char *fmt, ...)
{
	char before[sizeof(err->text)];
	char after[sizeof(err->text)];
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(before, sizeof(before), fmt, ap);
	va_end(ap);
	memcpy(after, err->text, sizeof(after));
	if (snprintf(err->text, sizeof(err->text), "%.400s: %.600s", before, after) < 0)
		err->text[0] = '\0';
	return -1;
}
