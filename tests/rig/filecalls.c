/* Counts what a process does to the files below FILECALLS_DIR, and has the k-th call fail as the kernel would say it. Loaded by LD_PRELOAD;
 * filecalls.py tells it what to do, by way of the file FILECALLS_CONTROL that both map. A write that finds no space writes the half of it
 * first, as on a disk that fills up, and fails when it is called for the rest. Does not see mmap (SQLite's -shm) nor what only looks (stat).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FD 4096
#define LOG (1 << 18)

static struct control {
    uint32_t kth;   /* the call that fails, counted from 1; 0 for none */
    uint32_t error; /* the errno */
    uint32_t count; /* calls so far */
    uint32_t used;  /* bytes of the log */
    char log[LOG];  /* a line a call: what it is, and the name of the file */
} *control;
static char *known[MAX_FD];
static int short_of = -1; /* the descriptor whose next write finds no space */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static const char *below;
static size_t below_size;

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("FILECALLS_CONTROL");
    below = getenv("FILECALLS_DIR");
    if (!file || !below) return;
    below_size = strlen(below);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) abort();
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) abort();
    control = at;
    syscall(SYS_close, fd);
}

/* Count a call of the file `path`; the errno with which it is to fail, or 0. */
static int due(const char *what, const char *path) {
    const char *name = strrchr(path, '/');
    pthread_mutex_lock(&one);
    int done = snprintf(control->log + control->used, LOG - control->used, "%s %s\n", what, name ? name + 1 : path);
    if (done > 0 && (uint32_t)done < LOG - control->used) control->used += done; /* what is asked for is among the first */
    int fails = ++control->count == control->kth;
    pthread_mutex_unlock(&one);
    return fails ? (int)control->error : 0;
}

static char *path_of(int fd) { return control && fd >= 0 && fd < MAX_FD ? known[fd] : NULL; }

/* Fail when it is time to; for calls of an open file. */
#define FAIL(what) do { char *path = path_of(fd); if (path && (errno = due(what, path))) return -1; } while (0)

/* The absolute path of `path` at `dirfd` when it lies below FILECALLS_DIR, else NULL. To be freed. */
static char *ours(int dirfd, const char *path) {
    char at[PATH_MAX], link[64], whole[2 * PATH_MAX];
    if (!control || !path) return NULL;
    if (path[0] == '/') snprintf(whole, sizeof whole, "%s", path);
    else {
        if (dirfd == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
        ssize_t got = readlink(link, at, sizeof at - 1);
        if (got < 0) return NULL;
        at[got] = 0;
        snprintf(whole, sizeof whole, "%s/%s", at, path);
    }
    if (strncmp(whole, below, below_size) || (whole[below_size] != '/' && whole[below_size])) return NULL;
    return strdup(whole);
}

static int opened(int dirfd, const char *path, int flags, mode_t mode) {
    char *whole = ours(dirfd, path);
    if (whole && (errno = due("open", whole))) {
        free(whole);
        return -1;
    }
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    if (fd >= 0 && fd < MAX_FD) {
        free(known[fd]);
        known[fd] = whole;
    } else free(whole);
    return fd;
}

#define MODE() mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int open(const char *path, int flags, ...) { MODE() return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE() return opened(AT_FDCWD, path, flags, mode); }
int openat(int dirfd, const char *path, int flags, ...) { MODE() return opened(dirfd, path, flags, mode); }
int openat64(int dirfd, const char *path, int flags, ...) { MODE() return opened(dirfd, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    if (path_of(fd)) {
        free(known[fd]);
        known[fd] = NULL;
    }
    return (int)syscall(SYS_close, fd);
}

ssize_t read(int fd, void *data, size_t size) { FAIL("read"); return syscall(SYS_read, fd, data, size); }
ssize_t pread64(int fd, void *data, size_t size, off64_t at) { FAIL("read"); return syscall(SYS_pread64, fd, data, size, at); }
ssize_t pread(int fd, void *data, size_t size, off_t at) { return pread64(fd, data, size, at); }

/* How much of a write is to be done: all, the half of it before there is no space, or (-1, with errno) nothing. */
static ssize_t room(int fd, size_t size) {
    char *path = path_of(fd);
    if (!path) return (ssize_t)size;
    if (short_of == fd) {
        short_of = -1;
        errno = ENOSPC;
        return -1;
    }
    int error = due("write", path);
    if (!error) return (ssize_t)size;
    if (error == ENOSPC && size > 1) {
        short_of = fd;
        return (ssize_t)(size / 2);
    }
    errno = error;
    return -1;
}
ssize_t write(int fd, const void *data, size_t size) {
    ssize_t fits = room(fd, size);
    return fits < 0 ? fits : syscall(SYS_write, fd, data, fits);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    ssize_t fits = room(fd, size);
    return fits < 0 ? fits : syscall(SYS_pwrite64, fd, data, fits, at);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (path_of(fd)) abort(); /* nothing that is tested writes so */
    return syscall(SYS_writev, fd, parts, count);
}

int fsync(int fd) { FAIL("sync"); return (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { FAIL("sync"); return (int)syscall(SYS_fdatasync, fd); }
int ftruncate64(int fd, off64_t size) { FAIL("truncate"); return (int)syscall(SYS_ftruncate, fd, size); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fcntl64(int fd, int command, ...) {
    va_list more;
    va_start(more, command);
    void *given = va_arg(more, void *);
    va_end(more);
    if (command == F_SETLK && ((struct flock *)given)->l_type != F_UNLCK) FAIL("lock"); /* to let go of one never fails */
    return (int)syscall(SYS_fcntl, fd, command, given);
}
int fcntl(int fd, int command, ...) {
    va_list more;
    va_start(more, command);
    void *given = va_arg(more, void *);
    va_end(more);
    return fcntl64(fd, command, given);
}

static int named(const char *what, int at, const char *path) {
    char *whole = ours(at, path);
    int error = whole ? due(what, whole) : 0;
    free(whole);
    errno = error;
    return error;
}
#define NAMED(what, at, path, call) return named(what, at, path) ? -1 : (int)(call)
int rename(const char *a, const char *b) { NAMED("rename", AT_FDCWD, b, syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0)); }
int renameat(int x, const char *a, int y, const char *b) { NAMED("rename", y, b, syscall(SYS_renameat2, x, a, y, b, 0)); }
int link(const char *a, const char *b) { NAMED("link", AT_FDCWD, b, syscall(SYS_linkat, AT_FDCWD, a, AT_FDCWD, b, 0)); }
int linkat(int x, const char *a, int y, const char *b, int flags) { NAMED("link", y, b, syscall(SYS_linkat, x, a, y, b, flags)); }
int unlink(const char *path) { NAMED("unlink", AT_FDCWD, path, syscall(SYS_unlinkat, AT_FDCWD, path, 0)); }
int unlinkat(int at, const char *path, int flags) { NAMED("unlink", at, path, syscall(SYS_unlinkat, at, path, flags)); }
int mkdir(const char *path, mode_t mode) { NAMED("mkdir", AT_FDCWD, path, syscall(SYS_mkdirat, AT_FDCWD, path, mode)); }
int mkdirat(int at, const char *path, mode_t mode) { NAMED("mkdir", at, path, syscall(SYS_mkdirat, at, path, mode)); }
