/* ssh_stage.c - see ssh_stage.h */
#include "ssh_stage.h"

struct ssh_fleet fleet;
static int fleet_size;

int run_on_fleet(int hosts, int (*run)(void))
{
	const char *why = ssh_fleet_start(&fleet, hosts);
	int rc;

	if (why != NULL)
		return skip_all_transport_cases(why);
	fleet_size = hosts;
	rc = run();
	ssh_fleet_stop(&fleet);
	return rc;
}

void assert_failed(const struct probe *p, enum outcome outcome, enum phase phase,
			  const char *words)
{
	probe_ended(p, outcome);
	if (p->result.phase != phase)
		fail_msg("phase is %s, not %s: %s", phase_name(p->result.phase), phase_name(phase),
			 p->result.why);
	assert_says(p->result.why, words);
}

/* Another for each fleet (20000 to 31999), and none that the kernel gives to clients. */
int second_sshd_port(void)
{
	return fleet.port - 12000;
}

int second_sshd_start(const char *settings)
{
	int port = second_sshd_port();
	char line[600];

	second_sshd_stop(); /* a case that failed may have left it */
	snprintf(line, sizeof(line),
		 "$(PATH=$PATH:/usr/sbin command -v sshd) -f $D/sshd_config -p %d %s "
		 "-o PidFile=$D/second.pid && sed 's/:%d/:'%d/ $D/known_hosts >$D/kh_second && "
		 "i=0 && while [ ! -s $D/second.pid ] && [ $i -lt 500 ]; do "
		 "sleep 0.02; i=$((i + 1)); done; [ -s $D/second.pid ]",
		 port, settings, fleet.port, port);
	assert_int_equal(ssh_fleet_sh(&fleet, line), 0);
	return port;
}

void second_sshd_stop(void)
{
	ssh_fleet_sh(&fleet, "[ ! -e $D/second.pid ] || kill $(cat $D/second.pid); "
			     "while [ -e $D/second.pid ]; do sleep 0.02; done");
}

/* What a case wants of the transport; the rest is the fleet's. */
static struct ssh_options wanted;

static struct transport *create(struct loop *loop, void *arg)
{
	struct ssh_options options = wanted;

	(void)arg;
	if (options.config_path == NULL)
		options.config_path = fleet.config;
	return ssh_create(loop, &options, NULL);
}

static void host(char *name, size_t size, unsigned i, void *arg)
{
	(void)arg;
	snprintf(name, size, "127.1.0.%u", i + 1);
}

const struct transport_under_test ssh_under_test = {
	.name = "ssh", .time = LOOP_REAL, .shell = true, .create = create, .host = host
};

/* More hosts than the fleet has are not needed: it goes round. */
static void host_of_the_fleet(char *name, size_t size, unsigned i, void *arg)
{
	host(name, size, i % (unsigned)fleet_size, arg);
}

int run_transport_cases_over_ssh(const char *name, struct ssh_options options)
{
	struct transport_under_test tut = ssh_under_test;

	tut.name = name;
	tut.host = host_of_the_fleet;
	wanted = options;
	return run_transport_cases(&tut);
}

void open_with(struct stage *st, struct ssh_options options)
{
	wanted = options;
	stage_open(st, &ssh_under_test);
}

void on_second_sshd(const char *settings, struct ssh_options options, void (*fn)(struct stage *st))
{
	struct stage st;
	int port = second_sshd_start(settings);

	if (options.config_path == NULL)
		options.config_path = ssh_fleet_write(&fleet, "config2",
						      "Port %d\nIdentityFile %s/id_ed25519\n"
						      "UserKnownHostsFile %s/kh_second\n",
						      port, fleet.dir, fleet.dir);
	open_with(&st, options);
	fn(&st);
	stage_close(&st);
	second_sshd_stop();
}

struct task_result meet_bad_server(struct bad_server *b, struct ssh_options options)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct stage st = { .tut = &ssh_under_test, .loop = loop };
	struct probe p;
	int64_t began;

	bad_server_start(b, loop);
	options.config_path = ssh_fleet_write(&fleet, "config",
					      "Host *\nHostName 127.0.0.1\nPort %d\n"
					      "IdentityFile %s/id_ed25519\n", b->port, fleet.dir);
	st.tp = ssh_create(loop, &options, NULL);
	assert_non_null(st.tp);
	loop_timer_init(&st.watchdog, loop, NULL, NULL);
	began = loop_now_us(loop);
	probe_line(&p, &st, 0, "true");
	probe_start(&p);
	while (p.dones == 0)
		loop_turn(loop, LOOP_WAIT);
	assert_false(p.result.begun);
	/* three phases' worth, and a slow machine's share */
	assert_true(loop_now_us(loop) - began < 3 * options.connect_timeout_us + 2000000);
	probe_fini(&p);
	bad_server_stop(b);
	stage_close(&st);
	return p.result;
}
