/* Functions with names that Fortran can bind to (pilothouse.f90); compile it once beside that module. */
#include "../c/pilothouse.h"

void *pilothouse_f_open(const char *name) { return pilothouse_open(name); }

int pilothouse_f_double(void *sim, const char *name, double *at, int writable, const char *unit)
{
    return pilothouse_expose_double((pilothouse_t *)sim, name, at, writable, unit);
}

int pilothouse_f_int(void *sim, const char *name, int *at, int writable, const char *unit)
{
    return pilothouse_expose_int((pilothouse_t *)sim, name, at, writable, unit);
}

static int set_flag(void *flag, int argc, char **argv, char *answer, size_t size)
{
    (void)argc, (void)argv, (void)answer, (void)size;
    *(int *)flag = 1;
    return 0;
}

/* A function without arguments that sets an integer to 1: the program looks at it when it suits. */
int pilothouse_f_flag(void *sim, const char *name, int *flag)
{
    return pilothouse_expose_function((pilothouse_t *)sim, name, set_flag, flag);
}

void pilothouse_f_poll(void *sim) { pilothouse_poll((pilothouse_t *)sim); }
void pilothouse_f_close(void *sim) { pilothouse_close((pilothouse_t *)sim); }
