#include <erl_nif.h>

static ERL_NIF_TERM add(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[])
{
    int a, b;
    if (!enif_get_int(env, argv[0], &a) || !enif_get_int(env, argv[1], &b))
        return enif_make_badarg(env);
    return enif_make_int(env, a + b);
}

static ErlNifFunc functions[] = {{"add", 2, add}};

ERL_NIF_INIT(greeter_nif, functions, NULL, NULL, NULL, NULL)
