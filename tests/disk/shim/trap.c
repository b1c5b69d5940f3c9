/* Sees every system call that changes files. A seccomp filter traps them wherever they are made: interposing functions
 * of libc would miss the libraries that call the kernel themselves, and fjall's renames are made by one of those. */
#define _GNU_SOURCE
#include "shim.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

#ifndef __x86_64__
#error "the trap knows the registers of x86-64 only"
#endif

struct shim shim;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t calls, syncs;
static int armed, failed;
/* What libc does for us in here is not watched. */
static __thread int inside;

/* The filter lets a call through whose next instruction is at shim_called. */
extern char shim_called[] __attribute__((visibility("hidden")));
__asm__(".text\n.globl shim_call\n.type shim_call,@function\nshim_call:\n"
        "mov %rdi,%rax\nmov %rsi,%rdi\nmov %rdx,%rsi\nmov %rcx,%rdx\nmov %r8,%r10\nmov %r9,%r8\nmov 8(%rsp),%r9\n"
        "syscall\n.globl shim_called\n.hidden shim_called\nshim_called:\nret\n");

void shim_say(const char *text) { shim_call(SYS_write, 2, (long)text, (long)strlen(text), 0, 0, 0); }

void shim_die(const char *why) {
    shim_say("disk shim: ");
    shim_say(why);
    shim_say("\n");
    shim_call(SYS_exit_group, 86, 0, 0, 0, 0, 0);
}

/* The absolute path of an argument; 0 where it does not lie below the root. */
static int below_root(int folder, const char *path, char *out, size_t room) {
    if (path[0] == '/') {
        snprintf(out, room, "%s", path);
    } else {
        char link[64], base[512];
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        long len = shim_call(SYS_readlink, (long)link, (long)base, sizeof base - 1, 0, 0, 0);
        if (len <= 0) return 0;
        base[len] = 0;
        if (snprintf(out, room, "%s/%s", base, path) >= (int)room) shim_die("a path is too long");
    }
    size_t root = strlen(shim.root);
    return !strncmp(out, shim.root, root) && out[root] == '/';
}

static int exists(const char *path, struct stat *about) {
    return shim_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)about, AT_SYMLINK_NOFOLLOW, 0, 0) == 0;
}

/* Counts a call on a watched file or folder. Nonzero where the power goes at it. */
static int counted(void) {
    if (!armed) {
        struct stat about;
        if (shim.arm[0] && !exists(shim.arm, &about)) return 0;
        armed = 1;
    }
    calls++;
    return shim.loss_at && calls == shim.loss_at;
}

static int is_full(void) { return shim.full_at && armed && calls >= shim.full_at; }

static long do_write(long number, long fd, const void *bytes, int64_t len, int64_t at) {
    struct file *file = model_find((int)fd);
    if (!file) return 1;
    int goes = counted();
    if (is_full()) return -ENOSPC;
    struct stat about;
    shim_call(SYS_fstat, fd, (long)&about, 0, 0, 0, 0);
    if (at < 0) {
        int appends = (shim_call(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0) & O_APPEND) != 0;
        at = appends ? about.st_size : shim_call(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
    }
    model_will_write(file, at, bytes, len);
    long wrote = number == SYS_pwrite64 ? shim_call(number, fd, (long)bytes, len, at, 0, 0)
                                        : shim_call(SYS_write, fd, (long)bytes, len, 0, 0, 0);
    if (wrote != len) model_take_back(file, wrote);
    if (goes) loss_now("write");
    /* Zero is no error: 1 says "not ours" above, so results go out shifted by 2. */
    return wrote < 0 ? wrote : wrote + 2;
}

static long do_writev(long fd, const struct iovec *parts, long count) {
    if (!model_find((int)fd)) return 1;
    size_t len = 0;
    for (long at = 0; at < count; at++) len += parts[at].iov_len;
    char *bytes = malloc(len ? len : 1), *end = bytes;
    for (long at = 0; at < count; at++) end = mempcpy(end, parts[at].iov_base, parts[at].iov_len);
    long wrote = do_write(SYS_write, fd, bytes, (int64_t)len, -1);
    free(bytes);
    return wrote;
}

static long do_sync(long fd) {
    struct stat about;
    if (shim_call(SYS_fstat, fd, (long)&about, 0, 0, 0, 0) != 0) return 1;
    struct file *file = model_find((int)fd);
    int folder = S_ISDIR(about.st_mode);
    if (!file && !folder) return 1;
    int goes = counted();
    if (goes && shim_random() % 2) loss_now("before a sync");
    if (file && armed && ++syncs == shim.eio_at) {
        failed = 1;
        model_doom(file);
        return -EIO;
    }
    if (file) model_synced(file);
    if (folder) model_directory_synced(about.st_ino);
    if (goes) loss_now("after a sync");
    /* Nothing is given to the real disk: the machine stays up. */
    return 2;
}

static long do_truncate(long fd, int64_t size) {
    struct file *file = model_find((int)fd);
    if (!file) return 1;
    int goes = counted();
    struct stat about;
    shim_call(SYS_fstat, fd, (long)&about, 0, 0, 0, 0);
    if (is_full() && size > about.st_size) return -ENOSPC;
    model_will_truncate(file, size);
    long done = shim_call(SYS_ftruncate, fd, size, 0, 0, 0, 0);
    if (done < 0) model_take_back(file, 0);
    if (goes) loss_now("truncate");
    return done < 0 ? done : 2;
}

static long do_open(long folder, const char *name, long flags, long mode) {
    char path[1024];
    int writes = (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
    if (!writes || flags & O_DIRECTORY || !below_root((int)folder, name, path, sizeof path)) return 1;
    struct stat about;
    int there = exists(path, &about), goes = counted();
    if (is_full() && !there) return -ENOSPC;
    long fd = shim_call(SYS_openat, folder, (long)name, flags & ~(long)O_TRUNC, mode, 0, 0);
    if (fd < 0) return fd;
    struct file *file = model_know((int)fd);
    if (!there) model_entry(ENTRY_MADE, path, NULL, NULL);
    if (file && there && flags & O_TRUNC && about.st_size > 0) {
        model_will_truncate(file, 0);
        shim_call(SYS_ftruncate, file->fd, 0, 0, 0, 0, 0);
    }
    if (goes) loss_now("open");
    return fd + 2;
}

static long do_rename(long from_folder, const char *from, long to_folder, const char *to) {
    char old[1024], new[1024];
    if (!below_root((int)from_folder, from, old, sizeof old) | !below_root((int)to_folder, to, new, sizeof new)) return 1;
    int goes = counted();
    char *kept = model_keep(new);
    long done = shim_call(SYS_rename, (long)old, (long)new, 0, 0, 0, 0);
    if (done < 0) return done;
    model_entry(ENTRY_RENAMED, new, old, kept);
    if (goes) loss_now("rename");
    return 2;
}

static long do_unlink(long folder, const char *name, long flags) {
    char path[1024];
    if (!below_root((int)folder, name, path, sizeof path)) return 1;
    int goes = counted(), gone = (flags & AT_REMOVEDIR) != 0;
    char *kept = gone ? NULL : model_keep(path);
    long done = gone ? shim_call(SYS_rmdir, (long)path, 0, 0, 0, 0, 0) : shim_call(SYS_unlink, (long)path, 0, 0, 0, 0, 0);
    if (done < 0) {
        if (kept) shim_call(SYS_unlink, (long)kept, 0, 0, 0, 0, 0);
        return done;
    }
    model_entry(gone ? ENTRY_FOLDER_GONE : ENTRY_GONE, path, NULL, kept);
    if (goes) loss_now("unlink");
    return 2;
}

static long do_mkdir(long folder, const char *name, long mode) {
    char path[1024];
    if (!below_root((int)folder, name, path, sizeof path)) return 1;
    int goes = counted();
    if (is_full()) return -ENOSPC;
    long done = shim_call(SYS_mkdir, (long)path, mode, 0, 0, 0, 0);
    if (done < 0) return done;
    model_entry(ENTRY_FOLDER_MADE, path, NULL, NULL);
    if (goes) loss_now("mkdir");
    return 2;
}

/* 1: not ours, make the call as it is; negative: the error; else the result and 2. */
static long watched(long number, const long *a) {
    switch (number) {
    case SYS_write: return do_write(SYS_write, a[0], (void *)a[1], a[2], -1);
    case SYS_pwrite64: return do_write(SYS_pwrite64, a[0], (void *)a[1], a[2], a[3]);
    case SYS_writev: return do_writev(a[0], (void *)a[1], a[2]);
    case SYS_fsync:
    case SYS_fdatasync: return do_sync(a[0]);
    case SYS_ftruncate: return do_truncate(a[0], a[1]);
    case SYS_open: return do_open(AT_FDCWD, (char *)a[0], a[1], a[2]);
    case SYS_openat: return do_open(a[0], (char *)a[1], a[2], a[3]);
    case SYS_rename: return do_rename(AT_FDCWD, (char *)a[0], AT_FDCWD, (char *)a[1]);
    case SYS_renameat:
    case SYS_renameat2: return do_rename(a[0], (char *)a[1], a[2], (char *)a[3]);
    case SYS_unlink: return do_unlink(AT_FDCWD, (char *)a[0], 0);
    case SYS_rmdir: return do_unlink(AT_FDCWD, (char *)a[0], AT_REMOVEDIR);
    case SYS_unlinkat: return do_unlink(a[0], (char *)a[1], a[2]);
    case SYS_mkdir: return do_mkdir(AT_FDCWD, (char *)a[0], a[1]);
    case SYS_mkdirat: return do_mkdir(a[0], (char *)a[1], a[2]);
    case SYS_tgkill:
    case SYS_exit_group:
        if (failed && (number == SYS_exit_group || a[2] == SIGABRT)) loss_of_doomed(), failed = 0;
        return 1;
    case SYS_mmap: if (!model_find((int)a[4])) return 1; break;
    case SYS_sendfile: case SYS_fallocate: case SYS_pwritev: case SYS_pwritev2: if (!model_find((int)a[0])) return 1; break;
    case SYS_copy_file_range: case SYS_splice: if (!model_find((int)a[2])) return 1; break;
    }
    shim_die("a way to change files that is not modelled");
    return 1;
}

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal;
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    long a[6] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]};
    long result = 1;
    if (!inside) {
        int error = errno;
        inside = 1;
        pthread_mutex_lock(&lock);
        result = watched(info->si_syscall, a);
        pthread_mutex_unlock(&lock);
        inside = 0;
        errno = error;
    }
    /* What is not watched may block, so it is made without the lock. */
    r[REG_RAX] = result == 1 ? shim_call(info->si_syscall, a[0], a[1], a[2], a[3], a[4], a[5]) : result < 0 ? result : result - 2;
}

static const int TRAPPED[] = {SYS_write, SYS_pwrite64, SYS_writev, SYS_fsync, SYS_fdatasync, SYS_ftruncate, SYS_open,
    SYS_openat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_unlink, SYS_rmdir, SYS_unlinkat, SYS_mkdir, SYS_mkdirat,
    SYS_tgkill, SYS_exit_group, SYS_sendfile, SYS_fallocate, SYS_pwritev, SYS_pwritev2, SYS_copy_file_range, SYS_splice};
#define COUNT (sizeof TRAPPED / sizeof *TRAPPED)

static void install(void) {
    uint64_t self = (uint64_t)(uintptr_t)shim_called;
    struct sock_filter code[COUNT + 16];
    size_t n = 0;
#define LOAD(field) code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(test, value, yes, no) code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, yes, no)
#define DO(verdict) code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict)
    LOAD(instruction_pointer);
    IF(BPF_JEQ, (uint32_t)self, 0, 3);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4);
    IF(BPF_JEQ, (uint32_t)(self >> 32), 0, 1);
    DO(SECCOMP_RET_ALLOW);
    LOAD(nr);
    for (size_t at = 0; at < COUNT; at++) IF(BPF_JEQ, (uint32_t)TRAPPED[at], (uint8_t)(COUNT - at + 5), 0);
    /* A shared mapping that can be written changes a file without any call. */
    IF(BPF_JEQ, SYS_mmap, 0, 4);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3]));
    IF(BPF_JSET, MAP_SHARED, 0, 2);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
    IF(BPF_JSET, PROT_WRITE, 1, 0);
    DO(SECCOMP_RET_ALLOW);
    DO(SECCOMP_RET_TRAP);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER};
    /* No other handler comes between: it could wait for the lock that this thread holds. */
    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, SIGSYS);
    if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        shim_die("the kernel takes no seccomp filter");
}

static uint64_t number(const char *name) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

static void text(const char *name, char *out) {
    const char *value = getenv(name);
    snprintf(out, 1024, "%s", value ? value : "");
}

__attribute__((constructor)) static void begin(void) {
    text("DISK_ROOT", shim.root);
    if (!shim.root[0]) return;
    text("DISK_TRASH", shim.trash);
    text("DISK_ARM", shim.arm);
    text("DISK_REPORT", shim.report);
    shim.seed = number("DISK_SEED");
    shim.loss_at = number("DISK_LOSS_AT");
    shim.eio_at = number("DISK_EIO_AT");
    shim.full_at = number("DISK_FULL_AT");
    install();
}
