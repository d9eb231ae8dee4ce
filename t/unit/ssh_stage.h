/*
 * ssh_stage.h - a stage of transport_cases.h over the ssh transport and a fleet of its own, for
 * what only ssh does.
 */
#ifndef PL_T_SSH_STAGE_H
#define PL_T_SSH_STAGE_H

#include "ssh_fleet.h"
#include "ssh/ssh.h"
#include "transport_cases.h"

/* The fleet of this program: started and stopped by its main. */
extern struct ssh_fleet fleet;

/* The ssh transport on that fleet, with the options of the last open_with. */
extern const struct transport_under_test ssh_under_test;

/* Opens a stage with these options; without a configuration in them, with the fleet's. */
void open_with(struct stage *st, struct ssh_options options);

#endif
