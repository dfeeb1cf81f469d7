/* Makes the k-th call of a system function fail. Loaded by LD_PRELOAD; ci/faults.sh builds it.
 *
 *   FAULTS_FUNCTION  its name: mmap, madvise, ...; one of the calls that go through syscall(2) has
 *                    the name of that call: process_madvise, ... Some names are for a part of the
 *                    calls: mmap_reserve (with MAP_NORESERVE, which only gort uses), mprotect_large
 *                    (more than a page: gort's guards), futex_wait (waking never fails)
 *   FAULTS_FIRST     k: the first call that fails; 0: none, calls are only counted
 *   FAULTS_LAST      the last call that fails
 *   FAULTS_ERRNO     a number
 *   FAULTS_REPORT    a descriptor. When a call fails "failed\n" is written there (by the first 64),
 *                    and when the program exits "N calls\n"
 *
 * Calls count from the moment the program calls faults_begin(), on all threads, and only those that
 * are made through the dynamic loader: the program's own and those of Rust's std, not those that
 * the C library makes inside itself (malloc's mmap, say). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *function = "";
static long first, last, code;
static int report = -1;
static atomic_int begun;
static atomic_long calls;

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

static void tell(const char *text) {
    if (report >= 0 && write(report, text, strlen(text)) < 0) {
        /* Nobody listens: nothing to be done. */
    }
}

void faults_begin(void) {
    const char *wished = getenv("FAULTS_FUNCTION");
    function = wished ? wished : "";
    first = number("FAULTS_FIRST", 0);
    last = number("FAULTS_LAST", first);
    code = number("FAULTS_ERRNO", ENOMEM);
    report = (int)number("FAULTS_REPORT", -1);
    atomic_store(&begun, 1);
}

__attribute__((destructor)) static void end(void) {
    char text[32];
    if (atomic_load(&begun)) {
        snprintf(text, sizeof text, "%ld calls\n", atomic_load(&calls));
        tell(text);
    }
}

/* Whether this call of this function is one that fails. */
static int fails(const char *name) {
    if (!atomic_load(&begun) || strcmp(name, function) != 0) {
        return 0;
    }
    long k = atomic_fetch_add(&calls, 1) + 1;
    if (first == 0 || k < first || k > last) {
        return 0;
    }
    /* Not only the first one: another thread may end the program before that one can tell. */
    if (k - first < 64) {
        tell("failed\n");
    }
    errno = (int)code;
    return 1;
}

/* The function of this name that would have been called without us. */
#define NEXT(name) ((__typeof__(&name))next(#name))
static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

#define REPLACE(type, name, parameters, arguments, failure) \
    type name parameters {                                  \
        static __typeof__(&name) real;                      \
        if (!real) real = NEXT(name);                       \
        return fails(#name) ? failure : real arguments;     \
    }

REPLACE(int, madvise, (void *at, size_t n, int advice), (at, n, advice), -1)
REPLACE(int, munmap, (void *at, size_t n), (at, n), -1)
REPLACE(int, pthread_create,
        (pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *), void *argument),
        (thread, how, body, argument), (int)code)
REPLACE(int, pthread_key_create, (pthread_key_t *key, void (*drop)(void *)), (key, drop), (int)code)
REPLACE(int, sigaltstack, (const stack_t *stack, stack_t *old), (stack, old), -1)
REPLACE(int, sigaction, (int signal, const struct sigaction *action, struct sigaction *old),
        (signal, action, old), -1)
REPLACE(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old),
        (int)code)
REPLACE(int, pipe2, (int ends[2], int flags), (ends, flags), -1)

int mprotect(void *at, size_t n, int access) {
    static __typeof__(&mprotect) real;
    if (!real) real = NEXT(mprotect);
    if (fails("mprotect") || (n > 4096 && fails("mprotect_large"))) return -1;
    return real(at, n, access);
}

static void *map(void *at, size_t n, int access, int flags, int fd, off_t from) {
    static __typeof__(&mmap) real;
    if (!real) real = NEXT(mmap);
    if (fails("mmap") || ((flags & MAP_NORESERVE) && fails("mmap_reserve"))) return MAP_FAILED;
    return real(at, n, access, flags, fd, from);
}
void *mmap(void *at, size_t n, int access, int flags, int fd, off_t from) {
    return map(at, n, access, flags, fd, from);
}
/* Rust's std calls it by this name. */
void *mmap64(void *at, size_t n, int access, int flags, int fd, off_t from) {
    return map(at, n, access, flags, fd, from);
}

static int limit(int which, struct rlimit *to) {
    static int (*real)(int, struct rlimit *);
    if (!real) real = (int (*)(int, struct rlimit *))next("getrlimit");
    return fails("getrlimit") ? -1 : real(which, to);
}
int getrlimit(__rlimit_resource_t which, struct rlimit *to) { return limit((int)which, to); }

static int open_file(const char *path, int flags, mode_t mode) {
    return fails("open") ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
#define OPEN(name)                            \
    int name(const char *path, int flags, ...) { \
        va_list more;                         \
        va_start(more, flags);                \
        mode_t mode = va_arg(more, mode_t);   \
        va_end(more);                         \
        return open_file(path, flags, mode);  \
    }
OPEN(open)
OPEN(open64)

static const struct {
    long number;
    const char *name;
} by_number[] = {
    {SYS_process_madvise, "process_madvise"},
    {SYS_pidfd_open, "pidfd_open"},
    {SYS_uname, "uname"},
    {SYS_rseq, "rseq"},
};

long syscall(long which, ...) {
    static long (*real)(long, ...);
    if (!real) real = (long (*)(long, ...))next("syscall");
    long a[6];
    va_list more;
    va_start(more, which);
    for (int i = 0; i < 6; i++) a[i] = va_arg(more, long);
    va_end(more);
    for (size_t i = 0; i < sizeof by_number / sizeof by_number[0]; i++) {
        if (by_number[i].number == which && fails(by_number[i].name)) return -1;
    }
    int operation = (int)a[1] & FUTEX_CMD_MASK;
    int waits = operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET;
    if (which == SYS_futex && waits && fails("futex_wait")) return -1;
    return real(which, a[0], a[1], a[2], a[3], a[4], a[5]);
}
