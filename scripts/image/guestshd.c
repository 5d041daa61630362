// SPDX-License-Identifier: GPL-2.0-only
/*
 * guestshd PORT - runs in a guest, one process a virtio serial port, and
 * executes the commands that guestsh sends.  Lives as long as the guest.  A
 * command whose client has gone is killed, with its process group.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guestsh.h"

static int port;
static char line[2 * GUESTSH_COMMAND + 16];
static size_t line_len;
static sigset_t at_start;	/* the signal mask that commands get */
static sigset_t sigio;		/* SIGIO alone */

static void on_sigchld(int sig)
{
	(void)sig;		/* it is there to interrupt ppoll() */
}

/* An unconnected port reports POLLHUP, always; SIGIO tells of a change. */
static void wait_for_client(void)
{
	struct timespec limit = { .tv_sec = 5 };
	struct pollfd pfd = { .fd = port };

	while (poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLHUP))
		sigtimedwait(&sigio, NULL, &limit);
}

/* Returns false when the client has gone. */
static bool port_write(const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(port, p, len);

		if (n > 0) {
			p += n;
			len -= n;
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = port, .events = POLLOUT };

			poll(&pfd, 1, -1);
			if (pfd.revents & POLLHUP)
				return false;
		} else if (n < 0 && errno != EINTR) {
			return false;
		}
	}
	return true;
}

static bool send_frame(uint32_t type, const void *data, uint32_t len)
{
	struct {
		struct guestsh_frame head;
		char data[GUESTSH_DATA];
	} frame = { .head = { .type = type, .len = len } };

	memcpy(frame.data, data, len);
	return port_write(&frame, sizeof(frame.head) + len);
}

/* Returns true once a whole line is in "line", without its newline. */
static bool line_complete(void)
{
	char c;

	while (read(port, &c, 1) == 1) {
		if (c == '\n') {
			line[line_len] = '\0';
			line_len = 0;
			return true;
		}
		if (line_len < sizeof(line) - 1)
			line[line_len++] = c;
	}
	return false;
}

static void answer_hello(void)
{
	if (!strncmp(line, "hello ", 6) && strlen(line + 6) == GUESTSH_ID_LEN)
		send_frame(GUESTSH_HELLO, line + 6, GUESTSH_ID_LEN);
}

/* Decodes "run HEX" in place; returns the command or NULL. */
static char *decode_run(void)
{
	char *out = line;
	unsigned int c;

	if (strncmp(line, "run ", 4))
		return NULL;
	for (char *in = line + 4; sscanf(in, "%2x", &c) == 1; in += 2)
		*out++ = c;
	*out = '\0';
	return line;
}

static pid_t spawn(const char *command, int out, int err)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	sigprocmask(SIG_SETMASK, &at_start, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Sends what the pipe holds; returns false at its end. */
static bool relay(int pipe, uint32_t type)
{
	char data[GUESTSH_DATA];
	ssize_t n;

	while ((n = read(pipe, data, sizeof(data))) > 0)
		send_frame(type, data, n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/*
 * The command ends when its shell does, whatever it has left running: a
 * background program keeps its end of the pipe, and gets SIGPIPE.
 */
static int relay_until_exit(pid_t pid, int out, int err)
{
	struct pollfd pfd[] = {
		{ .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN },
		{ .fd = port, .events = 0 },	/* POLLHUP */
	};
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (ppoll(pfd, 3, NULL, &sigio) < 0)
			continue;
		if (pfd[2].revents & POLLHUP)
			kill(-pid, SIGKILL);
		if (pfd[0].revents && !relay(out, GUESTSH_STDOUT))
			pfd[0].fd = -1;
		if (pfd[1].revents && !relay(err, GUESTSH_STDERR))
			pfd[1].fd = -1;
	}
	relay(out, GUESTSH_STDOUT);
	relay(err, GUESTSH_STDERR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void run(const char *command)
{
	int out[2], err[2];
	int32_t status;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		exit(1);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);

	pid_t pid = spawn(command, out[1], err[1]);

	close(out[1]);
	close(err[1]);
	status = pid < 0 ? 126 : relay_until_exit(pid, out[0], err[0]);
	close(out[0]);
	close(err[0]);
	send_frame(GUESTSH_EXIT, &status, sizeof(status));
}

static void serve_client(void)
{
	struct pollfd pfd = { .fd = port, .events = POLLIN };

	for (;;) {
		while (line_complete()) {
			answer_hello();
			if (decode_run())
				run(line);
		}
		poll(&pfd, 1, -1);
		if (pfd.revents & POLLHUP)
			return;
	}
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_sigchld };
	sigset_t blocked;

	port = argc == 2 ? open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	if (port < 0) {
		perror("guestshd: cannot open the port");
		return 1;
	}
	sigprocmask(SIG_SETMASK, NULL, &at_start);
	sigemptyset(&sigio);
	sigaddset(&sigio, SIGIO);
	blocked = sigio;
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGCHLD, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	fcntl(port, F_SETOWN, getpid());
	fcntl(port, F_SETFL, O_NONBLOCK | O_ASYNC);

	wait_for_client();
	send_frame(GUESTSH_BOOT, "", 0);
	for (;;) {
		wait_for_client();
		line_len = 0;
		serve_client();
	}
}
