/*
 * simgrid_job.c - the traffic of one step of a job, for SimGrid's smpirun (t/bench/simgrid.sh).
 *
 *	simgrid_job GPUS_PER_HOST SIZE:PATTERN:BYTES...	axes from the inside; bytes as job.h has them
 *
 * One axis after the other, all its groups at once, each a communicator of its own:
 *
 *	ring		an all-gather, for which smpirun is told the ring algorithm. It goes through
 *			hosts in the order of their lowest ranks, as NCCL's rings do
 *	alltoall	MPI_Alltoall, told to send to all at once, as NCCL's grouped sends do
 *	p2p		to the next and to the one before at once: in the steady state of a pipeline
 *			one micro-batch goes forward while another comes back
 *
 * Each rank is a machine of the simulator, named by its number; so many in a row are a host. Rank 0
 * prints the seconds of the step and of each axis, by the simulator's clock.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smpi/smpi.h>

#define MAX_AXES 16

/* What is sent and received, by all ranks, which are threads of one process (smpirun is told);
 * nobody reads it. */
static char *memory;

struct axis {
	int size, stride; /* stride: ranks between neighbours */
	char pattern[16];
	double bytes;
	MPI_Comm comm; /* the group of this rank */
};

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "simgrid_job: %s: %s\n", what, text);
	MPI_Abort(MPI_COMM_WORLD, 1);
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
	/* an all-gather would be the ring that is meant for groups, with n * n messages */
	MPI_Gather(&mine, 1, MPI_INT, host, 1, MPI_INT, 0, MPI_COMM_WORLD);
	MPI_Bcast(host, n, MPI_INT, 0, MPI_COMM_WORLD);
	return host;
}

/* The lowest rank of the group on this rank's host: what a ring is ordered by. */
static int first_on_host(const struct axis *a, int rank, const int *host)
{
	int first = rank - rank / a->stride % a->size * a->stride;

	while (host[first] != host[rank])
		first += a->stride;
	return first;
}

static void join_group(struct axis *a, int rank, int n, const int *host)
{
	int group = rank / (a->stride * a->size) * a->stride + rank % a->stride;
	int key = strcmp(a->pattern, "ring") == 0 ? first_on_host(a, rank, host) * n + rank : rank;

	MPI_Comm_split(MPI_COMM_WORLD, group, key, &a->comm);
}

static void exchange_with_neighbours(const struct axis *a)
{
	MPI_Request requests[4];
	int at, n = 0, bytes = (int)a->bytes;

	MPI_Comm_rank(a->comm, &at);
	for (int side = -1; side <= 1; side += 2) {
		int peer = at + side < 0 || at + side >= a->size ? MPI_PROC_NULL : at + side;

		MPI_Irecv(memory, bytes, MPI_BYTE, peer, 0, a->comm, &requests[n++]);
		MPI_Isend(memory, bytes, MPI_BYTE, peer, 0, a->comm, &requests[n++]);
	}
	MPI_Waitall(n, requests, MPI_STATUSES_IGNORE);
}

static void run_axis(const struct axis *a)
{
	int piece = (int)(a->bytes / (a->size - 1));

	if (strcmp(a->pattern, "ring") == 0)
		MPI_Allgather(MPI_IN_PLACE, piece, MPI_BYTE, memory, piece, MPI_BYTE, a->comm);
	else if (strcmp(a->pattern, "alltoall") == 0)
		MPI_Alltoall(memory, piece, MPI_BYTE, memory, piece, MPI_BYTE, a->comm);
	else if (strcmp(a->pattern, "p2p") == 0)
		exchange_with_neighbours(a);
	else
		fail("ring, p2p or alltoall, not", a->pattern);
}

/* A group's pieces, one's own with them. Memory that the simulator knows as shared is not copied.
 *  */
static void provide_memory(const struct axis *axes, int n_axes)
{
	double most = 0;

	for (int i = 0; i < n_axes; i++)
		most = axes[i].bytes > most ? axes[i].bytes : most;
	memory = SMPI_SHARED_MALLOC((size_t)most * 2);
}

/* Fills seconds, by axis. */
static void run_step(const struct axis *axes, int n_axes, double *seconds)
{
	for (int i = 0; i < n_axes; i++) {
		double begin;

		MPI_Barrier(MPI_COMM_WORLD);
		begin = MPI_Wtime();
		run_axis(&axes[i]);
		MPI_Barrier(MPI_COMM_WORLD);
		seconds[i] = MPI_Wtime() - begin;
	}
}

static void print_seconds(const double *seconds, int n)
{
	double step = 0;

	for (int i = 0; i < n; i++)
		step += seconds[i];
	printf("%.6f", step);
	for (int i = 0; i < n; i++)
		printf(" %.6f", seconds[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct axis axes[MAX_AXES];
	double seconds[MAX_AXES];
	int rank, n, stride = 1, *host;

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
	for (int i = 0; i < argc - 2; i++)
		join_group(&axes[i], rank, n, host);
	if (rank == 0)
		provide_memory(axes, argc - 2);
	run_step(axes, argc - 2, seconds);
	if (rank == 0)
		print_seconds(seconds, argc - 2);
	free(host);
	MPI_Finalize();
	return 0;
}
