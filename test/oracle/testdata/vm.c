/* What stands for the VM on a system with musl: it opens a NIF library as
 * erl_ddll does, with RTLD_NOW and RTLD_LOCAL, offers the functions of the VM
 * that the cases call, and calls the library's first function. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "erl_nif.h"

ERL_NIF_TERM enif_make_int(ErlNifEnv *env, int i)
{
    (void)env;
    return (ERL_NIF_TERM)i;
}

void *driver_alloc(size_t size) { return malloc(size); }

int main(int argc, char **argv)
{
    void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_LOCAL);
    ErlNifEntry *(*init)(void);
    if (!library || !(init = (ErlNifEntry * (*)(void)) dlsym(library, "nif_init"))) {
        printf("%s\n", dlerror());
        return 1;
    }
    ErlNifEntry *entry = init();
    if (entry->load) {
        void *data = NULL;
        if (entry->load(NULL, &data, 0))
            return 1;
    }
    return entry->funcs[0].fptr(NULL, 0, NULL) == 42 ? 0 : 1;
}
