/* pilothouse.h: lets a simulation be seen and steered. One file, C99, no dependencies.
 *
 *     pilothouse_t *sim = pilothouse_open("fluid");
 *     pilothouse_expose_double(sim, "dt", &dt, PILOTHOUSE_WRITABLE, "s");
 *     pilothouse_expose_function(sim, "stop", stop, &running);
 *     while (running) { step(); pilothouse_poll(sim); }
 *     pilothouse_close(sim);
 *
 * Nothing here blocks. Without an agent every call returns at once, and poll() looks for one again after 1 to
 * 30 s. All calls of one simulation come from one thread; callbacks run inside pilothouse_poll().
 * The protocol is docs/simulation-protocol.md, how to use it docs/steering.md.
 * With -std=c99, include this file before any other, or compile with -D_POSIX_C_SOURCE=200809L.
 */
#ifndef PILOTHOUSE_H
#define PILOTHOUSE_H

#if !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE) && !defined(_DEFAULT_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PILOTHOUSE_READ_ONLY 0
#define PILOTHOUSE_WRITABLE 1

#define PILOTHOUSE_MAX_VARIABLES 256
#define PILOTHOUSE_MAX_FUNCTIONS 64
#define PILOTHOUSE_MAX_ARGUMENTS 16
#define PILOTHOUSE_LINE 4096
#define PILOTHOUSE_TEXT 1001
#define PILOTHOUSE_OUTPUT 65536

#ifdef __cplusplus
extern "C" {
#endif

/* A function that may be called. argv holds its arguments as text, in the declared order. Return 0 when it is
 * done, anything else when it is refused; what is written to answer (of `size` bytes) is told in both cases. */
typedef int (*pilothouse_function)(void *user, int argc, char **argv, char *answer, size_t size);

enum { PILOTHOUSE_DOUBLE, PILOTHOUSE_FLOAT, PILOTHOUSE_INT, PILOTHOUSE_INT64 };

typedef struct {
    char name[64], unit[33];
    void *at;
    int kind, writable;
    double low, high; /* low > high: no bounds */
    double told;      /* the last value that was told, as a double; int64 beside it */
    int64_t told_int;
    int is_told;
} pilothouse_variable_;

typedef struct {
    char name[64], arguments[512];
    pilothouse_function call;
    void *user;
} pilothouse_function_;

typedef struct {
    char name[64], run_id[80], problem[256];
    int fd, refused, variables, functions;
    pid_t pid;
    double value_seconds, next_poll, next_values, next_connect, wait;
    size_t in, out;
    pilothouse_variable_ variable[PILOTHOUSE_MAX_VARIABLES];
    pilothouse_function_ function[PILOTHOUSE_MAX_FUNCTIONS];
    char input[PILOTHOUSE_LINE], output[PILOTHOUSE_OUTPUT];
} pilothouse_t;

/* -- inside ------------------------------------------------------------------------------------------- */

/* A coarse clock costs a few nanoseconds (clock_gettime(2)). */
static inline double pilothouse_now_(void)
{
    struct timespec t;
#ifdef CLOCK_MONOTONIC_COARSE
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
#else
    clock_gettime(CLOCK_MONOTONIC, &t);
#endif
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void pilothouse_lose_(pilothouse_t *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    p->in = p->out = 0;
}

static inline int pilothouse_name_ok_(const char *name)
{
    size_t n = strlen(name), i;
    if (n < 1 || n > 63 || (name[0] >= '0' && name[0] <= '9') || name[0] == '.')
        return 0;
    for (i = 0; i < n; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '.'))
            return 0;
    }
    return 1;
}

static inline void pilothouse_quote_(const char *text, char *word, size_t size)
{
    size_t n = 0;
    for (; *text && n + 4 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= ' ' || c == '%' || c == 127)
            n += (size_t)snprintf(word + n, size - n, "%%%02X", c);
        else
            word[n++] = (char)c;
    }
    word[n] = 0;
}

static inline int pilothouse_hex_(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10
        : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline void pilothouse_unquote_(char *word)
{
    char *to = word;
    for (; *word; word++) {
        if (*word == '%' && pilothouse_hex_(word[1]) >= 0 && pilothouse_hex_(word[2]) >= 0) {
            *to++ = (char)(pilothouse_hex_(word[1]) * 16 + pilothouse_hex_(word[2]));
            word += 2;
        } else {
            *to++ = *word;
        }
    }
    *to = 0;
}

static inline void pilothouse_flush_(pilothouse_t *p)
{
    while (p->fd >= 0 && p->out) {
        ssize_t sent = send(p->fd, p->output, p->out, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            pilothouse_lose_(p);
        if (sent <= 0)
            return;
        memmove(p->output, p->output + sent, p->out - (size_t)sent);
        p->out -= (size_t)sent;
    }
}

/* Put one line into the output; 0 when there is no room: a value then waits for the next time. */
static inline int pilothouse_say_(pilothouse_t *p, const char *line)
{
    size_t n = strlen(line);
    if (p->fd < 0 || n + 1 >= PILOTHOUSE_LINE || p->out + n + 1 > PILOTHOUSE_OUTPUT)
        return 0;
    memcpy(p->output + p->out, line, n);
    p->output[p->out + n] = '\n';
    p->out += n + 1;
    return 1;
}

static inline void pilothouse_must_say_(pilothouse_t *p, const char *line)
{
    if (p->fd >= 0 && !pilothouse_say_(p, line))
        pilothouse_lose_(p);
}

/* A number as the protocol has it, also in a program that called setlocale(). */
static inline void pilothouse_number_(char *word, size_t size, int digits, double value)
{
    char *comma;
    snprintf(word, size, "%.*g", digits, value);
    comma = strchr(word, ',');
    if (comma)
        *comma = '.';
    if (!strcmp(word, "-nan"))
        memmove(word, word + 1, 4);
}

static inline void pilothouse_declare_variable_(pilothouse_t *p, const pilothouse_variable_ *v)
{
    char line[512], low[40], high[40], bounds[128] = "", unit[160];
    pilothouse_quote_(v->unit, unit, sizeof unit);
    if (v->low <= v->high) {
        pilothouse_number_(low, sizeof low, 17, v->low);
        pilothouse_number_(high, sizeof high, 17, v->high);
        snprintf(bounds, sizeof bounds, " min=%s max=%s", low, high);
    }
    snprintf(line, sizeof line, "VAR %s %s %s unit=%s%s", v->name,
             v->kind == PILOTHOUSE_INT || v->kind == PILOTHOUSE_INT64 ? "int" : "float",
             v->writable ? "rw" : "r", unit, bounds);
    pilothouse_must_say_(p, line);
}

static inline void pilothouse_declare_function_(pilothouse_t *p, const pilothouse_function_ *f)
{
    char line[640];
    snprintf(line, sizeof line, "FUNC %s%s%s", f->name, f->arguments[0] ? " " : "", f->arguments);
    pilothouse_must_say_(p, line);
}

static inline int64_t pilothouse_int_of_(const pilothouse_variable_ *v)
{
    return v->kind == PILOTHOUSE_INT ? (int64_t)*(const int *)v->at : *(const int64_t *)v->at;
}

static inline double pilothouse_float_of_(const pilothouse_variable_ *v)
{
    return v->kind == PILOTHOUSE_FLOAT ? (double)*(const float *)v->at : *(const double *)v->at;
}

static inline int pilothouse_is_int_(const pilothouse_variable_ *v)
{
    return v->kind == PILOTHOUSE_INT || v->kind == PILOTHOUSE_INT64;
}

static inline void pilothouse_write_(const pilothouse_variable_ *v, char *word, size_t size)
{
    if (pilothouse_is_int_(v))
        snprintf(word, size, "%lld", (long long)pilothouse_int_of_(v));
    else
        pilothouse_number_(word, size, v->kind == PILOTHOUSE_FLOAT ? 9 : 17, pilothouse_float_of_(v));
}

static inline void pilothouse_tell_values_(pilothouse_t *p)
{
    char line[128], word[40];
    int i;
    for (i = 0; i < p->variables; i++) {
        pilothouse_variable_ *v = &p->variable[i];
        double value = pilothouse_is_int_(v) ? 0.0 : pilothouse_float_of_(v);
        int64_t integer = pilothouse_is_int_(v) ? pilothouse_int_of_(v) : 0;
        if (v->is_told && !memcmp(&value, &v->told, sizeof value) && integer == v->told_int)
            continue;
        pilothouse_write_(v, word, sizeof word);
        snprintf(line, sizeof line, "VALUE %s %s", v->name, word);
        if (pilothouse_say_(p, line)) {
            v->told = value;
            v->told_int = integer;
            v->is_told = 1;
        }
    }
}

static inline const char *pilothouse_environment_(const char *const *names)
{
    for (; *names; names++) {
        const char *value = getenv(*names);
        if (value && *value && strspn(value, "0123456789") == strlen(value) && strlen(value) < 16)
            return value;
    }
    return NULL;
}

static inline int pilothouse_is_ours_(const char *directory)
{
    struct stat found;
    return !lstat(directory, &found) && S_ISDIR(found.st_mode) && found.st_uid == geteuid() &&
           !(found.st_mode & 022);
}

/* Where the agent's socket is: the same places in the same order as every client of ours. */
static inline int pilothouse_find_(char *path, size_t size)
{
    static const char *const job_names[] = {"SLURM_JOB_ID", NULL};
    const char *told = getenv("PILOTHOUSE_SOCKET"), *job = pilothouse_environment_(job_names);
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
    char directory[108];
    int i, n;
    if (told)
        return *told && (size_t)snprintf(path, size, "%s", told) < size;
    for (i = 0; i < 2; i++) {
        if (i == 0 && !(runtime && *runtime))
            continue;
        n = i == 0 ? snprintf(directory, sizeof directory, "%s/pilothouse", runtime)
                   : snprintf(directory, sizeof directory, "%s/pilothouse-%ld", tmp && *tmp ? tmp : "/tmp",
                              (long)geteuid());
        if (n < 0 || (size_t)n >= sizeof directory || !pilothouse_is_ours_(directory))
            continue;
        n = snprintf(path, size, "%s/%s.sock", directory, job ? job : "none");
        if (n > 0 && (size_t)n < size && !access(path, F_OK))
            return 1;
    }
    return (size_t)snprintf(path, size, "/run/pilothouse/simulation.sock") < size && !access(path, F_OK);
}

static inline void pilothouse_connect_(pilothouse_t *p, double now)
{
    static const char *const rank_names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                             "SLURM_PROCID", NULL};
    static const char *const job_names[] = {"SLURM_JOB_ID", NULL};
    const char *rank = pilothouse_environment_(rank_names), *job = pilothouse_environment_(job_names);
    struct sockaddr_un address;
    char line[512], name[200];
    int i;
    if (p->refused || now < p->next_connect)
        return;
    p->next_connect = now + p->wait;
    p->wait = p->wait * 2 > 30 ? 30 : p->wait * 2;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (!pilothouse_find_(address.sun_path, sizeof address.sun_path))
        return;
    p->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (p->fd < 0)
        return;
    if (fcntl(p->fd, F_SETFD, FD_CLOEXEC) || fcntl(p->fd, F_SETFL, O_NONBLOCK) ||
        connect(p->fd, (struct sockaddr *)&address, sizeof address)) {
        pilothouse_lose_(p);
        return;
    }
    pilothouse_quote_(p->name, name, sizeof name);
    snprintf(line, sizeof line, "HELLO 1 %s%s%s%s%s", name, rank ? " rank=" : "", rank ? rank : "",
             job ? " job=" : "", job ? job : "");
    pilothouse_must_say_(p, line);
    for (i = 0; i < p->variables; i++) {
        p->variable[i].is_told = 0;
        pilothouse_declare_variable_(p, &p->variable[i]);
    }
    for (i = 0; i < p->functions; i++)
        pilothouse_declare_function_(p, &p->function[i]);
    p->next_values = 0;
}

static inline int pilothouse_read_(const pilothouse_variable_ *v, const char *word)
{
    char *end = NULL;
    errno = 0;
    if (pilothouse_is_int_(v)) {
        long long value = strtoll(word, &end, 10);
        if (errno || end == word || *end || (v->kind == PILOTHOUSE_INT && value != (long long)(int)value))
            return 0;
        if (v->kind == PILOTHOUSE_INT)
            *(int *)v->at = (int)value;
        else
            *(int64_t *)v->at = (int64_t)value;
    } else {
        char local[64], *point;
        double value;
        snprintf(local, sizeof local, "%s", word);
        value = strtod(local, &end);
        if (*end == '.' && (point = strchr(local, '.'))) { /* the locale has a comma */
            *point = ',';
            value = strtod(local, &end);
        }
        if (end == local || *end)
            return 0;
        if (v->kind == PILOTHOUSE_FLOAT)
            *(float *)v->at = (float)value;
        else
            *(double *)v->at = value;
    }
    return 1;
}

static inline void pilothouse_set_(pilothouse_t *p, const char *number, const char *name, const char *word)
{
    char line[160], now[40];
    int i;
    for (i = 0; i < p->variables; i++) {
        pilothouse_variable_ *v = &p->variable[i];
        if (strcmp(v->name, name) || !v->writable)
            continue;
        if (!pilothouse_read_(v, word))
            break;
        pilothouse_write_(v, now, sizeof now);
        snprintf(line, sizeof line, "OK %s %s", number, now);
        pilothouse_must_say_(p, line);
        return;
    }
    snprintf(line, sizeof line, "ERROR %s cannot%%20be%%20set", number);
    pilothouse_must_say_(p, line);
}

static inline void pilothouse_call_(pilothouse_t *p, const char *number, int argc, char **argv)
{
    char line[PILOTHOUSE_TEXT + 64], answer[256] = "", word[PILOTHOUSE_TEXT];
    int i, refused = 1;
    for (i = 1; i < argc; i++)
        pilothouse_unquote_(argv[i]);
    snprintf(answer, sizeof answer, "no such function");
    for (i = 0; i < p->functions; i++) {
        if (!strcmp(p->function[i].name, argv[0])) {
            answer[0] = 0;
            refused = p->function[i].call(p->function[i].user, argc - 1, argv + 1, answer, sizeof answer);
            break;
        }
    }
    answer[sizeof answer - 1] = 0;
    pilothouse_quote_(answer, word, sizeof word);
    snprintf(line, sizeof line, "%s %s %s", refused ? "ERROR" : "OK", number, word);
    pilothouse_must_say_(p, line);
}

/* Do what one line of the agent says; it is cut into words in place. */
static inline void pilothouse_obey_(pilothouse_t *p, char *line)
{
    char *word[PILOTHOUSE_MAX_ARGUMENTS + 5], *at = line;
    int n = 0;
    while (n < PILOTHOUSE_MAX_ARGUMENTS + 5) {
        word[n++] = at;
        at = strchr(at, ' ');
        if (!at)
            break;
        *at++ = 0;
    }
    if (n == 3 && !strcmp(word[0], "RUN")) {
        double seconds = strtod(word[2], NULL);
        snprintf(p->run_id, sizeof p->run_id, "%.79s", word[1]);
        p->value_seconds = seconds > 0.1 ? seconds : 0.1;
        p->wait = 1;
    } else if (!strcmp(word[0], "REFUSED")) {
        p->refused = 1;
        if (n > 1) {
            pilothouse_unquote_(word[1]);
            snprintf(p->problem, sizeof p->problem, "%.255s", word[1]);
        }
        pilothouse_lose_(p);
    } else if (n >= 4 && strlen(word[1]) < 32 && (!strcmp(word[0], "SET") || !strcmp(word[0], "CALL"))) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        if ((long long)t.tv_sec * 1000 + t.tv_nsec / 1000000 > strtoll(word[2], NULL, 10)) {
            char late[80];
            snprintf(late, sizeof late, "ERROR %s it%%20came%%20too%%20late", word[1]);
            pilothouse_must_say_(p, late);
        } else if (word[0][0] == 'S' && n == 5) {
            pilothouse_set_(p, word[1], word[3], word[4]);
        } else if (word[0][0] == 'C') {
            pilothouse_call_(p, word[1], n - 3, word + 3);
        }
    }
}

static inline void pilothouse_hear_(pilothouse_t *p)
{
    while (p->fd >= 0) {
        char *end, *from = p->input;
        ssize_t got;
        if (p->in >= sizeof p->input - 1) { /* longer than any line of the protocol */
            pilothouse_lose_(p);
            return;
        }
        got = recv(p->fd, p->input + p->in, sizeof p->input - 1 - p->in, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            pilothouse_lose_(p);
        if (got <= 0)
            return;
        p->in += (size_t)got;
        p->input[p->in] = 0;
        while (p->fd >= 0 && (end = (char *)memchr(from, '\n', p->in - (size_t)(from - p->input)))) {
            *end = 0;
            pilothouse_obey_(p, from);
            from = end + 1;
        }
        if (p->fd < 0)
            return;
        p->in -= (size_t)(from - p->input);
        memmove(p->input, from, p->in);
    }
}

static inline int pilothouse_expose_(pilothouse_t *p, const char *name, void *at, int kind, int writable,
                                     const char *unit, double low, double high)
{
    pilothouse_variable_ *v;
    if (!p || !pilothouse_name_ok_(name) || p->variables >= PILOTHOUSE_MAX_VARIABLES)
        return -1;
    v = &p->variable[p->variables++];
    memset(v, 0, sizeof *v);
    snprintf(v->name, sizeof v->name, "%s", name);
    snprintf(v->unit, sizeof v->unit, "%.32s", unit ? unit : "");
    v->at = at;
    v->kind = kind;
    v->writable = writable;
    v->low = low;
    v->high = high;
    pilothouse_declare_variable_(p, v);
    p->next_values = 0; /* told at the next poll */
    return 0;
}

/* -- what programs call ------------------------------------------------------------------------------- */

/* Begin. `name` is what people call the simulation, at most 63 characters. NULL: no memory; all other calls
 * take that NULL and do nothing. */
static inline pilothouse_t *pilothouse_open(const char *name)
{
    pilothouse_t *p = (pilothouse_t *)calloc(1, sizeof *p);
    if (!p)
        return NULL;
    snprintf(p->name, sizeof p->name, "%.63s", name && *name ? name : "simulation");
    p->fd = -1;
    p->pid = getpid();
    p->wait = p->value_seconds = 1;
    return p;
}

/* Expose a variable: `at` must stay where it is until pilothouse_close(). Writable ones change inside
 * pilothouse_poll() only. 0, or -1: no such name is possible, or there are too many. */
static inline int pilothouse_expose_double(pilothouse_t *p, const char *name, double *at, int writable,
                                           const char *unit)
{
    return pilothouse_expose_(p, name, at, PILOTHOUSE_DOUBLE, writable, unit, 1, 0);
}

static inline int pilothouse_expose_float(pilothouse_t *p, const char *name, float *at, int writable,
                                          const char *unit)
{
    return pilothouse_expose_(p, name, at, PILOTHOUSE_FLOAT, writable, unit, 1, 0);
}

static inline int pilothouse_expose_int(pilothouse_t *p, const char *name, int *at, int writable,
                                        const char *unit)
{
    return pilothouse_expose_(p, name, at, PILOTHOUSE_INT, writable, unit, 1, 0);
}

static inline int pilothouse_expose_int64(pilothouse_t *p, const char *name, int64_t *at, int writable,
                                          const char *unit)
{
    return pilothouse_expose_(p, name, at, PILOTHOUSE_INT64, writable, unit, 1, 0);
}

/* A writable double that nobody may set outside low..high. */
static inline int pilothouse_expose_range(pilothouse_t *p, const char *name, double *at, double low,
                                          double high, const char *unit)
{
    return pilothouse_expose_(p, name, at, PILOTHOUSE_DOUBLE, PILOTHOUSE_WRITABLE, unit, low, high);
}

/* Expose a function. `arguments`: NULL for none, else "step:int file:string" (float, int, bool, string). */
static inline int pilothouse_expose_call(pilothouse_t *p, const char *name, const char *arguments,
                                         pilothouse_function call, void *user)
{
    pilothouse_function_ *f;
    if (!p || !call || !pilothouse_name_ok_(name) || p->functions >= PILOTHOUSE_MAX_FUNCTIONS ||
        (arguments && strlen(arguments) >= sizeof f->arguments))
        return -1;
    f = &p->function[p->functions++];
    memset(f, 0, sizeof *f);
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->arguments, sizeof f->arguments, "%s", arguments ? arguments : "");
    f->call = call;
    f->user = user;
    pilothouse_declare_function_(p, f);
    return 0;
}

static inline int pilothouse_expose_function(pilothouse_t *p, const char *name, pilothouse_function call,
                                             void *user)
{
    return pilothouse_expose_call(p, name, NULL, call, user);
}

/* Once per time step: tell new values, do what was asked for. Called more often than every millisecond it
 * only looks at the clock. A forked child's calls do nothing. */
static inline void pilothouse_poll(pilothouse_t *p)
{
    double now;
    if (!p)
        return;
    now = pilothouse_now_();
    if (now < p->next_poll)
        return;
    p->next_poll = now + 0.001;
    if (getpid() != p->pid)
        return;
    if (p->fd < 0)
        pilothouse_connect_(p, now);
    if (p->fd < 0)
        return;
    pilothouse_hear_(p);
    if (p->fd >= 0 && now >= p->next_values) {
        p->next_values = now + p->value_seconds;
        pilothouse_tell_values_(p);
    }
    pilothouse_flush_(p);
}

/* Whether there is a connection to an agent. */
static inline int pilothouse_connected(const pilothouse_t *p)
{
    return p && p->fd >= 0;
}

/* The agent's name for this run; "" until it answered. */
static inline const char *pilothouse_run_id(const pilothouse_t *p)
{
    return p ? p->run_id : "";
}

/* Why the agent refuses this program, for its programmer; "" when it does not. */
static inline const char *pilothouse_problem(const pilothouse_t *p)
{
    return p ? p->problem : "";
}

/* Tell the last values, say goodbye, free everything. */
static inline void pilothouse_close(pilothouse_t *p)
{
    if (!p)
        return;
    if (p->fd >= 0 && getpid() == p->pid) {
        pilothouse_tell_values_(p);
        pilothouse_say_(p, "BYE");
        pilothouse_flush_(p);
    }
    pilothouse_lose_(p);
    free(p);
}

#ifdef __cplusplus
}
#endif

#endif
