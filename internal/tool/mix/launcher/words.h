// The words, the variables and the files that the launcher puts together: all of them lie in
// room, and are never given back.

#include "../../../portable/launcher/text.h"

enum { ROOM = 1 << 20, WORDS = 4096, FILE_ROOM = 1 << 19 };

static char room[ROOM], file[FILE_ROOM];
static word used, words, variables;
static const char *argv[WORDS], *env[WORDS];

static int begins(const char *s, const char *with)
{
	while (*with && *s == *with)
		s++, with++;
	return !*with;
}

static void print(int to, const char *s) { call(SYS_write, to, (word)s, length(s), 0, 0, 0); }

static void __attribute__((noreturn)) end(int code)
{
	call(SYS_exit_group, code, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

static void __attribute__((noreturn)) fail(const char *what, const char *which)
{
	print(2, "ERROR: "), print(2, what), print(2, which), print(2, "\n");
	end(1);
}

static void put(char c)
{
	if (used == ROOM)
		fail("the environment is too large", "");
	room[used++] = c;
}

static void add(const char *s)
{
	while (*s)
		put(*s++);
}

// joined is several strings as one.
static const char *joined(const char *a, const char *b, const char *c, const char *d)
{
	const char *from = room + used;
	add(a), add(b), add(c), add(d), put(0);
	return from;
}

static const char *get(const char *variable)
{
	word n = length(variable);
	for (word i = 0; i < variables; i++)
		if (begins(env[i], variable) && env[i][n] == '=')
			return env[i] + n + 1;
	return "";
}

static void set(const char *variable, const char *value)
{
	const char *line = joined(variable, "=", value, "");
	word n = length(variable);
	for (word i = 0; i < variables; i++)
		if (begins(env[i], variable) && env[i][n] == '=') {
			env[i] = line;
			return;
		}
	if (variables == WORDS - 1)
		fail("there are too many variables", "");
	env[variables++] = line;
}

// or gives a variable a value where it has none, and what it has then.
static const char *or(const char *variable, const char *value)
{
	if (!*get(variable))
		set(variable, value);
	else
		set(variable, get(variable)); // it is passed on
	return get(variable);
}

static void arg(const char *s)
{
	if (words == WORDS - 1)
		fail("there are too many arguments", "");
	argv[words++] = s;
}

static int blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// split adds the words of a text, as a shell does that finds no quotes in it.
static void split(const char *s)
{
	while (*s) {
		while (blank(*s))
			s++;
		if (!*s)
			return;
		const char *from = room + used;
		while (*s && !blank(*s))
			put(*s++);
		put(0), arg(from);
	}
}

// read gives how much of a file there is in the room for files, -1 where it cannot be read.
static long read(const char *path)
{
	long fd = call(SYS_openat, HERE, (word)path, O_CLOEXEC, 0, 0, 0), n = 0, more = 0;
	if (fd < 0)
		return -1;
	while (n < FILE_ROOM - 1 && (more = call(SYS_read, fd, (word)file + n, FILE_ROOM - 1 - n, 0, 0, 0)) > 0)
		n += more;
	call(SYS_close, fd, 0, 0, 0, 0, 0);
	file[n] = 0;
	return more < 0 ? -1 : n;
}

// random adds that many bytes in hexadecimal.
static const char *random(word bytes)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char some[32];
	const char *from = room + used;
	if (call(SYS_getrandom, (word)some, bytes, 0, 0, 0, 0) != (long)bytes)
		fail("the kernel gives no random numbers", "");
	for (word i = 0; i < bytes; i++)
		put(digits[some[i] >> 4]), put(digits[some[i] & 15]);
	put(0);
	return from;
}
