// Whether the release serves, asked without another VM: over HTTP, by a connection over TCP,
// or, when no address is given, of the node itself as other nodes begin to speak with it
// (the documentation of ERTS: "Distribution Protocol"). The node's answer needs no cookie.

#if defined(__x86_64__)
enum { SYS_setitimer = 38, SYS_socket = 41, SYS_connect = 42, SYS_setsockopt = 54 };
#elif defined(__aarch64__)
enum { SYS_setitimer = 103, SYS_socket = 198, SYS_connect = 203, SYS_setsockopt = 208 };
#endif

enum { INET = 2, INET6 = 10, STREAM = 1, SOCK_CLOEXEC = 02000000, SOL_SOCKET = 1, RCVTIMEO = 20, SNDTIMEO = 21, SILENCE = 5, ALL = 30 }; // seconds

struct address {
	unsigned char family[2], port[2], four[4], six[16], scope[4];
};

static void __attribute__((noreturn)) unhealthy(const char *why, const char *which)
{
	print(2, "unhealthy: "), print(2, why), print(2, which), print(2, "\n");
	end(1);
}

static const char *decimal(word n)
{
	char digits[24];
	word at = sizeof digits - 1;
	digits[at] = 0;
	do
		digits[--at] = '0' + n % 10;
	while (n /= 10);
	return joined(digits + at, "", "", "");
}

// number reads digits and says where they end; what is larger than a port counts as none.
static const char *number(const char *s, word *n)
{
	for (*n = 0; *s >= '0' && *s <= '9'; s++)
		*n = *n > 65535 ? *n : *n * 10 + *s - '0';
	return s;
}

// reach connects to a port of this machine, by either version of IP; -1 where nothing does.
static long reach(word port)
{
	static const word patience[2] = {SILENCE, 0};
	for (int family = INET;; family = INET6) {
		struct address to = {{family, 0}, {port >> 8, port & 255}, {0, 0, 0, 0}, {0}, {0}};
		if (family == INET)
			to.four[0] = 127, to.four[3] = 1;
		else
			to.six[15] = 1;
		long fd = call(SYS_socket, family, STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
		if (fd >= 0) {
			call(SYS_setsockopt, fd, SOL_SOCKET, RCVTIMEO, (word)patience, sizeof patience, 0);
			call(SYS_setsockopt, fd, SOL_SOCKET, SNDTIMEO, (word)patience, sizeof patience, 0);
			if (call(SYS_connect, fd, (word)&to, family == INET ? 16 : 28, 0, 0, 0) == 0)
				return fd;
			call(SYS_close, fd, 0, 0, 0, 0, 0);
		}
		if (family == INET6)
			return -1;
	}
}

// exchange sends some bytes and reads into file, until there are so many, or the end.
static long exchange(long fd, const char *text, word n, word enough)
{
	long done = 0, got = 0;
	while (n > 0 && (done = call(SYS_write, fd, (word)text, n, 0, 0, 0)) > 0)
		text += done, n -= done;
	while (n == 0 && got < (long)enough && (done = call(SYS_read, fd, (word)file + got, enough - got, 0, 0, 0)) > 0)
		got += done;
	file[got] = 0;
	return got;
}

static void ask_http(word port, const char *path)
{
	long fd = reach(port);
	if (fd < 0)
		unhealthy("nothing listens at port ", decimal(port));
	const char *request = joined("GET ", *path ? path : "/", " HTTP/1.1\r\nHost: localhost:", decimal(port));
	request = joined(request, "\r\nUser-Agent: dram-health\r\nAccept: */*\r\nConnection: close\r\n\r\n", "", "");
	long n = exchange(fd, request, length(request), 12);
	if (n < 12 || !begins(file, "HTTP/1."))
		unhealthy("no answer in HTTP comes from port ", decimal(port));
	if (file[9] != '2' && file[9] != '3')
		unhealthy("the answer is ", joined(file + 9, "", "", ""));
}

// epmd_port is the port of a node by what epmd says, and the version it speaks.
static word epmd_port(const char *node, word *speaks)
{
	word port = 4369, n = length(node);
	if (*get("ERL_EPMD_PORT"))
		number(get("ERL_EPMD_PORT"), &port);
	long fd = reach(port);
	if (fd < 0)
		unhealthy("epmd does not listen at port ", decimal(port));
	char ask[300] = {0, 0, 122};
	if (n > 255)
		unhealthy("the name is too long for epmd: ", node);
	ask[1] = n + 1, memcpy(ask + 3, node, n);
	const unsigned char *answer = (unsigned char *)file;
	if (exchange(fd, ask, n + 3, 12) < 10 || answer[0] != 119 || answer[1])
		unhealthy("epmd knows no node ", node);
	*speaks = answer[6] << 8 | answer[7];
	call(SYS_close, fd, 0, 0, 0, 0, 0);
	return answer[2] << 8 | answer[3];
}

// The flags without which a node of Erlang/OTP 26 or newer refuses another, and says so in
// its log, as they lie in a greeting of version 6, and in one of version 5.
static const unsigned char flags6[] = {0, 0, 0, 0x1d, 0x03, 0x87, 0xff, 0xb4}, flags5[] = {0x00, 0x87, 0xff, 0xb4};

static const char *flag_of(const char *text, const char *flag);

static void ask_node(void)
{
	const char *how = get("RELEASE_DISTRIBUTION");
	if (same(how, "none"))
		fail("RELEASE_DISTRIBUTION is none: there is no node to ask; ", "give an address: health http://:4000/");
	char node[256], hello[320];
	word n = 0, port = 0, speaks = 6, at;
	for (const char *s = get("RELEASE_NODE"); *s && *s != '@' && n < sizeof node - 1; s++)
		node[n++] = *s;
	node[n] = 0;
	if (read(get("RELEASE_VM_ARGS")) > 0 && flag_of(file, "-erl_epmd_port"))
		number(flag_of(file, "-erl_epmd_port"), &port);
	if (!port)
		port = epmd_port(node, &speaks);
	long fd = reach(port);
	if (fd < 0)
		unhealthy("the node does not listen at its port ", decimal(port));
	const char *self = joined("health-", random(4), "@health", "");
	n = length(self);
	memset(hello, 0, sizeof hello);
	if (speaks >= 6)
		hello[2] = 'N', memcpy(hello + 3, flags6, 8), hello[16] = n, at = 17;
	else
		hello[2] = 'n', hello[4] = 5, memcpy(hello + 5, flags5, 4), at = 9;
	memcpy(hello + at, self, n), hello[1] = at + n - 2;
	n = exchange(fd, hello, at + n, 3);
	// One that speaks TLS alone answers so, too.
	if (n < 3 || (file[2] != 's' && !(file[0] == 0x15 && file[1] == 3)))
		unhealthy("no answer comes from the node at port ", decimal(port));
}

static void __attribute__((noreturn)) health(const char *address)
{
	static const word limit[4] = {0, 0, ALL, 0};
	call(SYS_setitimer, 0, (word)limit, 0, 0, 0, 0);
	int http = begins(address, "http://");
	if (!*address) {
		ask_node();
	} else {
		word port = 0;
		const char *at = address + (http ? 7 : 6), *rest;
		at += begins(at, "localhost") ? 9 : begins(at, "127.0.0.1") ? 9 : begins(at, "[::1]") ? 5 : 0;
		rest = *at == ':' ? number(at + 1, &port) : at;
		if (http && *at != ':')
			port = 80;
		if ((!http && !begins(address, "tcp://")) || port < 1 || port > 65535 || (*rest && (*rest != '/' || !http)))
			fail("HEALTH expects http://:PORT/PATH or tcp://:PORT of this container, or nothing, got: ", address);
		if (http)
			ask_http(port, rest);
		else if (reach(port) < 0)
			unhealthy("nothing listens at port ", decimal(port));
	}
	print(1, "ok\n");
	end(0);
}
