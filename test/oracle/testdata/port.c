/* The port program that every case is made of. */
#include <unistd.h>

#ifdef EXTRA
extern int extra(void);
#else
static int extra(void) { return 42; }
#endif

int main(void)
{
    return extra() == 42 && write(1, "port ok\n", 8) == 8 ? 0 : 1;
}
