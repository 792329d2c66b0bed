// What programs without a C library do with texts and memory.

// The compiler calls these for loops that do the same.
void *memcpy(void *to, const void *from, word n)
{
	unsigned char *t = to;
	const unsigned char *f = from;
	while (n--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int c, word n)
{
	unsigned char *t = to;
	while (n--)
		*t++ = c;
	return to;
}

static word length(const char *s)
{
	word n = 0;
	while (s[n])
		n++;
	return n;
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}
