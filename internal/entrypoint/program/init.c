// init PROGRAM ARGS… is process 1 of an image: it starts the program, and is for it what
// process 1 has to be.
//
//   - Signals are passed on from the first instruction on. The kernel drops one that
//     process 1 has no handler for, as a shell has none; the program, which is not
//     process 1, is ended by it as anywhere else, and the exit code is 128 and the signal.
//   - SIGTERM is repeated while the program starts: the VM has a handler long before it
//     has a process that this could tell, and forgets what comes between. Each time after
//     half as long again, and the last within a minute of the start.
//   - A script that starts the VM and stays is ended by the signal, and the VM is then told
//     and waited for: what is left of the program's group.
//   - Processes whose parents ended are waited for, so that none stays.
//   - A limit of open files that nobody can have meant is lowered: programs go through all
//     that they might have open, a thousand million of them.
//   - The terminal is the program's, by a process group of its own: a key that interrupts
//     reaches it once.
//   - The exit code is the program's.
//
// It is a static program without a C library; `make launcher` compiles it.

#include "../../portable/launcher/call.h"

START(start);

#if defined(__x86_64__)
enum {
	SYS_write = 1, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14, SYS_ioctl = 16, SYS_clone = 56, SYS_execve = 59, SYS_wait4 = 61, SYS_kill = 62,
	SYS_setpgid = 109, SYS_getpgid = 121, SYS_rt_sigtimedwait = 128, SYS_prctl = 157, SYS_clock_gettime = 228, SYS_exit_group = 231,
	SYS_prlimit64 = 302
};
#elif defined(__aarch64__)
enum {
	SYS_ioctl = 29, SYS_write = 64, SYS_exit_group = 94, SYS_clock_gettime = 113, SYS_kill = 129, SYS_rt_sigaction = 134, SYS_rt_sigprocmask = 135,
	SYS_rt_sigtimedwait = 137, SYS_setpgid = 154, SYS_getpgid = 155, SYS_prctl = 167, SYS_clone = 220, SYS_execve = 221, SYS_wait4 = 260,
	SYS_prlimit64 = 261
};
#endif

enum {
	ENOENT = 2, EACCES = 13, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11, SIGTERM = 15, SIGCHLD = 17,
	SIGTSTP = 20, SIGCONT = 18, SIGTTIN = 21, SIGTTOU = 22, SIGSYS = 31, SIG_SETMASK = 2, WNOHANG = 1, WUNTRACED = 2, PR_SET_CHILD_SUBREAPER = 36, RLIMIT_NOFILE = 7,
	CLOCK_MONOTONIC = 1, TIOCGPGRP = 0x540F, TIOCSPGRP = 0x5410
};

#ifndef MOST_FILES
#define MOST_FILES (1 << 20) // that somebody may want a program to have open
#define FILES 65536          // in place of more
#endif

enum {
	STARTING = 60000,     // ms in which a SIGTERM may be lost on the program
	SOON = 200,           // ms until it is repeated
	LOOK = 100,           // ms between looks at what is left of its group
};

static word everything; // but what faults raise
static long child;    // the program, and its group
static int told;      // the signal that it was passed last
static int gone;      // it has ended, and others of its group have not
static int code;      // that it ended with
static long began;    // when it was started, in ms
static long due;      // when SIGTERM is to be repeated, 0 for never
static long pause;    // ms before that
static int terminal;  // standard input is one, and the program has it
static int group;     // that had it before

static long now(void)
{
	long t[2];
	call(SYS_clock_gettime, CLOCK_MONOTONIC, (word)t, 0, 0, 0, 0);
	return t[0] * 1000 + t[1] / 1000000;
}

static void say(const char *s)
{
	word n = 0;
	while (s[n])
		n++;
	call(SYS_write, 2, (word)s, n, 0, 0, 0);
}

static void __attribute__((noreturn)) end(int with)
{
	if (terminal)
		call(SYS_ioctl, 0, TIOCSPGRP, (word)&group, 0, 0, 0);
	call(SYS_exit_group, with, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

// send gives a signal to the program, or to what is left of its group.
static long send(int signal) { return call(SYS_kill, gone ? -child : child, signal, 0, 0, 0, 0); }

static void pass(int signal)
{
	send(told = signal);
	if (signal == SIGTERM && !due && now() - began < STARTING)
		due = now() + (pause = SOON);
}

static void repeat(void)
{
	if (!due || now() < due)
		return;
	send(SIGTERM);
	due = now() + (pause += pause / 2);
	if (due - began > STARTING)
		due = 0;
}

// ended says how the program ended, and whether others of its group are to be told what
// ended it.
static void ended(int status)
{
	int by = status & 0x7f;
	code = by ? 128 + by : status >> 8 & 0xff;
	gone = 1;
	if (!by || by != told || send(told) < 0)
		end(code);
}

static void reap(void)
{
	int status;
	long pid;
	while ((pid = call(SYS_wait4, -1, (word)&status, WNOHANG | WUNTRACED, 0, 0, 0)) > 0) {
		if (pid != child || gone)
			continue;
		if ((status & 0xff) != 0x7f)
			ended(status);
		else if (status >> 8 == SIGTSTP) // there is no shell that could have it go on
			call(SYS_kill, -child, SIGCONT, 0, 0, 0, 0);
	}
}

static void __attribute__((noreturn)) attend(void)
{
	for (;;) {
		long until = gone ? LOOK : due - now();
		until = until < 0 ? 0 : until;
		long timeout[2] = {until / 1000, until % 1000 * 1000000};
		long signal = call(SYS_rt_sigtimedwait, (word)&everything, 0, gone || due ? (word)timeout : 0, 8, 0, 0);
		if (signal == SIGCHLD)
			reap();
		else if (signal > 0 && signal != SIGTTIN && signal != SIGTTOU)
			pass(signal);
		repeat();
		if (gone && send(0) < 0)
			end(code);
	}
}

static void bound_files(void)
{
	word limit[2];
	if (call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (word)limit, 0, 0) == 0 && limit[0] > MOST_FILES) {
		limit[0] = FILES;
		call(SYS_prlimit64, 0, RLIMIT_NOFILE, (word)limit, 0, 0, 0);
	}
}

static void __attribute__((noreturn)) become(char **argv, char **env, word *mask)
{
	call(SYS_setpgid, 0, 0, 0, 0, 0, 0);
	if (terminal) {
		int own = call(SYS_getpgid, 0, 0, 0, 0, 0, 0);
		call(SYS_ioctl, 0, TIOCSPGRP, (word)&own, 0, 0, 0);
	}
	call(SYS_rt_sigprocmask, SIG_SETMASK, (word)mask, 0, 8, 0, 0);
	long error = call(SYS_execve, (word)argv[0], (word)argv, (word)env, 0, 0, 0);
	say("init: cannot start "), say(argv[0]);
	say(error == -ENOENT ? ": it is not there, or the program that its first line names is not\n" :
	    error == -EACCES ? ": it may not be executed\n" : ": it is no program of this system\n");
	call(SYS_exit_group, error == -ENOENT ? 127 : 126, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

void __attribute__((noreturn, used)) start(word *stack)
{
	static const word usual[4]; // SIGCHLD as it is without a handler, of which there is notice
	static const int faults[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
	word mask = 0;
	everything = ~0UL;
	for (word i = 0; i < sizeof faults / sizeof *faults; i++)
		everything &= ~(1UL << (faults[i] - 1));
	call(SYS_rt_sigprocmask, SIG_SETMASK, (word)&everything, (word)&mask, 8, 0, 0);
	call(SYS_rt_sigaction, SIGCHLD, (word)usual, 0, 8, 0, 0);
	char **argv = (char **)stack + 2, **env = (char **)stack + stack[0] + 2;
	if (stack[0] < 2) {
		say("init: name the program to start\n");
		end(2);
	}
	bound_files();
	call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0);
	terminal = call(SYS_ioctl, 0, TIOCGPGRP, (word)&group, 0, 0, 0) == 0 && group == (int)call(SYS_getpgid, 0, 0, 0, 0, 0, 0);
	began = now();
	child = call(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
	if (child == 0)
		become(argv, env, &mask);
	if (child < 0) {
		say("init: the limit of processes is reached\n");
		end(126);
	}
	call(SYS_setpgid, child, child, 0, 0, 0, 0);
	attend();
}
