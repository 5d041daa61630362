/* SPDX-License-Identifier: GPL-2.0-only */
/* For programs that a test ends, which then tell what they found. */
#ifndef WAIT_FOR_TERM_H
#define WAIT_FOR_TERM_H

#include <signal.h>
#include <stdio.h>

/* Says @word on stdout, and returns when SIGTERM has come since. */
static void wait_for_term(const char *word)
{
	sigset_t term;
	int sig;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	puts(word);
	fflush(stdout);
	sigwait(&term, &sig);
}

#endif
