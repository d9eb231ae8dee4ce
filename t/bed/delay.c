/*
 * delay IF1 IF2 DELAY_MS LOSS_PERCENT - a long, bad line between two interfaces: every frame that
 * comes in at one goes out at the other later, or never. For the beds of tests, in place of netem,
 * which not every kernel has. Offloads of both interfaces are turned off by whoever starts it.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FRAMES 8192 /* under way at once; more are lost, as in a full queue */
#define FRAME_MAX 2048

struct frame {
	int64_t due_us;
	int to;
	size_t len;
	char bytes[FRAME_MAX];
};

static struct frame line[FRAMES]; /* a ring, in the order in which they are due */
static size_t first, n_frames;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	if (a.sll_ifindex == 0 || fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		perror(name);
		exit(1);
	}
	return fd;
}

/* Takes one frame in, if it came from outside and is not lost. */
static void take(int from, int to, int64_t delay_us, int loss)
{
	struct frame *f = &line[(first + n_frames) % FRAMES];
	struct sockaddr_ll peer;
	socklen_t len = sizeof(peer);
	ssize_t n = recvfrom(from, f->bytes, FRAME_MAX, MSG_DONTWAIT, (struct sockaddr *)&peer, &len);

	if (n <= 0 || peer.sll_pkttype == PACKET_OUTGOING || n_frames == FRAMES - 1 ||
	    rand() % 100 < loss)
		return;
	f->due_us = now_us() + delay_us;
	f->to = to;
	f->len = (size_t)n;
	n_frames++;
}

static void send_due(void)
{
	while (n_frames > 0 && line[first].due_us <= now_us()) {
		(void)!send(line[first].to, line[first].bytes, line[first].len, MSG_DONTWAIT);
		first = (first + 1) % FRAMES;
		n_frames--;
	}
}

int main(int argc, char **argv)
{
	struct pollfd p[2];
	int64_t delay_us;
	int loss;

	if (argc != 5)
		return fprintf(stderr, "usage: delay IF1 IF2 DELAY_MS LOSS_PERCENT\n"), 2;
	p[0] = (struct pollfd){ .fd = open_interface(argv[1]), .events = POLLIN };
	p[1] = (struct pollfd){ .fd = open_interface(argv[2]), .events = POLLIN };
	delay_us = atoi(argv[3]) * 1000;
	loss = atoi(argv[4]);
	srand(1);
	for (;;) {
		int64_t left = n_frames > 0 ? line[first].due_us - now_us() : 1000000;

		if (poll(p, 2, left <= 0 ? 0 : (int)(left / 1000 + 1)) < 0)
			return 1;
		for (int i = 0; i < 2; i++) {
			if (p[i].revents != 0)
				take(p[i].fd, p[1 - i].fd, delay_us, loss);
		}
		send_due();
	}
}
