/* The port program of Hello.Checksum: for each message on standard input it
 * writes the CRC-32 of its bytes to standard output. Messages either way have
 * a two-byte big-endian length first, as the port option {packet, 2} says.
 * It ends when the VM closes its input. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

enum { ENDED = 0, DONE = 1, FAILED = -1 };

/* Fills buffer; ENDED only if the input ends before its first byte. */
static int read_all(unsigned char *buffer, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(STDIN_FILENO, buffer + got, size - got);
        if (n == 0)
            return got == 0 ? ENDED : FAILED;
        if (n < 0 && errno != EINTR)
            return FAILED;
        if (n > 0)
            got += (size_t)n;
    }
    return DONE;
}

static int write_all(const unsigned char *buffer, size_t size)
{
    for (size_t put = 0; put < size;) {
        ssize_t n = write(STDOUT_FILENO, buffer + put, size - put);
        if (n < 0 && errno != EINTR)
            return FAILED;
        if (n > 0)
            put += (size_t)n;
    }
    return DONE;
}

/* The CRC of zlib and of erlang:crc32/1. */
static uint32_t crc32(const unsigned char *data, size_t size)
{
    uint32_t crc = UINT32_C(0xffffffff);
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
    }
    return ~crc;
}

int main(void)
{
    static unsigned char message[UINT16_MAX];
    unsigned char length[2];
    int state;

    while ((state = read_all(length, sizeof length)) == DONE) {
        size_t size = (size_t)length[0] << 8 | length[1];
        if (size > 0 && read_all(message, size) != DONE)
            return 1;

        uint32_t crc = crc32(message, size);
        const unsigned char reply[6] = {
            0, 4, crc >> 24, (crc >> 16) & 0xff, (crc >> 8) & 0xff, crc & 0xff,
        };
        if (write_all(reply, sizeof reply) != DONE)
            return 1;
    }
    return state == ENDED ? 0 : 1;
}
