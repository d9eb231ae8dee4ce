/* leave.c - see leave.h */
#include "leave.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/child.h"

#define PATIENCE_S 1

static const int signals[] = { SIGINT, SIGTERM };
static void (*taken_by_loop[ARRAY_LEN(signals)])(int);
static volatile sig_atomic_t count;
static volatile sig_atomic_t last;
static struct loop *armed_loop;
static void (*poke_running)(void);
static struct termios terminal;
static bool has_terminal;

_Noreturn void leave_now(int status)
{
	if (has_terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	child_kill_all(armed_loop);
	_exit(status);
}

static void on_alarm(int signo)
{
	(void)signo;
	leave_now(128 + last);
}

static void on_signal(int signo)
{
	last = signo;
	count = count + 1;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		if (signals[i] == signo)
			taken_by_loop[i](signo);
	}
	poke_running();
	if (count > 1)
		alarm(PATIENCE_S);
}

int leave_count(void)
{
	return count;
}

void leave_forget(void)
{
	count = 0;
	alarm(0);
}

void leave_arm(struct loop *loop, void (*poke)(void))
{
	struct sigaction action = { .sa_handler = on_alarm };

	if (armed_loop == NULL)
		has_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0;
	armed_loop = loop;
	poke_running = poke;
	sigaction(SIGALRM, &action, NULL);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		sigaction(signals[i], NULL, &action);
		taken_by_loop[i] = action.sa_handler;
		action.sa_handler = on_signal;
		sigaction(signals[i], &action, NULL);
	}
}
