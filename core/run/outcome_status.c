/* outcome_status.c - from outcomes to the exit status of a process; see run.h */
#include "run/run.h"

#include "base/mem.h"

int outcome_exit_status(enum outcome o)
{
	switch (o) {
	case OUTCOME_NONE:
	case OUTCOME_OK:
		return 0;
	case OUTCOME_EXIT:
	case OUTCOME_SIGNAL:
		return 1;
	case OUTCOME_TIMEOUT:
	case OUTCOME_IDLE:
		return 124;
	case OUTCOME_UNREACHABLE:
	case OUTCOME_AUTH:
	case OUTCOME_HOSTKEY:
	case OUTCOME_LOST:
		return 3;
	case OUTCOME_CANCELED:
		return 130;
	case OUTCOMES:
		break;
	}
	return 1;
}

/* Higher is worse. A status that is not ours ranks just below the ones that are: it is some
 * program's own. */
static int badness(int status)
{
	static const int worst_last[] = { 99, 1, 124, 3, 143, 130, 2 };

	if (status == 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(worst_last); i++) {
		if (worst_last[i] == status)
			return (int)i + 1;
	}
	return 0;
}

int exit_status_worse(int a, int b)
{
	if (badness(a) == badness(b))
		return a > b ? a : b;
	return badness(a) > badness(b) ? a : b;
}
