/* secret.c - see secret.h */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

#define SECRET_MAX 1024 /* bytes of a line, as in OpenSSH */

static const int SIGNALS[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU };

static volatile sig_atomic_t caught;

static void on_signal(int signo)
{
	caught = signo;
}

/* Without SA_RESTART: the read must end. */
static void catch_signals(struct sigaction *before)
{
	struct sigaction action = { .sa_handler = on_signal };

	caught = 0;
	for (size_t i = 0; i < ARRAY_LEN(SIGNALS); i++)
		sigaction(SIGNALS[i], &action, &before[i]);
}

static void restore_signals(const struct sigaction *before)
{
	for (size_t i = 0; i < ARRAY_LEN(SIGNALS); i++)
		sigaction(SIGNALS[i], &before[i], NULL);
}

/* The length of the line, or -1 when it did not come. What does not fit is lost. */
static ssize_t read_line(int fd, char *line)
{
	size_t len = 0;
	ssize_t n;
	char c;

	while ((n = read(fd, &c, 1)) == 1 && c != '\n') {
		if (len < SECRET_MAX - 1)
			line[len++] = c;
	}
	line[len] = '\0';
	return n < 0 || (n == 0 && len == 0) ? -1 : (ssize_t)len;
}

static ssize_t read_unseen(int fd, const char *prompt, char *line)
{
	struct sigaction before[ARRAY_LEN(SIGNALS)];
	struct termios shown, unseen;
	ssize_t len = -1;

	if (tcgetattr(fd, &shown) != 0)
		return -1;
	unseen = shown;
	unseen.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	catch_signals(before);
	if (tcsetattr(fd, TCSAFLUSH, &unseen) == 0 &&
	    write(fd, prompt, strlen(prompt)) == (ssize_t)strlen(prompt)) {
		len = read_line(fd, line);
		if (write(fd, "\n", 1) < 0)
			len = -1;
	}
	tcsetattr(fd, TCSAFLUSH, &shown);
	restore_signals(before);
	if (caught != 0)
		kill(getpid(), caught);
	return caught != 0 ? -1 : len;
}

char *secret_ask(const char *prompt, struct pl_error *err)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char *line;

	if (fd < 0)
		return pl_errorf(err, PL_EUNSUPPORTED,
				 "there is no terminal to ask for a password on"), NULL;
	line = xmalloc(SECRET_MAX);
	if (read_unseen(fd, prompt, line) < 0) {
		pl_errorf(err, PL_EUSAGE, "no password was given");
		explicit_bzero(line, SECRET_MAX);
		free(line);
		line = NULL;
	}
	close(fd);
	return line;
}

void secret_free(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}
