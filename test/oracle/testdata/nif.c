/* The NIF library that every case is made of: c_NAME:call/0 gives 42, by way
 * of extra() where the case has a source of its own. */
#include "erl_nif.h"

#ifdef EXTRA
extern int extra(void);
#else
static int extra(void) { return 42; }
#endif

static ERL_NIF_TERM call(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[])
{
    (void)argc;
    (void)argv;
    return enif_make_int(env, extra());
}

static ErlNifFunc functions[] = {
    {"call", 0, call, 0},
#ifdef ABSENT
    {"absent", 0, call, 0},
#endif
};

#ifdef LOAD
static int load(ErlNifEnv *env, void **data, ERL_NIF_TERM info)
{
    (void)env;
    (void)data;
    (void)info;
    return extra() == 42 ? 0 : 1;
}
#else
#define load NULL
#endif

#ifdef AT_RUN_TIME
/* As Rust does: nothing in the file tells what the entry will hold. */
#define TEXT(name) #name
#define NAME(name) TEXT(name)
__attribute__((visibility("default"))) ErlNifEntry *nif_init(void)
{
    static ErlNifEntry entry;
    entry.major = ERL_NIF_MAJOR_VERSION;
    entry.minor = ERL_NIF_MINOR_VERSION;
    entry.name = NAME(MODULE);
    entry.num_of_funcs = 1;
    entry.funcs = functions;
    entry.vm_variant = "beam.vanilla";
    entry.options = 1;
    entry.sizeof_ErlNifResourceTypeInit = sizeof(ErlNifResourceTypeInit);
    entry.min_erts = "erts-10.4";
    return &entry;
}
#else
#define INIT(name) ERL_NIF_INIT(name, functions, load, NULL, NULL, NULL)
INIT(MODULE)
#endif
