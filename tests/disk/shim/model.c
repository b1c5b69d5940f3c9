/* What is durable: changes of files until their sync, changes of directories until theirs. */
#define _GNU_SOURCE
#include "shim.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define BUCKETS 1024

static struct file *files[BUCKETS];
static struct entry *newest_entry;
static uint64_t places;

static void *taken(size_t bytes) {
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory) shim_die("no memory for the journal of changes");
    return memory;
}

static char *copied(const char *text) { return text ? strcpy(taken(strlen(text) + 1), text) : NULL; }

static int status_of(int fd, struct stat *about) { return shim_call(SYS_fstat, fd, (long)about, 0, 0, 0, 0) == 0; }

static struct file **bucket(uint64_t inode) { return &files[inode % BUCKETS]; }

void model_each_changed(void (*visit)(struct file *, int), int argument) {
    for (size_t at = 0; at < BUCKETS; at++)
        for (struct file *file = files[at]; file; file = file->next)
            if (file->newest) visit(file, argument);
}

struct entry *model_newest_entry(void) { return newest_entry; }

static struct file *find(uint64_t device, uint64_t inode) {
    struct file *file = *bucket(inode);
    while (file && (file->inode != inode || file->device != device)) file = file->next;
    return file;
}

/* The watched file behind a descriptor, whoever duplicated it; NULL for all others. */
struct file *model_find(int fd) {
    struct stat about;
    if (!status_of(fd, &about) || !S_ISREG(about.st_mode)) return NULL;
    return find(about.st_dev, about.st_ino);
}

/* Watches the file behind a descriptor from now on; what it holds is taken to be durable. */
struct file *model_know(int fd) {
    struct stat about;
    if (!status_of(fd, &about) || !S_ISREG(about.st_mode)) return NULL;
    struct file *file = find(about.st_dev, about.st_ino);
    if (file) return file;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    file = taken(sizeof *file);
    file->fd = (int)shim_call(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0, 0);
    if (file->fd < 0) shim_die("a watched file cannot be opened a second time");
    file->device = about.st_dev;
    file->inode = about.st_ino;
    file->next = *bucket(about.st_ino);
    *bucket(about.st_ino) = file;
    return file;
}

static int64_t size_of(struct file *file) {
    struct stat about;
    if (!status_of(file->fd, &about)) shim_die("a watched file has no length");
    return about.st_size;
}

static struct change *add(struct file *file) {
    struct change *change = taken(sizeof *change);
    change->place = ++places;
    change->size_before = size_of(file);
    change->older = file->newest;
    if (file->newest) file->newest->newer = change;
    else file->oldest = change;
    file->newest = change;
    return change;
}

static void keep_before(struct file *file, struct change *change, int64_t at, int64_t end) {
    if (end > change->size_before) end = change->size_before;
    if (end <= at) return;
    change->before = taken((size_t)(end - at));
    while (change->before_len < end - at) {
        long read = shim_call(SYS_pread64, file->fd, (long)(change->before + change->before_len),
                              end - at - change->before_len, at + change->before_len, 0, 0);
        if (read <= 0) shim_die("what a write replaces cannot be read");
        change->before_len += read;
    }
}

void model_will_write(struct file *file, int64_t at, const void *bytes, int64_t len) {
    struct change *change = add(file);
    change->at = at;
    change->len = len;
    keep_before(file, change, at, at + len);
    change->after = memcpy(taken((size_t)len), bytes, (size_t)len);
}

void model_will_truncate(struct file *file, int64_t size) {
    struct change *change = add(file);
    change->truncates = 1;
    change->at = size;
    keep_before(file, change, size, change->size_before);
}

static void forget(struct change *change) {
    free(change->before);
    free(change->after);
    free(change);
}

/* The newest change came out shorter, or not at all. */
void model_take_back(struct file *file, int64_t written) {
    struct change *change = file->newest;
    if (written > 0) {
        change->len = written;
        if (change->before_len > written) change->before_len = written;
        return;
    }
    file->newest = change->older;
    if (file->newest) file->newest->newer = NULL;
    else file->oldest = NULL;
    forget(change);
}

/* A sync that succeeded makes durable what no failed one has dropped before. */
void model_synced(struct file *file) {
    struct change *doomed = NULL, *last = NULL;
    for (struct change *change = file->oldest; change;) {
        struct change *newer = change->newer;
        if (change->doomed) {
            change->older = last;
            change->newer = NULL;
            if (last) last->newer = change;
            else doomed = change;
            last = change;
        } else {
            forget(change);
        }
        change = newer;
    }
    file->oldest = doomed;
    file->newest = last;
}

void model_doom(struct file *file) {
    for (struct change *change = file->oldest; change; change = change->newer) change->doomed = 1;
}

static uint64_t directory_of(const char *path) {
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    struct stat about;
    if (shim_call(SYS_newfstatat, AT_FDCWD, (long)folder, (long)&about, 0, 0, 0) != 0) return 0;
    return about.st_ino;
}

void model_entry(enum entry_kind kind, const char *path, const char *from, char *kept) {
    struct entry *entry = taken(sizeof *entry);
    entry->place = ++places;
    entry->kind = kind;
    entry->directory = directory_of(path);
    if (from && directory_of(from) != entry->directory) shim_die("a rename between two folders is not modelled");
    entry->path = copied(path);
    entry->from = copied(from);
    entry->kept = kept;
    entry->older = newest_entry;
    if (newest_entry) newest_entry->newer = entry;
    newest_entry = entry;
}

void model_directory_synced(uint64_t inode) {
    for (struct entry *entry = newest_entry; entry;) {
        struct entry *older = entry->older;
        if (entry->directory == inode) {
            if (entry->newer) entry->newer->older = older;
            else newest_entry = older;
            if (older) older->newer = entry->newer;
            if (entry->kept) shim_call(SYS_unlink, (long)entry->kept, 0, 0, 0, 0, 0);
            free(entry->path);
            free(entry->from);
            free(entry->kept);
            free(entry);
        }
        entry = older;
    }
}

/* A second link to a file that is about to be replaced or removed; NULL where there is none. */
char *model_keep(const char *path) {
    static unsigned count;
    char kept[1200];
    snprintf(kept, sizeof kept, "%s/%d-%u", shim.trash, (int)shim_call(SYS_getpid, 0, 0, 0, 0, 0, 0), ++count);
    return shim_call(SYS_link, (long)path, (long)kept, 0, 0, 0, 0) == 0 ? copied(kept) : NULL;
}
