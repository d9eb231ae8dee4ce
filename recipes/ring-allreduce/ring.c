/*
 * ring.c - a ring all-reduce over TCP on CPUs: float32 sums, reduce-scatter then all-gather.
 *
 * One process per rank, placed and started by whoever likes to, with torchrun's variables: RANK
 * LOCAL_RANK GROUP_RANK WORLD_SIZE LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT. Rank 0 listens there;
 * the others report where they listen and learn where their successor does. Every process binds
 * the address by which its SSH server was reached (third word of SSH_CONNECTION), so that hosts
 * which share one machine still differ; without SSH, the address that reaches the master.
 *
 * Output, one line as soon as a rank runs, and one from rank 0 at the end:
 *	rank=5 host=node2 local_rank=1 server=10.0.0.2
 *	bytes=1048576 ranks=8 seconds=0.0021 algbw_gb_s=0.49 busbw_gb_s=0.87
 *
 * The protocol of the links: messages of fixed structs in the byte order of the hosts, which are
 * taken to be of one kind; the magic number refuses the others. The star of control connections to
 * rank 0 stays open for the whole job: a rank that dies is noticed as a closed connection, one that
 * hangs by --timeout, and everybody leaves.
 *
 * Build: cc -O2 -o ring ring.c
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum exit_code {
	EXIT_SYSTEM = 1,
	EXIT_USAGE = 2,
	EXIT_WRONG_SUM = 3,
	EXIT_PEER = 4,	      /* a peer was lost or silent */
	EXIT_PORT_TAKEN = 98, /* try again with another MASTER_PORT */
};

#define MAGIC 0x50494e47u
#define ADDRESS_MAX 64
#define JOB_MAX 96
#define MAX_RANKS 100000

struct endpoint {
	char address[ADDRESS_MAX]; /* numeric */
	char port[8];
};

/* What a rank tells whom it connects to. */
struct hello {
	uint32_t magic, rank, world;
	char job[JOB_MAX]; /* a stranger on a reused port is told by it */
	struct endpoint listens;
};

/* What a rank reports to rank 0 when it is through. */
struct verdict {
	double seconds;
	uint64_t wrong; /* elements with a wrong sum */
};

struct ring {
	unsigned rank, world, local_rank;
	struct endpoint master, own;
	char job[JOB_MAX];
	size_t n; /* floats */
	unsigned iterations, warmup;
	int timeout_ms; /* without progress */
	int listener, next, prev;
	int *control; /* rank 0: one per rank, [0] unused; others: [0] goes to rank 0 */
	float *data, *incoming;
};

static unsigned rank_of_messages;

__attribute__((noreturn, format(printf, 2, 3)))
static void leave(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "ring: rank %u: ", rank_of_messages);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(code);
}

static double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- arguments and environment ---- */

static unsigned long number(const char *what, const char *text, unsigned long min,
			    unsigned long max)
{
	char *end;
	unsigned long value;

	if (text == NULL || *text < '0' || *text > '9')
		leave(EXIT_USAGE, "%s is %s, not a number", what, text ? text : "not set");
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || value < min || value > max)
		leave(EXIT_USAGE, "%s is %s, not within %lu and %lu", what, text, min, max);
	return value;
}

static void copy_word(char *to, size_t size, const char *what, const char *from)
{
	if (from == NULL || *from == '\0' || strlen(from) >= size)
		leave(EXIT_USAGE, "%s is %s", what, from && *from ? "too long" : "not set");
	strcpy(to, from);
}

static void read_environment(struct ring *ring)
{
	const char *job = getenv("PERILUNE_JOB");

	rank_of_messages = number("RANK", getenv("RANK"), 0, MAX_RANKS - 1);
	ring->rank = rank_of_messages;
	ring->world = number("WORLD_SIZE", getenv("WORLD_SIZE"), ring->rank + 1, MAX_RANKS);
	ring->local_rank = number("LOCAL_RANK", getenv("LOCAL_RANK"), 0, MAX_RANKS - 1);
	number("MASTER_PORT", getenv("MASTER_PORT"), 1, 65535);
	copy_word(ring->master.port, sizeof(ring->master.port), "MASTER_PORT",
		  getenv("MASTER_PORT"));
	copy_word(ring->master.address, sizeof(ring->master.address), "MASTER_ADDR",
		  getenv("MASTER_ADDR"));
	copy_word(ring->job, sizeof(ring->job), "PERILUNE_JOB", job ? job : "ring");
}

static void read_arguments(struct ring *ring, int argc, char **argv)
{
	size_t bytes = 1 << 20;
	int i;

	ring->iterations = 5;
	ring->warmup = 1;
	ring->timeout_ms = 60000;
	for (i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--bytes") == 0)
			bytes = number("--bytes", argv[i + 1], 4, 1ul << 40);
		else if (strcmp(argv[i], "--iterations") == 0)
			ring->iterations = number("--iterations", argv[i + 1], 1, 1000000);
		else if (strcmp(argv[i], "--warmup") == 0)
			ring->warmup = number("--warmup", argv[i + 1], 0, 1000000);
		else if (strcmp(argv[i], "--timeout") == 0)
			ring->timeout_ms = 1000 * number("--timeout", argv[i + 1], 1, 86400);
		else
			break;
	}
	if (i != argc)
		leave(EXIT_USAGE, "%s? usage: ring [--bytes N] [--iterations N] [--warmup N] "
		      "[--timeout SECONDS]", argv[i]);
	ring->n = bytes / sizeof(float);
}

/* The address by which this host was reached over SSH; "-" without SSH. */
static const char *server_address(void)
{
	static char server[ADDRESS_MAX];
	const char *connection = getenv("SSH_CONNECTION");

	if (connection == NULL || sscanf(connection, "%*s %*s %63s", server) != 1)
		strcpy(server, "-");
	return server;
}

/* ---- sockets ---- */

/* Waits until fd is ready for `events`; leaves when nothing happens for the time allowed. */
static void wait_ready(const struct ring *ring, int fd, short events, const char *what)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&p, 1, ring->timeout_ms);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		leave(EXIT_PEER, "%s: nothing for %d s", what, ring->timeout_ms / 1000);
	if (n < 0)
		leave(EXIT_SYSTEM, "poll: %s", strerror(errno));
}

static void check_transfer(ssize_t n, const char *what)
{
	if (n == 0)
		leave(EXIT_PEER, "%s: the peer has left", what);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		leave(EXIT_PEER, "%s: %s", what, strerror(errno));
}

static void send_all(const struct ring *ring, int fd, const void *bytes, size_t len,
		     const char *what)
{
	const char *at = bytes;
	ssize_t n;

	while (len > 0) {
		wait_ready(ring, fd, POLLOUT, what);
		n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		check_transfer(n, what);
		if (n > 0) {
			at += n;
			len -= n;
		}
	}
}

static void recv_all(const struct ring *ring, int fd, void *bytes, size_t len, const char *what)
{
	char *at = bytes;
	ssize_t n;

	while (len > 0) {
		wait_ready(ring, fd, POLLIN, what);
		n = recv(fd, at, len, MSG_DONTWAIT);
		check_transfer(n, what);
		if (n > 0) {
			at += n;
			len -= n;
		}
	}
}

static struct addrinfo *resolve(const struct endpoint *where, int flags)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	struct addrinfo *found;
	int rc = getaddrinfo(where->address, where->port, &hints, &found);

	if (rc != 0)
		leave(EXIT_SYSTEM, "address %s: %s", where->address, gai_strerror(rc));
	return found;
}

static void name_socket(int fd, struct endpoint *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&ss, len, out->address, sizeof(out->address), out->port,
			sizeof(out->port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		leave(EXIT_SYSTEM, "the own address: %s", strerror(errno));
}

/* Listens at `where` (port "0": any); `where` becomes what it got. */
static int listen_at(struct endpoint *where)
{
	struct addrinfo *ai = resolve(where, AI_PASSIVE);
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		leave(EXIT_SYSTEM, "socket: %s", strerror(errno));
	/* what an earlier job left in TIME_WAIT does not take the port; a listener does */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 4096) != 0)
		leave(errno == EADDRINUSE ? EXIT_PORT_TAKEN : EXIT_SYSTEM, "listen at %s port %s: %s",
		      where->address, where->port, strerror(errno));
	freeaddrinfo(ai);
	name_socket(fd, where);
	return fd;
}

/* A socket that will leave from our own address, as far as it is known yet. */
static int bound_socket(const struct ring *ring, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct endpoint from = ring->own;
	struct addrinfo *ai;

	if (fd < 0)
		leave(EXIT_SYSTEM, "socket: %s", strerror(errno));
	if (from.address[0] == '\0')
		return fd;
	strcpy(from.port, "0");
	ai = resolve(&from, AI_NUMERICHOST);
	if (ai->ai_family == family && bind(fd, ai->ai_addr, ai->ai_addrlen) != 0)
		leave(EXIT_SYSTEM, "bind %s: %s", from.address, strerror(errno));
	freeaddrinfo(ai);
	return fd;
}

/* Connects, again and again while nobody listens yet: ranks start in any order. */
static int connect_to(const struct ring *ring, const struct endpoint *where)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000000 };
	double deadline = now_seconds() + ring->timeout_ms / 1e3;
	struct addrinfo *ai = resolve(where, 0);
	int fd, one = 1;

	for (;;) {
		fd = bound_socket(ring, ai->ai_family);
		if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
			break;
		if (now_seconds() > deadline)
			leave(EXIT_PEER, "connect to %s port %s: %s", where->address, where->port,
			      strerror(errno));
		close(fd);
		nanosleep(&pause, NULL);
	}
	freeaddrinfo(ai);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* ---- rendezvous ---- */

static void say_hello(const struct ring *ring, int fd)
{
	struct hello hello = { .magic = MAGIC, .rank = ring->rank, .world = ring->world };

	strcpy(hello.job, ring->job);
	hello.listens = ring->own;
	send_all(ring, fd, &hello, sizeof(hello), "hello");
}

/* The next one of this job to connect; strangers are turned away. */
static int accept_hello(const struct ring *ring, struct hello *hello)
{
	int fd, one = 1;

	for (;;) {
		wait_ready(ring, ring->listener, POLLIN, "waiting for the other ranks");
		fd = accept4(ring->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		recv_all(ring, fd, hello, sizeof(*hello), "hello");
		hello->job[JOB_MAX - 1] = '\0';
		if (hello->magic == MAGIC && strcmp(hello->job, ring->job) == 0 &&
		    hello->world == ring->world && hello->rank < ring->world)
			break;
		close(fd);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Rank 0: waits for everybody, then tells each where its successor listens. */
static struct endpoint gather_ranks(struct ring *ring)
{
	struct endpoint *ends = calloc(ring->world + 1, sizeof(*ends)), successor;
	struct hello hello;
	unsigned r;
	int fd;

	if (ends == NULL)
		leave(EXIT_SYSTEM, "no memory for %u addresses", ring->world);
	ends[ring->world] = ring->own;
	for (r = 1; r < ring->world; r++) {
		fd = accept_hello(ring, &hello);
		if (hello.rank == 0 || ring->control[hello.rank] != 0)
			leave(EXIT_USAGE, "rank %u was started twice", hello.rank);
		ring->control[hello.rank] = fd;
		ends[hello.rank] = hello.listens;
	}
	for (r = 1; r < ring->world; r++)
		send_all(ring, ring->control[r], &ends[r + 1], sizeof(*ends), "addresses");
	successor = ends[1];
	free(ends);
	return successor;
}

/* The others: report to rank 0, learn the successor. */
static struct endpoint join_ranks(struct ring *ring)
{
	struct endpoint successor;

	ring->control[0] = connect_to(ring, &ring->master);
	if (ring->own.address[0] == '\0')
		name_socket(ring->control[0], &ring->own);
	strcpy(ring->own.port, "0");
	ring->listener = listen_at(&ring->own);
	say_hello(ring, ring->control[0]);
	recv_all(ring, ring->control[0], &successor, sizeof(successor), "addresses");
	return successor;
}

static void close_ring(struct ring *ring)
{
	struct endpoint successor;
	struct hello hello;

	if (strcmp(server_address(), "-") != 0)
		strcpy(ring->own.address, server_address());
	if (ring->rank == 0) {
		ring->own = ring->master;
		ring->listener = listen_at(&ring->own);
		successor = gather_ranks(ring);
	} else {
		successor = join_ranks(ring);
	}
	ring->next = connect_to(ring, &successor);
	say_hello(ring, ring->next);
	do { /* a late hello of somebody else is no predecessor */
		ring->prev = accept_hello(ring, &hello);
	} while (hello.rank != (ring->rank + ring->world - 1) % ring->world);
	fcntl(ring->next, F_SETFL, O_NONBLOCK);
	fcntl(ring->prev, F_SETFL, O_NONBLOCK);
}

/* ---- the collective ---- */

struct span {
	char *at;
	size_t left;
};

static void advance(struct span *span, ssize_t n, const char *what)
{
	check_transfer(n, what);
	if (n > 0) {
		span->at += n;
		span->left -= n;
	}
}

/* Sends to the successor and receives from the predecessor at the same time: with one after the
 * other, a full ring of senders would wait for ever. */
static void exchange(const struct ring *ring, struct span out, struct span in)
{
	struct pollfd p[3];
	int n;

	while (out.left > 0 || in.left > 0) {
		p[0] = (struct pollfd){ .fd = out.left ? ring->next : -1, .events = POLLOUT };
		p[1] = (struct pollfd){ .fd = in.left ? ring->prev : -1, .events = POLLIN };
		p[2] = (struct pollfd){ .fd = ring->rank ? ring->control[0] : -1,
					.events = POLLIN };
		n = poll(p, 3, ring->timeout_ms);
		if (n == 0)
			leave(EXIT_PEER, "the ring stands still for %d s", ring->timeout_ms / 1000);
		if (n < 0)
			continue;
		if (p[2].revents)
			leave(EXIT_PEER, "rank 0 has left");
		if (p[0].revents)
			advance(&out, send(ring->next, out.at, out.left, MSG_NOSIGNAL), "send");
		if (p[1].revents)
			advance(&in, recv(ring->prev, in.at, in.left, 0), "receive");
	}
}

/* Chunk c of the data; the first n % world chunks have one element more. */
static struct span chunk(const struct ring *ring, unsigned c)
{
	size_t small = ring->n / ring->world, more = ring->n % ring->world;
	size_t first;

	c %= ring->world;
	first = c * small + (c < more ? c : more);
	return (struct span){ (char *)(ring->data + first),
			      (small + (c < more)) * sizeof(float) };
}

static void add_chunk(const struct ring *ring, struct span to)
{
	float *sum = (float *)to.at;
	size_t i, n = to.left / sizeof(float);

	for (i = 0; i < n; i++)
		sum[i] += ring->incoming[i];
}

static void all_reduce(const struct ring *ring)
{
	unsigned step, at = ring->rank + ring->world;
	struct span from;

	for (step = 0; step + 1 < ring->world; step++) {
		from = chunk(ring, at - step - 1);
		exchange(ring, chunk(ring, at - step),
			 (struct span){ (char *)ring->incoming, from.left });
		add_chunk(ring, from);
	}
	for (step = 0; step + 1 < ring->world; step++)
		exchange(ring, chunk(ring, at + 1 - step), chunk(ring, at - step));
}

/* Nobody leaves before everybody has come: one token twice round the ring. */
static void barrier(const struct ring *ring)
{
	char token = 0;
	struct span none = { NULL, 0 }, one = { &token, 1 };
	int round;

	for (round = 0; round < 2 && ring->world > 1; round++) {
		if (ring->rank == 0)
			exchange(ring, one, none);
		exchange(ring, none, one);
		if (ring->rank != 0)
			exchange(ring, one, none);
	}
}

/* Small whole numbers: their sums are exact in float32 in any order. */
static void fill(const struct ring *ring)
{
	size_t i;

	for (i = 0; i < ring->n; i++)
		ring->data[i] = i % 13 + ring->rank % 7;
}

static uint64_t count_wrong(const struct ring *ring)
{
	uint64_t i, wrong = 0, ranks = 0;

	for (i = 0; i < ring->world; i++)
		ranks += i % 7;
	for (i = 0; i < ring->n; i++)
		wrong += ring->data[i] != (float)(ring->world * (i % 13) + ranks);
	return wrong;
}

static struct verdict measure(const struct ring *ring)
{
	struct verdict verdict = { 0, 0 };
	unsigned i;
	double begun;

	for (i = 0; i < ring->warmup + ring->iterations; i++) {
		fill(ring);
		barrier(ring);
		begun = now_seconds();
		all_reduce(ring);
		if (i >= ring->warmup)
			verdict.seconds += (now_seconds() - begun) / ring->iterations;
		verdict.wrong += count_wrong(ring);
	}
	return verdict;
}

/* The slowest rank's time counts; rank 0 lets the others go when it has heard from all. */
static struct verdict agree(const struct ring *ring, struct verdict mine)
{
	struct verdict theirs, all = mine;
	unsigned r;

	if (ring->rank != 0) {
		send_all(ring, ring->control[0], &mine, sizeof(mine), "verdict");
		recv_all(ring, ring->control[0], &all, sizeof(all), "the end");
		return all;
	}
	for (r = 1; r < ring->world; r++) {
		recv_all(ring, ring->control[r], &theirs, sizeof(theirs), "verdict");
		all.wrong += theirs.wrong;
		if (theirs.seconds > all.seconds)
			all.seconds = theirs.seconds;
	}
	for (r = 1; r < ring->world; r++)
		send_all(ring, ring->control[r], &all, sizeof(all), "the end");
	return all;
}

static void print_bandwidth(const struct ring *ring, double seconds)
{
	double algbw = ring->n * sizeof(float) / seconds / 1e9;

	printf("bytes=%zu ranks=%u seconds=%.9f algbw_gb_s=%.6f busbw_gb_s=%.6f\n",
	       ring->n * sizeof(float), ring->world, seconds, algbw,
	       algbw * 2 * (ring->world - 1) / ring->world);
}

int main(int argc, char **argv)
{
	struct ring ring = { .listener = -1, .next = -1, .prev = -1 };
	struct verdict all;
	char host[256] = "";

	read_environment(&ring);
	read_arguments(&ring, argc, argv);
	gethostname(host, sizeof(host) - 1);
	printf("rank=%u host=%s local_rank=%u server=%s\n", ring.rank, host, ring.local_rank,
	       server_address());
	fflush(stdout); /* where we are is worth knowing even when the job fails */
	ring.data = calloc(ring.n, sizeof(float));
	ring.incoming = calloc(ring.n / ring.world + 1, sizeof(float));
	ring.control = calloc(ring.world, sizeof(int));
	if (ring.data == NULL || ring.incoming == NULL || ring.control == NULL)
		leave(EXIT_SYSTEM, "no memory for %zu floats", ring.n);
	if (ring.world > 1)
		close_ring(&ring);
	all = agree(&ring, measure(&ring));
	if (all.wrong != 0)
		leave(EXIT_WRONG_SUM, "%llu sums are wrong", (unsigned long long)all.wrong);
	if (ring.rank == 0)
		print_bandwidth(&ring, all.seconds);
	free(ring.control);
	free(ring.incoming);
	free(ring.data);
	return 0;
}
