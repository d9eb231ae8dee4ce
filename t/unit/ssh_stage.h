/*
 * ssh_stage.h - a stage of transport_cases.h over the ssh transport and a fleet of its own, for
 * what only ssh does.
 */
#ifndef PL_T_SSH_STAGE_H
#define PL_T_SSH_STAGE_H

#include "ssh_fleet.h"
#include "ssh/ssh.h"
#include "transport_cases.h"

/* The fleet of this program, while run_on_fleet runs. */
extern struct ssh_fleet fleet;

/* What main does: starts a fleet of so many hosts, runs, stops it. Returns what `run` did; where
 * there can be no fleet it says so in TAP, and returns 0. */
int run_on_fleet(int hosts, int (*run)(void));

/* As UNIT_MAIN, on a fleet. */
#define FLEET_MAIN(hosts, tests)                                                                   \
	static int run_cases(void)                                                                 \
	{                                                                                          \
		return cmocka_run_group_tests_name(__FILE__, (tests), NULL, NULL);                 \
	}                                                                                          \
	int main(void)                                                                             \
	{                                                                                          \
		return run_on_fleet((hosts), run_cases);                                           \
	}

/* The ssh transport on that fleet, with the options of the last open_with. */
extern const struct transport_under_test ssh_under_test;

/* run_transport_cases on the fleet, with these options. */
int run_transport_cases_over_ssh(const char *name, struct ssh_options options);

/* Opens a stage with these options; without a configuration in them, with the fleet's. */
void open_with(struct stage *st, struct ssh_options options);

/* Runs `fn` on a stage whose hosts are those of a second sshd, which has these settings (words of
 * its command line, for a shell, with the fleet's folder as $D) beside the fleet's. */
void on_second_sshd(const char *settings, struct ssh_options options, void (*fn)(struct stage *st));

/* Another sshd of the fleet, with these settings ("-o MaxSessions=2 ..."): its port. Its key is in
 * kh_second of the fleet's folder, its pid in second.pid. One at a time. */
int second_sshd_start(const char *settings);
int second_sshd_port(void);
void second_sshd_stop(void);

/* Asserts how it ended, where, and that the reason holds these words. */
void assert_failed(const struct probe *p, enum outcome outcome, enum phase phase,
		   const char *words);

/* One command on a host that is this server: how it ended, which must be within its deadlines and
 * before the command began. */
struct task_result meet_bad_server(struct bad_server *b, struct ssh_options options);

#endif
