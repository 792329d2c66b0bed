// mix stands in an image without a shell where the start script of `mix release` was. It
// does what that does, and the scripts elixir, iex and erl that it calls, for the commands
// start, start_iex, eval, rpc, remote, restart, stop, pid and version, and executes
// erlexec with the same arguments and the same environment. What env.sh sets stands in
// its settings, and so does a command where it stands for a script such as bin/server.
// A command of its own is health (health.h).
//
// Otherwise than the script it starts epmd itself, for which erlexec needs a shell, and
// finds or makes the cookie as the lines do that dram adds to env.sh.
//
// It is a static program without a C library; `make launcher` compiles it.

#include "../../../portable/launcher/call.h"

START(start);

#if defined(__x86_64__)
enum {
	SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_ioctl = 16, SYS_clone = 56, SYS_execve = 59, SYS_wait4 = 61, SYS_chdir = 80, SYS_getdents64 = 217,
	SYS_clock_gettime = 228, SYS_exit_group = 231, SYS_openat = 257, SYS_mkdirat = 258, SYS_readlinkat = 267, SYS_getrandom = 318
};
enum { O_DIRECTORY = 0200000 };
#elif defined(__aarch64__)
enum {
	SYS_ioctl = 29, SYS_mkdirat = 34, SYS_chdir = 49, SYS_openat = 56, SYS_close = 57, SYS_getdents64 = 61, SYS_read = 63, SYS_write = 64, SYS_readlinkat = 78,
	SYS_exit_group = 94, SYS_clock_gettime = 113, SYS_clone = 220, SYS_execve = 221, SYS_wait4 = 260, SYS_getrandom = 278
};
enum { O_DIRECTORY = 040000 };
#endif

enum { HERE = -100, O_WRONLY = 1, O_CREAT = 0100, O_EXCL = 0200, O_CLOEXEC = 02000000, SIGCHLD = 17, EEXIST = 17, TCGETS = 0x5401, CLOCK_REALTIME = 0 };
// settings are strings, each with its end: the release's name and version, that of ERTS,
// that of the Elixir whose scripts it does the same as (1702 for 1.17.2) and the flag by
// which these say the mode, the directory of the release that it goes to first, the words
// of the command that it always does and an empty string, and what env.sh sets, NAME=VALUE,
// in its order, until an empty string. In a value, \1NAME\2DEFAULT\3 is the variable, or
// where it is empty the default.
const char settings[8192] = "dram mix settings";

#include "words.h"

static const char *root, *name, *version, *erts, *mode, *place; // place: its folder of releases/
static word elixir;						 // what its scripts do otherwise than older ones

// filled is a value of the settings with its variables.
static const char *filled(const char *value)
{
	const char *from = room + used;
	for (; *value; value++) {
		if (*value != 1) {
			put(*value);
			continue;
		}
		char variable[256];
		word n = 0;
		for (value++; *value && *value != 2; value++)
			if (n < sizeof variable - 1)
				variable[n++] = *value;
		variable[n] = 0;
		const char *now = get(variable);
		add(now);
		for (value++; *value && *value != 3; value++)
			if (!*now)
				put(*value);
	}
	put(0);
	return from;
}

#include "files.h"
#include "health.h"

static int terminal(int fd)
{
	char settings_of[64];
	return call(SYS_ioctl, fd, TCGETS, (word)settings_of, 0, 0, 0) == 0;
}

// vm begins the arguments of erlexec as the scripts iex and elixir do, with those for Erlang.
static void vm(int iex, const char *more)
{
	arg("erlexec");
	if (elixir >= 1500)
		arg("-noshell");
	split(get("ELIXIR_ERL_OPTIONS"));
	if (elixir >= 1500 && elixir < 1700)
		split(iex && elixir > 1500 ? "-s elixir start_iex" : "-s elixir start_cli");
	if (elixir < 1900 && !*get("NO_COLOR") && terminal(1) && terminal(2))
		split("-elixir ansi_enabled true");
	if (elixir < 1500)
		split(iex ? "-noshell -user Elixir.IEx.CLI" : "-noshell -s elixir start_cli");
	else if (iex)
		split("-user elixir");
	else if (elixir >= 1700)
		split("-s elixir start_cli");
	split(more);
}

// iex_arguments are those that the script iex adds for Elixir.
static void iex_arguments(void)
{
	arg("--no-halt");
	if (elixir == 1500)
		arg("-e"), arg(":elixir.start_iex()");
	arg("+iex");
}

static int distributed;

static void node(const char *prefix)
{
	const char *how = get("RELEASE_DISTRIBUTION");
	if (same(how, "none"))
		return;
	if (!same(how, "name") && !same(how, "sname")) {
		print(2, elixir < 1702 ? "ERROR: Expected sname, name, or none in RELEASE_DISTRIBUTION" : "ERROR: Expected RELEASE_DISTRIBUTION to be sname, name, or none");
		print(2, ", got: "), print(2, how), print(2, "\n");
		return; // and the script goes on
	}
	distributed = 1;
	arg(joined("-", how, "", "")), split(joined(prefix, get("RELEASE_NODE"), "", ""));
}

static void boot(const char *script, const char *args)
{
	arg("-boot"), arg(joined(place, "/", script, ""));
	arg("-boot_var"), arg("RELEASE_LIB"), arg(joined(root, "/lib", "", ""));
	if (args)
		arg("-args_file"), arg(args);
	arg("-extra");
}

static void cookie(void) { arg("-setcookie"), arg(get("RELEASE_COOKIE")); }

static void begin(int iex)
{
	find_config();
	vm(iex, joined(mode, " ", get("RELEASE_MODE"), ""));
	cookie(), node(""), arg("-config"), arg(get("RELEASE_SYS_CONFIG"));
	boot(get("RELEASE_BOOT_SCRIPT"), get("RELEASE_VM_ARGS"));
	if (iex)
		iex_arguments();
	else
		arg("--no-halt");
}

static void eval(const char *const *args)
{
	find_config();
	vm(0, "");
	cookie(), arg("-config"), arg(get("RELEASE_SYS_CONFIG"));
	boot(get("RELEASE_BOOT_SCRIPT_CLEAN"), get("RELEASE_VM_ARGS"));
	arg("--eval"), arg(*args++);
	if (elixir < 1500)
		return; // what comes after it is not handed on
	arg("--");
	while (*args)
		arg(*args++);
}

// ask has another VM speak with the node that runs: an expression, or a shell for none.
static void ask(const char *expression)
{
	vm(!expression, "-hidden");
	cookie(), node(joined(expression ? "rpc-" : "rem-", random(2), "-", ""));
	boot(get("RELEASE_BOOT_SCRIPT_CLEAN"), elixir < 1200 ? 0 : get("RELEASE_REMOTE_VM_ARGS"));
	if (expression)
		arg("--rpc-eval"), arg(get("RELEASE_NODE")), arg(expression);
	else
		iex_arguments(), arg("--remsh"), arg(get("RELEASE_NODE"));
}

// flag_of is what follows a flag in a text of arguments, 0 where that has it not.
static const char *flag_of(const char *text, const char *flag)
{
	word n = length(flag);
	for (int comment = 0, fresh = 1; *text; text++) {
		comment = *text == '#' || (comment && *text != '\n');
		if (!comment && fresh && begins(text, flag) && blank(text[n])) {
			text += n;
			while (blank(*text))
				text++;
			return text;
		}
		fresh = blank(*text);
	}
	return 0;
}

// without_epmd says whether a text of arguments tells the VM to do without it.
static int without_epmd(const char *text)
{
	const char *value = flag_of(text, "-start_epmd");
	return value && begins(value, "false");
}

// start_epmd does what erlexec has a shell do.
static void start_epmd(const char *args, char *bin)
{
	if (!distributed || (read(args) > 0 && without_epmd(file)) || without_epmd(get("ERL_AFLAGS")) || without_epmd(get("ERL_FLAGS")) ||
	    without_epmd(get("ERL_ZFLAGS")) || without_epmd(get("ELIXIR_ERL_OPTIONS")))
		return;
	const char *program = joined(bin, "/epmd", "", ""), *epmd[] = {program, "-daemon", 0};
	long child = call(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
	if (child == 0) {
		call(SYS_execve, (word)program, (word)epmd, (word)env, 0, 0, 0);
		end(127);
	}
	if (child > 0)
		call(SYS_wait4, child, 0, 0, 0, 0, 0);
}

static const char *base(const char *path)
{
	const char *from = path;
	for (; *path; path++)
		from = *path == '/' ? path + 1 : from;
	return from;
}

static void usage(const char *program, const char *command)
{
	print(2, "Usage: "), print(2, program), print(2, " COMMAND [ARGS]\n\nThe known commands are:\n\n"
	    "    start          Starts the system\n"
	    "    start_iex      Starts the system with IEx attached\n"
	    "    eval \"EXPR\"    Executes the given expression on a new, non-booted system\n"
	    "    rpc \"EXPR\"     Executes the given expression remotely on the running system\n"
	    "    remote         Connects to the running system via a remote shell\n"
	    "    restart        Restarts the running system via a remote command\n"
	    "    stop           Stops the running system via a remote command\n"
	    "    pid            Prints the operating system PID of the running system via a remote command\n"
	    "    version        Prints the release name and version to be booted\n"
	    "    health [URL]   Tells whether the running system answers, without starting another\n\n");
	if (same(command, "daemon") || same(command, "daemon_iex"))
		fail("this image has no shell, which a daemon is started by; containers start in the foreground: ", "start");
	if (*command)
		fail("Unknown command ", command);
	end(0);
}

static void choose(const char *program, const char *const *args)
{
	const char *command = args[0] ? args[0] : "", *operand = args[0] && args[1] ? args[1] : "";
	if (same(command, "start") || same(command, "start_iex"))
		begin(same(command, "start_iex"));
	else if (same(command, "eval"))
		*operand ? eval(args + 1) : fail("EVAL expects an expression as argument", "");
	else if (same(command, "rpc"))
		*operand ? ask(operand) : fail("RPC expects an expression as argument", "");
	else if (same(command, "restart") || same(command, "stop"))
		ask(joined("System.", command, "()", ""));
	else if (same(command, "pid"))
		ask("IO.puts System.pid()");
	else if (same(command, "remote"))
		ask(0);
	else if (same(command, "health"))
		health(operand);
	else if (same(command, "version"))
		print(1, joined(get("RELEASE_NAME"), " ", get("RELEASE_VSN"), "\n")), end(0);
	else
		usage(program, command);
}

// find_root takes the release's directory from this file's own place, bin/NAME in it.
static void find_root(const char *self)
{
	char *at = room + used;
	long n = call(SYS_readlinkat, HERE, (word) "/proc/self/exe", (word)at, 4096, 0, 0);
	if (n <= 0)
		for (n = 0; n < 4096 && self[n]; n++)
			at[n] = self[n];
	for (int up = 0; up < 2; up++)
		while (n > 0 && at[--n] != '/')
			;
	at[n] = 0, used += n + 1, root = at;
}

static const char *next(const char *s) { return s + length(s) + 1; }

static void take_environment(const char *setting, const char *program, const char *command)
{
	set("RELEASE_ROOT", root), or("RELEASE_NAME", name), or("RELEASE_VSN", version);
	set("RELEASE_COMMAND", command);
	if (elixir >= 1200)
		or("RELEASE_PROG", program);
	if (elixir < 1400)
		or("RELEASE_MODE", "embedded");
	place = joined(root, "/releases/", get("RELEASE_VSN"), "");
	for (; *setting; setting = next(setting)) {
		word n = 0;
		char variable[256];
		for (; setting[n] != '=' && n < sizeof variable - 1; n++)
			variable[n] = setting[n];
		variable[n] = 0;
		set(variable, filled(setting + n + 1));
	}
	find_cookie(command);
	or("RELEASE_MODE", "embedded"), or("RELEASE_NODE", get("RELEASE_NAME")), or("RELEASE_TMP", joined(root, "/tmp", "", ""));
	or("RELEASE_VM_ARGS", joined(place, "/vm.args", "", ""));
	if (elixir >= 1200)
		or("RELEASE_REMOTE_VM_ARGS", joined(place, "/remote.vm.args", "", ""));
	or("RELEASE_DISTRIBUTION", "sname"), or("RELEASE_BOOT_SCRIPT", "start"), or("RELEASE_BOOT_SCRIPT_CLEAN", "start_clean");
}

void __attribute__((noreturn, used)) start(word *stack)
{
	const char **args = (const char **)stack + 1, **given = args + stack[0] + 1, *fixed[64], *setting = settings;
	const char *program = stack[0] ? args[0] : "release";
	word n = 0;
	__asm__("" : "+r"(setting)); // what is compiled in is not what will be there
	name = setting, version = next(name), erts = next(version);
	for (setting = next(erts); *setting; setting++)
		elixir = elixir * 10 + *setting - '0';
	mode = setting + 1;
	const char *directory = next(mode);
	setting = next(directory);
	for (; *setting && n < 63; setting = next(setting))
		fixed[n++] = setting;
	fixed[n] = 0, setting++;
	for (; *given && variables < WORDS - 1; given++)
		env[variables++] = *given;
	find_root(program);
	if (*directory && call(SYS_chdir, (word)joined(root, "/", directory, ""), 0, 0, 0, 0, 0) < 0)
		fail("cannot go to ", directory);
	const char *const *command = n ? fixed : args + (stack[0] ? 1 : 0);
	program = n ? name : base(program); // a script in its place would have handed on
	take_environment(setting, program, *command ? *command : "");
	choose(program, command);

	const char *bin = joined(root, "/erts-", erts, "/bin"), *top = elixir < 1200 ? "" : get("ERL_ROOTDIR"), *more = "RELEASE_VM_ARGS";
	if (asks(*command))
		more = elixir < 1200 ? "" : "RELEASE_REMOTE_VM_ARGS";
	set("EMU", "beam"), set("ROOTDIR", *top ? top : root), set("BINDIR", bin), set("PROGNAME", "erl");
	start_epmd(get(more), (char *)bin);
	argv[0] = joined(bin, "/erlexec", "", "");
	call(SYS_execve, (word)argv[0], (word)argv, (word)env, 0, 0, 0);
	fail("cannot execute ", argv[0]);
}
