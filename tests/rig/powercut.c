/* Keeps a journal of what a process does to the files below POWERCUT_DIR, so that power.py can tell what a disk would hold if the power
 * went at any moment: what was not fsynced may be gone. Loaded by LD_PRELOAD. The journal goes to POWERCUT_LOG. What matters of an fsync
 * is that it is in the journal, so none reaches the disk. With POWERCUT_DIE the process is killed at the record of that number. Syncs of paths that hold POWERCUT_DEAF are left out: as if the call were missing.
 *
 * A record: kind (1 byte), inode (8), offset (8), length of the path (4), length of the data (4), path, data. Kinds: Create, Write,
 * Truncate, Sync, Dir sync, Rename, Link, Unlink, Mkdir, X rmdir. Does not follow mmap (SQLite's -shm is made anew at each start).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FD 4096
static struct { char *path; ino_t inode; int is_dir; } known[MAX_FD];
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static const char *below, *deaf;
static size_t below_size;

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *log = getenv("POWERCUT_LOG");
    below = getenv("POWERCUT_DIR");
    deaf = getenv("POWERCUT_DEAF");
    if (!log || !below) return;
    below_size = strlen(below);
    journal = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal >= 0) {
        int high = fcntl(journal, F_DUPFD_CLOEXEC, 1000);
        if (high >= 0) { syscall(SYS_close, journal); journal = high; }
    }
}

/* The process ends at record POWERCUT_DIE, which is not in the journal any more. */
static void count(void) {
    static int done;
    const char *last = getenv("POWERCUT_DIE");
    if (last && *last && ++done >= atoi(last)) kill(getpid(), SIGKILL);
}

static void note(char kind, uint64_t inode, uint64_t offset, const char *path, const void *data, size_t size) {
    count();
    char head[25];
    uint32_t lengths[2] = {(uint32_t)(path ? strlen(path) : 0), (uint32_t)size};
    head[0] = kind;
    memcpy(head + 1, &inode, 8);
    memcpy(head + 9, &offset, 8);
    memcpy(head + 17, lengths, 8);
    struct iovec parts[3] = {{head, 25}, {(void *)path, lengths[0]}, {(void *)data, size}};
    if (syscall(SYS_writev, journal, parts, 3) != (long)(25 + lengths[0] + size)) abort();
}

/* The absolute path of `path` at `dirfd` when it lies below POWERCUT_DIR, else NULL; -shm is passed over. To be freed. */
static char *ours(int dirfd, const char *path) {
    char at[PATH_MAX], link[64], whole[2 * PATH_MAX];
    if (journal < 0 || !path) return NULL;
    if (path[0] == '/') snprintf(whole, sizeof whole, "%s", path);
    else {
        if (dirfd == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
        ssize_t got = readlink(link, at, sizeof at - 1);
        if (got < 0) return NULL;
        at[got] = 0;
        snprintf(whole, sizeof whole, "%s/%s", at, path);
    }
    size_t size = strlen(whole);
    if (strncmp(whole, below, below_size) || (whole[below_size] != '/' && whole[below_size])) return NULL;
    if (size > 4 && !strcmp(whole + size - 4, "-shm")) return NULL;
    return strdup(whole);
}

static void forget(int fd) {
    if (fd < 0 || fd >= MAX_FD) return;
    free(known[fd].path);
    known[fd].path = NULL;
}

static int opened(int dirfd, const char *path, int flags, mode_t mode) {
    char *whole = ours(dirfd, path);
    if (!whole) {
        int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
        return fd;
    }
    pthread_mutex_lock(&one);
    struct stat before, after;
    int existed = stat(whole, &before) == 0;
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode), error = errno;
    if (fd >= 0 && fd < MAX_FD && !(flags & O_PATH) && fstat(fd, &after) == 0) {
        forget(fd);
        known[fd].path = whole;
        known[fd].inode = after.st_ino;
        known[fd].is_dir = S_ISDIR(after.st_mode);
        if (!existed) note('C', after.st_ino, 0, whole, NULL, 0);
        else if (flags & O_TRUNC) note('T', after.st_ino, 0, NULL, NULL, 0);
    } else free(whole);
    pthread_mutex_unlock(&one);
    errno = error;
    return fd;
}

#define MODE() mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int open(const char *path, int flags, ...) { MODE() return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE() return opened(AT_FDCWD, path, flags, mode); }
int openat(int dirfd, const char *path, int flags, ...) { MODE() return opened(dirfd, path, flags, mode); }
int openat64(int dirfd, const char *path, int flags, ...) { MODE() return opened(dirfd, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    pthread_mutex_lock(&one);
    forget(fd);
    pthread_mutex_unlock(&one);
    return (int)syscall(SYS_close, fd);
}

static int is_known(int fd) { return journal >= 0 && fd >= 0 && fd < MAX_FD && known[fd].path && !known[fd].is_dir; }

ssize_t write(int fd, const void *data, size_t size) {
    if (!is_known(fd)) return syscall(SYS_write, fd, data, size);
    pthread_mutex_lock(&one);
    struct stat now;
    off_t offset = fcntl(fd, F_GETFL) & O_APPEND ? (fstat(fd, &now), now.st_size) : lseek(fd, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_write, fd, data, size);
    int error = errno;
    if (done > 0) note('W', known[fd].inode, offset, NULL, data, done);
    pthread_mutex_unlock(&one);
    errno = error;
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    if (!is_known(fd)) return syscall(SYS_pwrite64, fd, data, size, offset);
    pthread_mutex_lock(&one);
    ssize_t done = syscall(SYS_pwrite64, fd, data, size, offset);
    int error = errno;
    if (done > 0) note('W', known[fd].inode, offset, NULL, data, done);
    pthread_mutex_unlock(&one);
    errno = error;
    return done;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!is_known(fd)) return syscall(SYS_writev, fd, parts, count);
    ssize_t whole = 0;
    for (int i = 0; i < count; i++) {
        ssize_t done = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (done < 0) return whole ? whole : -1;
        whole += done;
        if ((size_t)done < parts[i].iov_len) break;
    }
    return whole;
}

int ftruncate64(int fd, off64_t size) {
    if (!is_known(fd)) return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&one);
    int done = (int)syscall(SYS_ftruncate, fd, size), error = errno;
    if (!done) note('T', known[fd].inode, size, NULL, NULL, 0);
    pthread_mutex_unlock(&one);
    errno = error;
    return done;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int synced(int fd) {
    if (journal < 0 || fd < 0 || fd >= MAX_FD || !known[fd].path) return 0;
    pthread_mutex_lock(&one);
    const char *path = known[fd].path;
    if (!deaf || !*deaf || !strstr(path, deaf)) note(known[fd].is_dir ? 'D' : 'S', known[fd].inode, 0, path, NULL, 0);
    pthread_mutex_unlock(&one);
    return 0;
}
int fsync(int fd) { return synced(fd); }
int fdatasync(int fd) { return synced(fd); }

static int named(char kind, int from_at, const char *from, int to_at, const char *to, long (*act)(int, const char *, int, const char *)) {
    char *old = ours(from_at, from), *new = to ? ours(to_at, to) : NULL;
    pthread_mutex_lock(&one);
    int done = (int)act(from_at, from, to_at, to), error = errno;
    if (!done && (old || new)) note(kind, 0, 0, old, new, new ? strlen(new) : 0);
    pthread_mutex_unlock(&one);
    free(old);
    free(new);
    errno = error;
    return done;
}
static long do_rename(int a, const char *x, int b, const char *y) { return syscall(SYS_renameat2, a, x, b, y, 0); }
static long do_exclusive(int a, const char *x, int b, const char *y) { return syscall(SYS_renameat2, a, x, b, y, RENAME_NOREPLACE); }
static long do_link(int a, const char *x, int b, const char *y) { return syscall(SYS_linkat, a, x, b, y, 0); }
static long do_unlink(int a, const char *x, int b, const char *y) { (void)b, (void)y; return syscall(SYS_unlinkat, a, x, 0); }
static long do_rmdir(int a, const char *x, int b, const char *y) { (void)b, (void)y; return syscall(SYS_unlinkat, a, x, AT_REMOVEDIR); }
static long do_mkdir(int a, const char *x, int mode, const char *y) { (void)y; return syscall(SYS_mkdirat, a, x, mode); }

int rename(const char *from, const char *to) { return named('R', AT_FDCWD, from, AT_FDCWD, to, do_rename); }
int renameat(int a, const char *from, int b, const char *to) { return named('R', a, from, b, to, do_rename); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    return named('R', a, from, b, to, flags & RENAME_NOREPLACE ? do_exclusive : do_rename);
}
int link(const char *from, const char *to) { return named('L', AT_FDCWD, from, AT_FDCWD, to, do_link); }
int linkat(int a, const char *from, int b, const char *to, int flags) { (void)flags; return named('L', a, from, b, to, do_link); }
int unlink(const char *path) { return named('U', AT_FDCWD, path, 0, NULL, do_unlink); }
int unlinkat(int at, const char *path, int flags) {
    return flags & AT_REMOVEDIR ? named('X', at, path, 0, NULL, do_rmdir) : named('U', at, path, 0, NULL, do_unlink);
}
int rmdir(const char *path) { return named('X', AT_FDCWD, path, 0, NULL, do_rmdir); }
int mkdir(const char *path, mode_t mode) { return named('M', AT_FDCWD, path, (int)mode, NULL, do_mkdir); }
int mkdirat(int at, const char *path, mode_t mode) { return named('M', at, path, (int)mode, NULL, do_mkdir); }
