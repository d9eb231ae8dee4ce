/* printer_private.h - the insides of a printer, shared by printer.c and printer_forms.c */
#ifndef PL_RUN_PRINTER_PRIVATE_H
#define PL_RUN_PRINTER_PRIVATE_H

#include "run/lines.h"
#include "run/outlet.h"
#include "run/printer.h"
#include "run/run.h"

/* One run that prints here. */
struct printer_run {
	struct printer_run *next;
	struct run *run;
	struct lines **lines; /* by task: [0] stdout, [1] stderr; NULL until a byte came */
	unsigned char *files; /* by task: bits of enum stream whose file was made */
	bool plain;	      /* one task, nobody to tell apart: bytes pass as they are */
};

struct printer {
	struct run_sink sink;
	struct printer_options options;
	char *outdir;
	struct outlet *out, *err; /* may be the same */
	struct printer_run *runs;
	loop_call_f on_empty;
	void *empty_arg;
	unsigned high; /* outlets above their high water mark */
	int failed;    /* errno of the first write that failed */
};

/* The line "label: text" of one task. */
void printer_line(const struct printer *p, struct strbuf *to, bool screen, enum stream stream,
		  const struct run_result *who, const char *text, size_t len, unsigned flags);

/* "perilune: host: what went wrong": a line of ours, harmless wherever it goes */
void printer_note(struct strbuf *to, const struct run_result *r);

/* One object of --json, and the last one. */
void printer_object(struct strbuf *to, const struct run_result *r);
void printer_summary(struct strbuf *to, const struct run *run);

/* Appends to the file of a stream, which the first time is made empty. Returns 0 or errno. */
int printer_file(const struct printer *p, const char *host, unsigned index, enum stream stream,
		 bool first, const void *bytes, size_t len);

#endif
