/*
 * simgrid_job.c - the traffic of one step of a job, for SimGrid's smpirun (t/bench/simgrid.sh).
 *
 *	simgrid_job GPUS_PER_HOST SIZE:PATTERN:BYTES...	axes from the inside; bytes as job.h has them
 *
 * One axis after the other, all its groups at once. Each rank is a machine of the simulator, named
 * by its number; so many in a row are a host. A ring visits each host once, in the order of the
 * lowest ranks, as NCCL's do. Rank 0 prints the seconds of the step, by the simulator's clock.
 */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smpi/smpi.h>

#define MAX_AXES 16

struct axis {
	int size, stride; /* stride: ranks between neighbours */
	char pattern[16];
	double bytes;
};

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "simgrid_job: %s: %s\n", what, text);
	MPI_Abort(MPI_COMM_WORLD, 1);
}

/* What is sent and received at once; all of it lies in one piece of memory, nobody reads it. */
struct exchange {
	MPI_Request *requests;
	int n;
	char *memory;
};

static void swap(struct exchange *x, int to, int from, double bytes)
{
	MPI_Isend(x->memory, (int)bytes, MPI_BYTE, to, 0, MPI_COMM_WORLD, &x->requests[x->n++]);
	MPI_Irecv(x->memory, (int)bytes, MPI_BYTE, from, 0, MPI_COMM_WORLD, &x->requests[x->n++]);
}

static void finish(struct exchange *x)
{
	MPI_Waitall(x->n, x->requests, MPI_STATUSES_IGNORE);
	x->n = 0;
}

/* Forward to the next, then backward to the one before: the two do not meet. */
static void pass_on(struct exchange *x, const int *members, int at, int n, double bytes)
{
	int before = at > 0 ? members[at - 1] : MPI_PROC_NULL;
	int next = at + 1 < n ? members[at + 1] : MPI_PROC_NULL;

	swap(x, next, before, bytes);
	finish(x);
	MPI_Barrier(MPI_COMM_WORLD);
	swap(x, before, next, bytes);
}

/* The ranks of a rank's group of an axis, in the order in which they are connected; returns where
 * the rank itself stands. `host` is by rank, NULL for the order of ranks. */
static int list_group(const struct axis *a, int rank, const int *host, int *members)
{
	int mine = rank / a->stride % a->size, first = rank - mine * a->stride, n = 0;

	for (int i = 0; i < a->size; i++)
		members[i] = first + i * a->stride;
	for (int i = 0; i < a->size && host != NULL; i++) {
		int at = n;

		/* behind the last one of the same host; a host that is new goes to the end */
		while (at > 0 && host[members[at - 1]] != host[first + i * a->stride])
			at--;
		at = at == 0 ? n : at;
		memmove(&members[at + 1], &members[at], sizeof(*members) * (size_t)(n++ - at));
		members[at] = first + i * a->stride;
	}
	for (mine = 0; members[mine] != rank; mine++)
		;
	return mine;
}

static void run_axis(const struct axis *a, int rank, const int *host, struct exchange *x)
{
	bool ring = strcmp(a->pattern, "ring") == 0;
	int members[a->size], n = a->size;
	int at = list_group(a, rank, ring ? host : NULL, members);

	if (ring) {
		swap(x, members[(at + 1) % n], members[(at + n - 1) % n], a->bytes);
	} else if (strcmp(a->pattern, "p2p") == 0) {
		pass_on(x, members, at, n, a->bytes);
	} else if (strcmp(a->pattern, "alltoall") == 0) {
		for (int i = 1; i < n; i++)
			swap(x, members[(at + i) % n], members[(at + n - i) % n], a->bytes / (n - 1));
	} else {
		fail("ring, p2p or alltoall, not", a->pattern);
	}
	finish(x);
}

static void read_axis(struct axis *a, const char *text, int stride)
{
	if (sscanf(text, "%d:%15[a-z0-9]:%lf", &a->size, a->pattern, &a->bytes) != 3 || a->size < 2)
		fail("SIZE:PATTERN:BYTES, not", text);
	a->stride = stride;
}

/* The host of each rank: the machine's number, which ends its name, by gpus_per_host. */
static int *ask_hosts(int gpus_per_host, int n)
{
	int *host = malloc(sizeof(*host) * (size_t)n), mine, len;
	char name[MPI_MAX_PROCESSOR_NAME];

	MPI_Get_processor_name(name, &len);
	mine = atoi(name + strcspn(name, "0123456789")) / gpus_per_host;
	MPI_Allgather(&mine, 1, MPI_INT, host, 1, MPI_INT, MPI_COMM_WORLD);
	return host;
}

static double run_step(const struct axis *axes, int n_axes, int rank, const int *host)
{
	double most = 0, begin;
	int n = 0;
	struct exchange x = { 0 };

	for (int i = 0; i < n_axes; i++) {
		most = axes[i].bytes > most ? axes[i].bytes : most;
		n = axes[i].size > n ? axes[i].size : n;
	}
	x.memory = SMPI_SHARED_MALLOC((size_t)most);
	x.requests = malloc(sizeof(*x.requests) * 2 * (size_t)n);
	MPI_Barrier(MPI_COMM_WORLD);
	begin = MPI_Wtime();
	for (int i = 0; i < n_axes; i++) {
		run_axis(&axes[i], rank, host, &x);
		MPI_Barrier(MPI_COMM_WORLD);
	}
	free(x.requests);
	SMPI_SHARED_FREE(x.memory);
	return MPI_Wtime() - begin;
}

int main(int argc, char **argv)
{
	struct axis axes[MAX_AXES];
	int rank, n, stride = 1, *host;
	double seconds;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &n);
	if (argc < 3 || argc - 2 > MAX_AXES || atoi(argv[1]) < 1)
		fail("use", "simgrid_job GPUS_PER_HOST SIZE:PATTERN:BYTES...");
	for (int i = 0; i < argc - 2; i++) {
		read_axis(&axes[i], argv[i + 2], stride);
		stride *= axes[i].size;
	}
	if (stride != n)
		fail("the axes make another number of ranks than", "-np");
	host = ask_hosts(atoi(argv[1]), n);
	seconds = run_step(axes, argc - 2, rank, host);
	if (rank == 0)
		printf("%.6f\n", seconds);
	free(host);
	MPI_Finalize();
	return 0;
}
