/* leave.c - see leave.h */
#include "leave.h"

#include <termios.h>
#include <unistd.h>

#include "loop/child.h"

static struct termios saved;
static bool is_saved;

void leave_prepare(void)
{
	is_saved = tcgetattr(STDIN_FILENO, &saved) == 0;
}

_Noreturn void leave_now(struct loop *loop, int status)
{
	(void)loop;
	if (is_saved)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	_exit(status);
}
