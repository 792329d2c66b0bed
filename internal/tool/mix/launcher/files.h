// The files that a start reads and writes: the cookie, and the configuration.

// of finds a variable in the environment of a process of this very release.
static const char *of(const char *process)
{
	long n = read(joined("/proc/", process, "/environ", ""));
	const char *cookie = "", *line;
	int ours = 0;
	for (long at = 0; at < n; at += length(line) + 1) {
		line = file + at;
		ours |= begins(line, "RELEASE_ROOT=") && same(line + 13, root);
		if (begins(line, "RELEASE_COOKIE="))
			cookie = line + 15;
	}
	return ours ? joined(cookie, "", "", "") : "";
}

struct entry {
	word ino, off;
	unsigned short size;
	unsigned char type;
	char name[];
};

// running is the cookie of a node of this release that runs here.
static const char *running(void)
{
	static char list[4096] __attribute__((aligned(8)));
	const char *cookie = "";
	long fd = call(SYS_openat, HERE, (word) "/proc", O_DIRECTORY | O_CLOEXEC, 0, 0, 0), n;
	if (fd < 0)
		return "";
	while (!*cookie && (n = call(SYS_getdents64, fd, (word)list, sizeof list, 0, 0, 0)) > 0)
		for (long at = 0; at < n && !*cookie; at += ((struct entry *)(list + at))->size) {
			const char *process = ((struct entry *)(list + at))->name;
			if (*process >= '1' && *process <= '9')
				cookie = of(process);
		}
	call(SYS_close, fd, 0, 0, 0, 0, 0);
	return cookie;
}

static int asks(const char *command)
{
	return same(command, "rpc") || same(command, "remote") || same(command, "restart") || same(command, "stop") || same(command, "pid");
}

static void find_cookie(const char *command)
{
	if (*get("RELEASE_COOKIE")) {
		or("RELEASE_COOKIE", "");
		return;
	}
	long n = read(joined(root, "/releases/COOKIE", "", ""));
	while (n > 0 && file[n - 1] == '\n')
		file[--n] = 0;
	const char *cookie = n > 0 ? joined(file, "", "", "") : asks(command) ? running() : "";
	set("RELEASE_COOKIE", *cookie ? cookie : random(32));
}

static void write_file(const char *path, const char *text, word n)
{
	long fd = call(SYS_openat, HERE, (word)path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666, 0, 0), done = 0;
	while (fd >= 0 && n > 0 && (done = call(SYS_write, fd, (word)text, n, 0, 0, 0)) > 0)
		text += done, n -= done;
	if (fd < 0 || done < 0)
		fail("Cannot start release because it could not write ", path);
	call(SYS_close, fd, 0, 0, 0, 0, 0);
}

static void make_directory(const char *path)
{
	char part[4097];
	for (word n = 0; n < sizeof part - 1; n++) {
		part[n] = path[n], part[n + 1] = 0;
		if (n && (path[n + 1] == '/' || !path[n + 1]))
			call(SYS_mkdirat, HERE, (word)part, 0777, 0, 0, 0); // what it comes to, writing shows
		if (!path[n] || !path[n + 1])
			return;
	}
}

static int holds(const char *text, const char *what)
{
	for (; *text; text++)
		if (begins(text, what))
			return 1;
	return 0;
}

// find_config is a copy of the configuration where that is read anew at each start, in
// the place that can be written to.
static void find_config(void)
{
	const char *config = elixir < 1100 ? "" : get("RELEASE_SYS_CONFIG"), *tmp = get("RELEASE_TMP");
	config = *config ? config : joined(place, "/sys", "", "");
	long n = read(joined(config, ".config", "", ""));
	if (n > 0 && holds(file, "RUNTIME_CONFIG=true")) {
		char stamp[24];
		word now[2], at = sizeof stamp - 1;
		call(SYS_clock_gettime, CLOCK_REALTIME, (word)now, 0, 0, 0, 0);
		stamp[at] = 0;
		for (; now[0]; now[0] /= 10)
			stamp[--at] = '0' + now[0] % 10;
		make_directory(tmp);
		config = joined(tmp, "/", get("RELEASE_NAME"), "-");
		config = joined(config, get("RELEASE_VSN"), "-", stamp + at);
		config = joined(config, "-", random(2), ".runtime");
		write_file(joined(config, ".config", "", ""), file, n);
	}
	set("RELEASE_SYS_CONFIG", config);
}
