/*
 * requests.h - what others ask of the controller of a run: the file `requests` in its folder.
 *
 * JSON objects, one a line, appended by whoever reaches the folder, on this machine or on another
 * one; read by the controller alone, which makes the file when it takes the run. A file that is
 * there already and is opened anew for each look is seen to grow within a second on network file
 * systems too, where a name that appears may stay unseen for a minute.
 *
 * Fields: "t" (seconds since 1970, of who asks), "want" ("cancel"), "by" (who asks), and "grace"
 * (seconds). What is older than its controller is not answered; a line that is no object is passed
 * over.
 */
#ifndef PL_STORE_REQUESTS_H
#define PL_STORE_REQUESTS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

#define REQUESTS_LOOK_US (1 * 1000000) /* between two looks of a controller */

struct requests;

/* Makes the file when it is not there. What it holds has been answered, or never will be. Where it
 * cannot be made, nothing is heard: never fails. */
struct requests *requests_open(const char *run_dir);
void requests_close(struct requests *r); /* NULL is a no-op */

/* Whether there is something new. One open() and one fstat(). */
bool requests_are_there(const struct requests *r);

/* Gives each new request (borrowed) to fn. */
void requests_look(struct requests *r, void (*fn)(void *arg, const json_t *request), void *arg);

/* Asks. `request` is borrowed. */
int requests_append(const char *run_dir, const json_t *request, struct pl_error *err);

#endif
