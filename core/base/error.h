/*
 * error.h - how a call that failed says so.
 *
 * A function that can fail takes a `struct pl_error *` as its last parameter (NULL when the caller
 * does not want the words) and returns -1 or NULL. The message is one sentence for the person at
 * the terminal: what was attempted, on what, why it failed, and what to do about it.
 *
 *	return pl_errorf(err, PL_EUSAGE, "host set '%s': ']' expected at column %zu", text, col);
 */
#ifndef PL_BASE_ERROR_H
#define PL_BASE_ERROR_H

#ifdef __GNUC__
#define PL_API __attribute__((visibility("default")))
#define PL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PL_API
#define PL_PRINTF(fmt, args)
#endif

/* Only what a caller acts on differently. */
enum pl_error_code {
	PL_EOK = 0,
	PL_EUSAGE,	 /* what the caller handed in is wrong: exit status 2 */
	PL_ESYS,	 /* the system refused: file, memory map, descriptor, process */
	PL_ENOENT,	 /* the named thing does not exist */
	PL_EUNSUPPORTED, /* a right request this build, transport or format cannot serve */
	PL_EBUSY,	 /* somebody else holds it */
};

struct pl_error {
	enum pl_error_code code;
	char text[1024]; /* NUL-terminated, no newline at the end, cut when longer */
};

/*
 * Fills *err (which may be NULL) and returns -1, so that a failing call is one line.
 * A pointer-returning function writes `return pl_errorf(...), NULL;`.
 */
PL_API int pl_errorf(struct pl_error *err, enum pl_error_code code, const char *fmt, ...)
	PL_PRINTF(3, 4);

/* As pl_errorf with PL_ESYS, and appends ": " and strerror(errnum). */
PL_API int pl_error_sys(struct pl_error *err, int errnum, const char *fmt, ...) PL_PRINTF(3, 4);

/*
 * Puts "words: " before the message already in *err, to add where it happened. Keeps the code.
 * Returns -1.
 */
PL_API int pl_error_prefix(struct pl_error *err, const char *fmt, ...) PL_PRINTF(2, 3);

#endif
