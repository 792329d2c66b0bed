// The launcher stands in a portable release where a program was. It maps the loader
// that the release brings into its own process, as the kernel would, and starts it
// with that program and the libraries of the release. No second process image is
// made: /proc/PID/exe, the name that ps shows and the arguments stay the program's
// own, nothing is set in the environment, and nothing is left behind for programs of
// the machine that the release calls.
//
// It is a static program without a C library, made for all programs of a release
// once; dram writes into its settings where, from its own place, all else lies.
// `make launcher` compiles it, and a test that the files kept beside it are these.

#include "call.h"

START(launch);

#if defined(__x86_64__)
enum { SYS_write = 1, SYS_close = 3, SYS_mmap = 9, SYS_pread64 = 17, SYS_exit_group = 231, SYS_openat = 257, SYS_readlinkat = 267 };

// rdx is what a program is to call at its end: the loader takes any for the kernel's,
// which is none.
static void __attribute__((noreturn)) jump(word entry, word *stack)
{
	__asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\txor %%ebp, %%ebp\n\tjmp *%1" : : "a"(stack), "c"(entry) : "memory");
	__builtin_unreachable();
}
#elif defined(__aarch64__)
enum { SYS_openat = 56, SYS_close = 57, SYS_write = 64, SYS_pread64 = 67, SYS_readlinkat = 78, SYS_exit_group = 94, SYS_mmap = 222 };

static void __attribute__((noreturn)) jump(word entry, word *stack)
{
	register word x1 __asm__("x1") = (word)stack;
	register word x2 __asm__("x2") = entry;
	__asm__ volatile("mov sp, %0\n\tmov x0, #0\n\tmov x29, #0\n\tmov x30, #0\n\tbr %1" : : "r"(x1), "r"(x2) : "memory");
	__builtin_unreachable();
}
#endif

// settings are four strings, each with its end: the loader, the libraries' folder and
// the program, all from the launcher's own folder, and how the loader is told.
const char settings[1024] = "dram launcher settings";

enum { PATH = 4096, ROOM = PATH + sizeof settings };

static char self[PATH + 1], loader[ROOM], libraries[ROOM], program[ROOM];

static word length(const char *s)
{
	word n = 0;
	while (s[n])
		n++;
	return n;
}

static void say(const char *s)
{
	call(SYS_write, 2, (word)s, length(s), 0, 0, 0);
}

static void __attribute__((noreturn)) fail(const char *what, const char *path, long error)
{
	char digits[] = "000";
	error = -error;
	digits[0] += error / 100 % 10, digits[1] += error / 10 % 10, digits[2] += error % 10;
	say(self), say(": "), say(what), say(" "), say(path), say(" (error "), say(digits), say(")\n");
	call(SYS_exit_group, 127, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

static const char *setting(int i)
{
	const char *s = settings;
	__asm__("" : "+r"(s)); // what is compiled in is not what will be there
	while (i-- > 0)
		s += length(s) + 1;
	return s;
}

// join puts a setting behind the first n bytes of self.
static void join(char *to, word n, int which)
{
	const char *name = setting(which);
	for (word i = 0; i < n; i++)
		*to++ = self[i];
	while ((*to++ = *name++))
		;
}

// Of ELF64, gABI chapter 4 and 5.
struct header {
	unsigned char ident[16];
	unsigned short type, machine;
	unsigned version;
	word entry, phoff, shoff;
	unsigned flags;
	unsigned short ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct segment {
	unsigned type, flags;
	word offset, vaddr, paddr, filesz, memsz, align;
};
enum { PT_LOAD = 1, PF_X = 1, PF_W = 2, PF_R = 4, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_PRIVATE = 2, MAP_FIXED = 16, MAP_ANONYMOUS = 32 };
enum { AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7, AT_ENTRY = 9, AT_EXECFN = 31 };

struct image {
	word entry, phdr, phnum;
};

static word map(word at, word size, word prot, word flags, long fd, word offset)
{
	long p = call(SYS_mmap, at, size, prot, flags, fd, offset);
	if (p < 0 && p > -4096)
		fail("cannot map its loader", loader, p);
	return p;
}

static void load_segment(const struct segment *s, word base, word page, long fd)
{
	word prot = (s->flags & PF_R ? PROT_READ : 0) | (s->flags & PF_W ? PROT_WRITE : 0) | (s->flags & PF_X ? PROT_EXEC : 0);
	word from = (base + s->vaddr) & -page, data = base + s->vaddr + s->filesz, end = base + s->vaddr + s->memsz;
	word next = (data + page - 1) & -page;
	if (s->filesz)
		map(from, data - from, prot, MAP_PRIVATE | MAP_FIXED, fd, s->offset & -page);
	else
		next = from;
	if (end > next)
		map(next, end - next, prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	if (s->flags & PF_W && s->filesz) // up to the page's end, which the loader takes for its heap
		for (volatile char *p = (char *)data; (word)p < next; p++)
			*p = 0;
}

static struct image load(word page)
{
	static union {
		struct header h;
		char bytes[4096];
	} head;
	struct image out = {0, 0, 0};
	long fd = call(SYS_openat, -100, (word)loader, 02000000 /* O_CLOEXEC */, 0, 0, 0);
	if (fd < 0)
		fail("cannot open its loader", loader, fd);
	long n = call(SYS_pread64, fd, (word)head.bytes, sizeof head, 0, 0, 0);
	const struct header *h = &head.h;
	if (n < (long)sizeof *h || h->ident[0] != 0x7f || h->ident[1] != 'E' || h->phentsize != sizeof(struct segment) ||
	    h->phoff > sizeof head || h->phoff + h->phnum * sizeof(struct segment) > (word)n)
		fail("cannot read its loader", loader, 0);
	const struct segment *s = (const struct segment *)(head.bytes + h->phoff), *all = s + h->phnum;
	word low = -1, high = 0, align = page;
	for (s = all - h->phnum; s < all; s++) {
		if (s->type != PT_LOAD)
			continue;
		low = s->vaddr < low ? s->vaddr : low;
		high = s->vaddr + s->memsz > high ? s->vaddr + s->memsz : high;
		align = s->align > align ? s->align : align;
	}
	low &= -align;
	word base = ((map(0, high - low + align, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + align - 1) & -align) - low;
	for (s = all - h->phnum; s < all; s++) {
		if (s->type != PT_LOAD)
			continue;
		load_segment(s, base, page, fd);
		if (h->phoff >= s->offset && h->phoff < s->offset + s->filesz)
			out.phdr = base + s->vaddr + h->phoff - s->offset;
	}
	call(SYS_close, fd, 0, 0, 0, 0, 0);
	out.entry = base + h->entry, out.phnum = h->phnum;
	return out;
}

// find writes the paths, as this file's own place is.
static void find(const char *execfn)
{
	long n = call(SYS_readlinkat, -100, (word) "/proc/self/exe", (word)self, PATH, 0, 0);
	if (n <= 0) // no /proc
		for (n = 0; execfn && n < PATH && execfn[n]; n++)
			self[n] = execfn[n];
	self[n] = 0;
	while (n > 0 && self[n - 1] != '/')
		n--;
	join(loader, n, 0), join(libraries, n, 1), join(program, n, 2);
	for (const char *p = libraries; *p; p++)
		if (*p == ':' || *p == ';')
			fail("loaders take the colon or semicolon in this path for its end, move the release elsewhere:", libraries, 0);
}

// launch starts the loader as if the kernel had started it with these arguments:
// its own program headers in the auxiliary vector are what tells it so.
void __attribute__((noreturn, used)) launch(word *stack)
{
	word argc = stack[0], *env = stack + argc + 2, *aux = env, page = 4096, n = 0;
	const char *execfn = 0, *told = setting(3);
	while (*aux++)
		;
	word *end = aux;
	for (; end[0]; end += 2) {
		page = end[0] == AT_PAGESZ ? end[1] : page;
		execfn = end[0] == AT_EXECFN ? (const char *)end[1] : execfn;
	}
	end += 2;
	find(execfn);
	struct image image = load(page);

	word fresh[(end - stack) + 10] __attribute__((aligned(16)));
	fresh[++n] = (word)loader;
	if (told[0] == 'g')
		fresh[++n] = (word) "--inhibit-cache";
	fresh[++n] = (word) "--library-path", fresh[++n] = (word)libraries;
	if (told[1] == '0')
		fresh[++n] = (word) "--argv0", fresh[++n] = argc ? stack[1] : (word)program;
	if (told[0] == 'm')
		fresh[++n] = (word) "--";
	fresh[++n] = (word)program;
	for (word i = 2; i <= argc; i++)
		fresh[++n] = stack[i];
	fresh[0] = n, fresh[++n] = 0;
	for (; env < aux; env++)
		fresh[++n] = *env;
	for (; aux < end; aux += 2) {
		word value = aux[1];
		switch (aux[0]) {
		case AT_PHDR: value = image.phdr; break;
		case AT_PHENT: value = sizeof(struct segment); break;
		case AT_PHNUM: value = image.phnum; break;
		case AT_BASE: value = 0; break;
		case AT_ENTRY: value = image.entry; break;
		}
		fresh[++n] = aux[0], fresh[++n] = value;
	}
	jump(image.entry, fresh);
}
