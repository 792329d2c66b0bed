/* Functions of Hello.Native that run inside the VM. */
#define _POSIX_C_SOURCE 200809L
#include <erl_nif.h>
#include <stdint.h>
#include <unistd.h>

/* A NIF should be back within a millisecond: past this many bytes the caller
 * would hold up its scheduler, so more is refused. */
#define MAX_INPUT (256 * 1024)

/* 64-bit FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t fnv1a(const unsigned char *data, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        hash ^= data[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}

static ERL_NIF_TERM nif_fnv1a(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[])
{
    ErlNifBinary input;
    (void)argc;
    if (!enif_inspect_iolist_as_binary(env, argv[0], &input) || input.size > MAX_INPUT)
        return enif_make_badarg(env);
    return enif_make_uint64(env, fnv1a(input.data, input.size));
}

static ERL_NIF_TERM nif_uid(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[])
{
    (void)argc;
    (void)argv;
    return enif_make_uint64(env, (ErlNifUInt64)getuid());
}

static ErlNifFunc functions[] = {
    {"fnv1a", 1, nif_fnv1a, 0},
    {"uid", 0, nif_uid, 0},
};

ERL_NIF_INIT(Elixir.Hello.Native, functions, NULL, NULL, NULL, NULL)
