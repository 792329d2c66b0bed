// The runner stands at the head of a portable release that is one executable
// (dram build --portable=run). Behind it in the file are the release's tarball, as gzip
// members, and an index of what it holds. It puts the files into a folder of the user's
// cache that is named by their digest, and executes the release's script there with the
// arguments that it was given.
//
// A file that is in that folder already with the size, the mode and the time that the
// index has is not written again, and where all are, nothing is unpacked nor locked. One
// that is not, since the start before was killed, the power was cut or somebody changed
// it, is written anew beside its place and renamed. Starts that have to write wait for
// one another. So a start never sees half of a release.
//
// It is a static program without a C library; `make launcher` compiles it.

#include "call.h"

typedef unsigned char byte;

#if defined(__x86_64__)
enum {
	SYS_write = 1, SYS_close = 3, SYS_mmap = 9, SYS_pread64 = 17, SYS_execve = 59, SYS_flock = 73, SYS_fchmod = 91, SYS_geteuid = 107,
	SYS_fstatfs = 138, SYS_exit_group = 231, SYS_openat = 257, SYS_mkdirat = 258, SYS_newfstatat = 262, SYS_unlinkat = 263,
	SYS_renameat = 264, SYS_symlinkat = 266, SYS_readlinkat = 267, SYS_utimensat = 280
};

// What stat(2) gives of a file.
struct stat {
	word dev, ino, nlink;
	unsigned mode, uid, gid, pad;
	word rdev;
	long size, blksize, blocks, atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns, unused[3];
};

enum { O_DIRECTORY = 0200000, O_NOFOLLOW = 0400000 };
#elif defined(__aarch64__)
enum {
	SYS_flock = 32, SYS_mkdirat = 34, SYS_unlinkat = 35, SYS_symlinkat = 36, SYS_renameat = 38, SYS_fstatfs = 44, SYS_fchmod = 52, SYS_openat = 56,
	SYS_close = 57, SYS_write = 64, SYS_pread64 = 67, SYS_readlinkat = 78, SYS_newfstatat = 79, SYS_utimensat = 88, SYS_exit_group = 94,
	SYS_geteuid = 175, SYS_execve = 221, SYS_mmap = 222
};

struct stat {
	word dev, ino;
	unsigned mode, nlink, uid, gid;
	word rdev, pad;
	long size;
	int blksize, pad2;
	long blocks, atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	unsigned unused[2];
};

enum { O_DIRECTORY = 040000, O_NOFOLLOW = 0100000 };
#endif

START(start);

enum {
	HERE = -100, O_RDONLY = 0, O_WRONLY = 1, O_CREAT = 0100, O_EXCL = 0200, O_CLOEXEC = 02000000, AT_SYMLINK_NOFOLLOW = 0x100,
	EINTR = 4, ENOENT = 2, EEXIST = 17, ENOTDIR = 20, EISDIR = 21, EROFS = 30, EACCES = 13, ENOSPC = 28, LOCK_EX = 2, S_IFMT = 0170000, S_IFDIR = 0040000,
	S_IFREG = 0100000, S_IFLNK = 0120000, ST_NOEXEC = 8, PATH = 4096
};

#include "text.h"

// Of the end of the file, and of the index: see Pack in run.go.
struct trailer {
	word payload, payload_size, index, index_size, entries, time;
	char digest[64], name[128], magic[16];
};
struct entry {
	word offset, size;
	unsigned mode;
	unsigned short path, link; // bytes that follow
};

static char self[PATH + 1], dir[PATH + 1], fresh[PATH + 1], target[PATH + 1];
static word base; // bytes of dir
static const byte *file;
static struct trailer t;

static void say(const char *s) { call(SYS_write, 2, (word)s, length(s), 0, 0, 0); }

static void __attribute__((noreturn)) end(void)
{
	call(SYS_exit_group, 126, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

static void __attribute__((noreturn)) refuse(const char *what)
{
	say(self), say(": "), say(what), say("\n");
	end();
}

static void __attribute__((noreturn)) damaged(void) { refuse("it is damaged; fetch it again"); }

static void __attribute__((noreturn)) fail(const char *what, const char *path, long error)
{
	char digits[] = "000";
	error = -error;
	digits[0] += error / 100 % 10, digits[1] += error / 10 % 10, digits[2] += error % 10;
	say(self), say(": "), say(what), say(" "), say(path), say(" (error "), say(digits), say(")");
	if (error == EROFS || error == EACCES)
		say("; set XDG_CACHE_HOME to a folder of yours that can be written");
	if (error == ENOSPC)
		say(": the disk is full; make room, or set XDG_CACHE_HOME to a folder elsewhere");
	say("\n");
	end();
}

static char *append(char *to, const char *from)
{
	while (*from) {
		if (to == dir + PATH || to == fresh + PATH)
			refuse("the path of the cache is too long; set XDG_CACHE_HOME to a shorter one");
		*to++ = *from++;
	}
	*to = 0;
	return to;
}

static const char *variable(char **env, const char *name)
{
	word n = length(name);
	for (; *env; env++) {
		word i = 0;
		while (i < n && (*env)[i] == name[i])
			i++;
		if (i == n && (*env)[n] == '=')
			return (*env)[n + 1] ? *env + n + 1 : 0;
	}
	return 0;
}

static long look(const char *path, struct stat *s) { return call(SYS_newfstatat, HERE, (word)path, (word)s, AT_SYMLINK_NOFOLLOW, 0, 0); }

// own makes a folder if it is not there, and refuses one that others can write to.
static void own(const char *path)
{
	struct stat s;
	long err = look(path, &s);
	if (err == -ENOENT) {
		err = call(SYS_mkdirat, HERE, (word)path, 0700, 0, 0, 0);
		if (err < 0 && err != -EEXIST)
			fail("cannot make the folder", path, err);
		err = look(path, &s);
	}
	if (err < 0)
		fail("cannot look at the folder", path, err);
	if ((s.mode & S_IFMT) != S_IFDIR || (s.uid != 0 && s.uid != (unsigned)call(SYS_geteuid, 0, 0, 0, 0, 0, 0)) || s.mode & 022) {
		say(self), say(": "), say(path), say(" is no folder of yours that you alone can write; set XDG_CACHE_HOME to one\n");
		end();
	}
}

// parents makes the folders that lead to the cache's own, as far as they are missing.
static void parents(void)
{
	for (char *p = dir + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		long err = call(SYS_mkdirat, HERE, (word)dir, 0700, 0, 0, 0);
		struct stat s;
		if (err < 0 && err != -EEXIST && look(dir, &s) < 0) // a parent that is there may refuse in another way
			fail("cannot make the folder", dir, err);
		*p = '/';
	}
}

// find has dir be the folder of this release in the user's cache.
static void find(char **env)
{
	const char *cache = variable(env, "XDG_CACHE_HOME"), *home = variable(env, "HOME");
	char *at = dir;
	if (cache && cache[0] == '/')
		at = append(at, cache);
	else if (home && home[0] == '/')
		at = append(append(at, home), "/.cache");
	else
		refuse("there is no place to unpack to, for neither XDG_CACHE_HOME nor HOME names a folder; set XDG_CACHE_HOME to one of yours");
	for (const char *p = dir; *p; p++)
		if (*p == ':' || *p == ';')
			refuse("loaders take the colon or semicolon in the cache's path for its end; set XDG_CACHE_HOME to another folder");
	at = append(at, "/dram-run/");
	parents();
	at[-1] = 0;
	own(dir);
	at[-1] = '/';
	at = append(append(at, t.name), "-");
	for (int i = 0; i < 32; i++) // of the digest
		*at++ = t.digest[i];
	*at = 0;
	own(dir);
	*at++ = '/', *at = 0;
	base = at - dir;
}

// Entries, in the order in which the tarball has them.
struct walk {
	const byte *at;
	word left;
	struct entry e;
	const char *path, *link;
};

static struct walk begin(void) { return (struct walk){.at = file + t.index, .left = t.entries}; }

static int next(struct walk *w)
{
	if (!w->left)
		return 0;
	w->left--;
	memcpy(&w->e, w->at, sizeof w->e);
	w->path = (const char *)w->at + sizeof w->e;
	w->link = w->path + w->e.path;
	w->at += sizeof w->e + w->e.path + w->e.link;
	return 1;
}

static void place(const struct walk *w)
{
	if (base + w->e.path > PATH)
		refuse("the path of the cache is too long; set XDG_CACHE_HOME to a shorter one");
	memcpy(dir + base, w->path, w->e.path); // with its end
}

// whole says whether an entry is in its place as it should be.
static int whole(const struct walk *w)
{
	struct stat s;
	place(w);
	if (look(dir, &s) < 0 || (s.mode & S_IFMT) != (w->e.mode & S_IFMT))
		return 0;
	switch (w->e.mode & S_IFMT) {
	case S_IFREG: return s.size == (long)w->e.size && (s.mode & 07777) == (w->e.mode & 07777) && s.mtime == (long)t.time && s.mtime_ns == 0;
	case S_IFLNK: {
		long n = call(SYS_readlinkat, HERE, (word)dir, (word)target, PATH, 0, 0);
		target[n < 0 ? 0 : n] = 0;
		return same(target, w->link);
	}
	}
	return 1;
}

static int complete(void)
{
	for (struct walk w = begin(); next(&w);)
		if (!whole(&w))
			return 0;
	return 1;
}

// clear removes what is in the place of an entry and is of another kind.
static void clear(const char *path)
{
	if (call(SYS_unlinkat, HERE, (word)path, 0, 0, 0, 0) == -EISDIR)
		call(SYS_unlinkat, HERE, (word)path, 0x200 /* AT_REMOVEDIR */, 0, 0, 0);
}

// folders makes the folders of a path that are missing.
static void folders(void)
{
	for (char *p = dir + base; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		struct stat s;
		if (look(dir, &s) < 0 || (s.mode & S_IFMT) != S_IFDIR) {
			clear(dir);
			long err = call(SYS_mkdirat, HERE, (word)dir, 0755, 0, 0, 0);
			if (err < 0 && err != -EEXIST)
				fail("cannot make the folder", dir, err);
		}
		*p = '/';
	}
}

// The file that is being written, and the entry that it is of.
static struct walk sink;
static int sinking, writing;
static word written;

static void write_all(const byte *from, word n)
{
	while (n) {
		long done = call(SYS_write, writing, (word)from, n, 0, 0, 0);
		if (done == -EINTR)
			continue;
		if (done <= 0)
			fail("cannot write", fresh, done);
		from += done, n -= done;
	}
}

static void open_fresh(void)
{
	append(append(fresh, dir), ".dram-new");
	clear(fresh);
	writing = call(SYS_openat, HERE, (word)fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600, 0, 0);
	if (writing < 0)
		fail("cannot write", fresh, writing);
}

// finish gives a file its mode and its time, and its place last.
static void finish(void)
{
	long times[4] = {t.time, 0, t.time, 0};
	call(SYS_fchmod, writing, sink.e.mode & 07777, 0, 0, 0, 0);
	long err = call(SYS_utimensat, writing, 0, (word)times, 0, 0, 0);
	call(SYS_close, writing, 0, 0, 0, 0, 0);
	place(&sink);
	struct stat s;
	if (look(dir, &s) == 0 && (s.mode & S_IFMT) == S_IFDIR)
		clear(dir);
	if (err == 0)
		err = call(SYS_renameat, HERE, (word)fresh, HERE, (word)dir, 0, 0);
	if (err < 0)
		fail("cannot write", dir, err);
	writing = -1;
}

// advance begins the next file of which something has to be written.
static void advance(void)
{
	while ((sinking = next(&sink))) {
		if (whole(&sink))
			continue;
		folders();
		switch (sink.e.mode & S_IFMT) {
		case S_IFDIR: {
			clear(dir);
			long err = call(SYS_mkdirat, HERE, (word)dir, 0755, 0, 0, 0);
			if (err < 0 && err != -EEXIST)
				fail("cannot make the folder", dir, err);
			break;
		}
		case S_IFLNK: {
			clear(dir);
			long err = call(SYS_symlinkat, (word)sink.link, HERE, (word)dir, 0, 0, 0);
			if (err < 0)
				fail("cannot make the link", dir, err);
			break;
		}
		case S_IFREG:
			open_fresh();
			written = 0;
			if (sink.e.size)
				return;
			finish();
		}
	}
}

// take is given the tarball's bytes in turn; at is where they begin.
static void take(const byte *bytes, word n, word at)
{
	while (sinking) {
		word from = sink.e.offset + written;
		if (from >= at + n)
			return;
		if (from < at)
			damaged();
		word many = at + n - from, rest = sink.e.size - written;
		many = many < rest ? many : rest;
		write_all(bytes + (from - at), many);
		written += many;
		if (written < sink.e.size)
			return;
		finish();
		advance();
	}
}

// RFC 1951 and 1952.
static const byte *in, *in_end;
static word bits;
static int held;
static byte window[1 << 16]; // the last 32 KiB of what came out, and what was not taken yet
static word out, taken;
static unsigned crc, crcs[256];

static void make_crcs(void)
{
	for (unsigned i = 0; i < 256; i++) {
		unsigned c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
		crcs[i] = c;
	}
}

static void flush(void)
{
	while (taken < out) {
		word from = taken & 0xffff, n = out - taken, room = 0x10000 - from;
		n = n < room ? n : room;
		unsigned c = ~crc;
		for (word i = 0; i < n; i++)
			c = crcs[(c ^ window[from + i]) & 255] ^ c >> 8;
		crc = ~c;
		take(window + from, n, taken);
		taken += n;
	}
}

static inline void put(byte b)
{
	window[out++ & 0xffff] = b;
	if (out - taken == 0x8000)
		flush();
}

static unsigned need(int n)
{
	while (held < n) {
		if (in == in_end)
			damaged();
		bits |= (word)*in++ << held, held += 8;
	}
	unsigned v = bits & ((1ul << n) - 1);
	bits >>= n, held -= n;
	return v;
}

// A code: what the next ten bits say, and what longer ones do bit by bit.
enum { FAST = 10 };
struct code {
	unsigned short fast[1 << FAST]; // symbol << 4 | length, 0 for a longer one
	unsigned short count[16], symbol[288];
};

static void make_code(struct code *c, const byte *lengths, int n)
{
	unsigned short offset[16];
	int code = 0, left = 1;
	memset(c, 0, sizeof *c);
	for (int i = 0; i < n; i++)
		c->count[lengths[i]]++;
	c->count[0] = 0;
	offset[1] = 0;
	for (int i = 1; i < 16; i++) {
		left = (left << 1) - c->count[i];
		if (left < 0)
			damaged();
		if (i < 15)
			offset[i + 1] = offset[i] + c->count[i];
	}
	for (int i = 0; i < n; i++)
		if (lengths[i])
			c->symbol[offset[lengths[i]]++] = i;
	for (int len = 1, at = 0; len <= FAST; len++, code <<= 1) {
		for (int i = 0; i < c->count[len]; i++, code++, at++) {
			unsigned turned = 0;
			for (int k = 0; k < len; k++)
				turned |= (code >> k & 1) << (len - 1 - k);
			for (unsigned k = turned; k < 1 << FAST; k += 1 << len)
				c->fast[k] = c->symbol[at] << 4 | len;
		}
	}
}

static int decode(const struct code *c)
{
	while (held < 15 && in < in_end)
		bits |= (word)*in++ << held, held += 8;
	unsigned f = c->fast[bits & ((1 << FAST) - 1)];
	if (f && (int)(f & 15) <= held) {
		bits >>= f & 15, held -= f & 15;
		return f >> 4;
	}
	int code = 0, first = 0, index = 0;
	for (int len = 1; len < 16; len++) {
		code |= need(1);
		int count = c->count[len];
		if (code - count < first)
			return c->symbol[index + code - first];
		index += count, first = (first + count) << 1, code <<= 1;
	}
	damaged();
}

static const unsigned short length_base[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const byte length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const unsigned short distance_base[] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const byte distance_extra[] = {0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static struct code literals, distances;

static void block(word begun)
{
	for (;;) {
		int s = decode(&literals);
		if (s < 256) {
			put(s);
			continue;
		}
		if (s == 256)
			return;
		if (s > 285)
			damaged();
		unsigned n = length_base[s - 257] + need(length_extra[s - 257]);
		int d = decode(&distances);
		if (d > 29)
			damaged();
		word back = distance_base[d] + need(distance_extra[d]);
		if (back > out - begun)
			damaged();
		while (n--)
			put(window[(out - back) & 0xffff]);
	}
}

static void fixed_codes(void)
{
	byte lengths[288];
	for (int i = 0; i < 288; i++)
		lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	make_code(&literals, lengths, 288);
	memset(lengths, 5, 30);
	make_code(&distances, lengths, 30);
}

static void own_codes(void)
{
	static const byte order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	byte lengths[320];
	int l = need(5) + 257, d = need(5) + 1, many = need(4) + 4;
	if (l > 286 || d > 30)
		damaged();
	memset(lengths, 0, 19);
	for (int i = 0; i < many; i++)
		lengths[order[i]] = need(3);
	make_code(&literals, lengths, 19);
	for (int i = 0; i < l + d;) {
		int s = decode(&literals), again = 1;
		byte value = s;
		if (s == 16) {
			if (i == 0)
				damaged();
			value = lengths[i - 1], again = 3 + need(2);
		} else if (s == 17) {
			value = 0, again = 3 + need(3);
		} else if (s == 18) {
			value = 0, again = 11 + need(7);
		}
		if (i + again > l + d)
			damaged();
		while (again--)
			lengths[i++] = value;
	}
	make_code(&distances, lengths + l, d);
	make_code(&literals, lengths, l);
}

static void inflate(void)
{
	word begun = out;
	int last;
	do {
		last = need(1);
		switch (need(2)) {
		case 0: {
			need(held & 7);
			unsigned n = need(16), not = need(16);
			if (n != (~not & 0xffff))
				damaged();
			while (n--)
				put(need(8));
			break;
		}
		case 1:
			fixed_codes();
			block(begun);
			break;
		case 2:
			own_codes();
			block(begun);
			break;
		default: damaged();
		}
	} while (!last);
	need(held & 7);
}

// member takes one gzip member: dram writes no optional fields.
static void member(void)
{
	if (need(16) != 0x8b1f || need(8) != 8 || need(8) != 0)
		damaged();
	need(16), need(16), need(16); // time, level and system
	word begun = out;
	crc = 0;
	inflate();
	flush();
	unsigned sum = need(16), size;
	sum |= need(16) << 16;
	size = need(16), size |= need(16) << 16;
	if (sum != crc || size != (unsigned)(out - begun))
		damaged();
}

// unpack writes what is missing, while no other start does.
static void unpack(void)
{
	dir[base - 1] = 0;
	append(append(fresh, dir), ".lock");
	dir[base - 1] = '/';
	long lock = call(SYS_openat, HERE, (word)fresh, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600, 0, 0), err;
	if (lock < 0)
		fail("cannot unpack, for it cannot open", fresh, lock);
	while ((err = call(SYS_flock, lock, LOCK_EX, 0, 0, 0, 0)) == -EINTR)
		;
	if (err < 0)
		fail("cannot unpack, for it cannot lock", fresh, err);
	if (complete())
		return; // another start did it
	make_crcs();
	in = file + t.payload, in_end = in + t.payload_size;
	sink = begin();
	advance();
	while (in < in_end || held >= 8) // to its end, so that a damaged one is found
		member();
	if (sinking)
		damaged();
	if (!complete())
		refuse("what it unpacked is not there; does something remove files of the cache?");
}

// executable refuses a place where no program can be started.
static void executable(void)
{
	dir[base] = 0;
	long at = call(SYS_openat, HERE, (word)dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	long s[32];
	if (at < 0 || call(SYS_fstatfs, at, (word)s, 0, 0, 0, 0) < 0)
		return;
	if (s[10] & ST_NOEXEC) {
		say(self), say(": no program can be started in "), say(dir), say(", which is mounted noexec; set XDG_CACHE_HOME to a folder elsewhere\n");
		end();
	}
	call(SYS_close, at, 0, 0, 0, 0, 0);
}

static void open_self(const char *execfn)
{
	long n = call(SYS_readlinkat, HERE, (word) "/proc/self/exe", (word)self, PATH, 0, 0);
	if (n <= 0) // no /proc
		for (n = 0; execfn && n < PATH && execfn[n]; n++)
			self[n] = execfn[n];
	self[n] = 0;
	long fd = call(SYS_openat, HERE, (word)self, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		fail("cannot open", self, fd);
	struct stat s;
	long err = call(SYS_newfstatat, fd, (word) "", (word)&s, 0x1000 /* AT_EMPTY_PATH */, 0, 0);
	if (err < 0)
		fail("cannot look at", self, err);
	if (s.size < (long)sizeof t || call(SYS_pread64, fd, (word)&t, sizeof t, s.size - sizeof t, 0, 0) != sizeof t || !same(t.magic, "dram portable 1"))
		refuse("its end is missing; fetch it again");
	word to = s.size - sizeof t;
	if (t.payload > to || t.payload_size > to - t.payload || t.index > to || t.index_size > to - t.index || t.name[sizeof t.name - 1])
		damaged();
	long at = call(SYS_mmap, 0, s.size, 1 /* PROT_READ */, 2 /* MAP_PRIVATE */, fd, 0);
	if (at < 0 && at > -4096)
		fail("cannot map", self, at);
	file = (const byte *)at;
	call(SYS_close, fd, 0, 0, 0, 0, 0);
}

void __attribute__((noreturn, used)) start(word *stack)
{
	word argc = stack[0], *aux;
	char **argv = (char **)stack + 1, **env = argv + argc + 1;
	const char *execfn = argc ? argv[0] : 0;
	for (aux = (word *)env; *aux++;)
		;
	for (; aux[0]; aux += 2)
		execfn = aux[0] == 31 /* AT_EXECFN */ ? (const char *)aux[1] : execfn;
	open_self(execfn);
	find(env);
	executable();
	if (!complete())
		unpack();
	dir[base] = 0;
	append(append(dir + base, "bin/"), t.name);
	if (argc)
		argv[0] = dir;
	long err = call(SYS_execve, (word)dir, (word)(argc ? argv : (char *[]){dir, 0}), (word)env, 0, 0, 0);
	fail("cannot start", dir, err);
}
