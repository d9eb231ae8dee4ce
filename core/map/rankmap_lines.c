/* rankmap_lines.c - a line of each format that a map may be in; see rankmap_read.h */
#include "map/rankmap_reading.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A whole number that ends at *text; false where there is none. */
static bool read_number(const char **text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*value = strtoull(*text, &end, 10);
	*text = end;
	return true;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

static bool is_end(const char *text)
{
	return *skip_blanks(text) == '\0';
}

/* Cuts the first word off and returns what follows it. */
static char *cut_word(char *line, const char *delimiters)
{
	char *end = line + strcspn(line, delimiters);

	if (*end != '\0')
		*end++ = '\0';
	return end + strspn(end, " \t");
}

static bool word_follows(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

/* ---- formats that name the GPU ---- */

static void read_vector(struct reading *r, char *line)
{
	const char *at = line;
	uint64_t pe;

	if (!read_number(&at, &pe) || !is_end(at)) {
		reading_refuse(r, "'%s' is no PE number: line i says where rank i - 1 is", line);
		pe = UINT64_MAX; /* whatever it was meant to be, it is one rank */
	}
	reading_place_pe(r, r->n, pe);
}

/* The GPU that the next rank of a host gets, which is its local rank. */
static uint64_t next_gpu(struct reading *r, const char *host)
{
	size_t at = pl_hostlist_find(r->topo->hosts, host);

	if (r->next_gpu == NULL)
		r->next_gpu = xcalloc(pl_hostlist_count(r->topo->hosts), sizeof(*r->next_gpu));
	return at != SIZE_MAX ? r->next_gpu[at]++ : 0;
}

/* rank 0=host slot=0, where the slot is taken for a GPU; S* leaves it to the local rank */
static void read_rankfile(struct reading *r, char *line)
{
	static const char shape[] = "a line is 'rank 0=HOST slot=GPU', or slot=S*";
	const char *at = skip_blanks(line + strlen("rank"));
	char *host, *slot;
	uint64_t rank, gpu;

	if (!word_follows(line, "rank")) {
		reading_refuse(r, "'%s': %s", line, shape);
		return;
	}
	if (!read_number(&at, &rank) || *(at = skip_blanks(at)) != '=') {
		reading_refuse(r, "'%s': no rank number and '=': %s", line, shape);
		return;
	}
	host = line + (skip_blanks(at + 1) - line);
	slot = cut_word(host, " \t");
	if (*host == '\0' || *slot == '\0') {
		reading_refuse(r, "rank %llu: no host and slot: %s", (unsigned long long)rank,
			       shape);
		return;
	}
	if (word_follows(slot, "slot=") || word_follows(slot, "slots="))
		slot = strchr(slot, '=') + 1;
	if (word_follows(slot, "S*") && is_end(slot + 2)) {
		reading_place(r, rank, host, next_gpu(r, host));
		return;
	}
	at = slot;
	if (!read_number(&at, &gpu) || !is_end(at)) {
		reading_refuse(r, "rank %llu: 'slot=' takes one GPU index or S*, not '%s'",
			       (unsigned long long)rank, slot);
		reading_place_pe(r, rank, UINT64_MAX);
		return;
	}
	reading_place(r, rank, host, gpu);
}

/* rank,host,gpu,... */
static void read_csv(struct reading *r, char *line)
{
	const char *at = line;
	char *host, *rest;
	uint64_t rank, gpu;

	if (word_follows(line, "rank,"))
		return;
	if (!read_number(&at, &rank) || *at != ',') {
		reading_refuse(r, "'%s': no rank in the first column", line);
		return;
	}
	host = line + (at + 1 - line);
	rest = cut_word(host, ",");
	at = rest;
	if (*rest == '\0')
		reading_refuse(r, "rank %llu: no host and GPU", (unsigned long long)rank);
	else if (!read_number(&at, &gpu))
		reading_refuse(r, "rank %llu: '%s' is no GPU index", (unsigned long long)rank, at);
	else
		reading_place(r, rank, host, gpu);
}

/* The number that follows `flag` in a line; false where it is not there. */
static bool read_flag(const char *line, const char *flag, uint64_t *value)
{
	const char *at = strstr(line, flag);

	if (at == NULL)
		return false;
	at += strlen(flag);
	return read_number(&at, value);
}

/* host<tab>CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc-per-node=2 --node-rank=0 ... */
static void read_torchrun(struct reading *r, char *line)
{
	static const char devices[] = "CUDA_VISIBLE_DEVICES=";
	char *rest = cut_word(line, " \t");
	const char *gpus = strstr(rest, devices);
	uint64_t per_node, node, gpu, n = 0;

	if (gpus == NULL || !read_flag(rest, "--nproc-per-node=", &per_node) ||
	    !read_flag(rest, "--node-rank=", &node) || node > UINT32_MAX || per_node > UINT32_MAX) {
		reading_refuse(r, "'%s': no CUDA_VISIBLE_DEVICES, --nproc-per-node and --node-rank",
			       line);
		return;
	}
	gpus += strlen(devices);
	while (read_number(&gpus, &gpu)) {
		reading_place(r, node * per_node + n++, line, gpu);
		gpus += *gpus == ',';
	}
	if (n != per_node)
		reading_refuse(r, "%s: %llu GPUs for --nproc-per-node=%llu", line,
			       (unsigned long long)n, (unsigned long long)per_node);
}

/* ---- formats that leave the GPU to the local rank ---- */

/* The next `n` ranks go to the next GPUs of a host. */
static void place_next(struct reading *r, const char *host, uint64_t n)
{
	if (n > r->topo->gpus_per_host) {
		reading_refuse(r, "%s has %u GPUs, not %llu", host, r->topo->gpus_per_host,
			       (unsigned long long)n);
		n = r->topo->gpus_per_host;
	}
	for (uint64_t i = 0; i < n; i++)
		reading_place(r, r->n, host, next_gpu(r, host));
}

/* host slots=4 */
static void read_deepspeed(struct reading *r, char *line)
{
	char *rest = cut_word(line, " \t");
	const char *at = rest;
	uint64_t n;

	if (word_follows(rest, "slots="))
		at = rest + strlen("slots=");
	if (at == rest || !read_number(&at, &n) || !is_end(at) || n == 0)
		reading_refuse(r, "'%s%s%s': a line is 'HOST slots=RANKS'", line, *rest ? " " : "",
			       rest);
	else
		place_next(r, line, n);
}

/* host:1 */
static void read_mpich(struct reading *r, char *line)
{
	char *rest = cut_word(line, " \t"), *colon = strrchr(line, ':');
	const char *at = colon != NULL ? colon + 1 : "";
	uint64_t n;

	if (*rest != '\0' || !read_number(&at, &n) || *at != '\0' || n == 0) {
		reading_refuse(r, "'%s%s%s': a line is 'HOST:RANKS'", line, *rest ? " " : "", rest);
		return;
	}
	*colon = '\0';
	place_next(r, line, n);
}

/* host */
static void read_hosts(struct reading *r, char *line)
{
	char *rest = cut_word(line, " \t");

	if (*rest != '\0')
		reading_refuse(r, "'%s %s': a line is one host, where the next rank runs", line,
			       rest);
	else
		place_next(r, line, 1);
}

/* ---- which one ---- */

static bool all_digits(const char *line)
{
	return is_end(line + strspn(line, "0123456789"));
}

/* "rank 0=": a host may be called rank0. */
static bool is_rankfile(const char *line)
{
	return word_follows(line, "rank") && strchr(line, '=') != NULL;
}

static bool is_mpich(const char *line)
{
	const char *colon = strrchr(line, ':');

	return colon != NULL && colon[1] != '\0' && all_digits(colon + 1);
}

reading_line_f *reading_format(const char *line, const char **name)
{
	*name = NULL;
	if (word_follows(line, "rank,"))
		return *name = "csv", read_csv;
	if (all_digits(line))
		return *name = "vector", read_vector;
	if (is_rankfile(line) || word_follows(line, "rank "))
		return *name = "rankfile", read_rankfile;
	if (strstr(line, "torchrun ") != NULL)
		return *name = "torchrun", read_torchrun;
	if (strstr(line, " slots=") != NULL)
		return *name = "deepspeed", read_deepspeed;
	if (is_mpich(line))
		return *name = "mpich", read_mpich;
	if (line[strcspn(line, " \t<,;=")] == '\0')
		return *name = "seq or slurm", read_hosts;
	return NULL;
}
