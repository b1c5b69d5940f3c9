/* A power cut: every file and every folder as one could have left it, then the end of the process. */
#define _GNU_SOURCE
#include "shim.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PAGE 4096
#define SECTOR 512

static struct {
    unsigned long files, kept, lost, torn, entries_kept, entries_lost;
} told;

/* Splitmix64, as the rest of the tests draw. */
uint64_t shim_random(void) {
    uint64_t mixed = (shim.seed += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

static uint64_t below(uint64_t bound) { return bound ? shim_random() % bound : 0; }

static void write_all(struct file *file, const unsigned char *bytes, int64_t len, int64_t at) {
    for (int64_t done = 0; done < len;) {
        long wrote = shim_call(SYS_pwrite64, file->fd, (long)(bytes + done), len - done, at + done, 0, 0);
        if (wrote <= 0) shim_die("the disk under the disk is full");
        done += wrote;
    }
}

static void set_size(struct file *file, int64_t size) { shim_call(SYS_ftruncate, file->fd, size, 0, 0, 0, 0); }

/* Back to what was synced last. */
static void undo(struct file *file) {
    for (struct change *change = file->newest; change; change = change->older) {
        if (change->before_len) write_all(file, change->before, change->before_len, change->at);
        set_size(file, change->size_before);
    }
}

static void redo_whole(struct file *file, struct change *change) {
    if (change->truncates) set_size(file, change->at);
    else write_all(file, change->after, change->len, change->at);
    told.kept++;
}

/* The first sectors of a write, up to somewhere. */
static void redo_torn(struct file *file, struct change *change) {
    if (change->truncates) return;
    int64_t end = (change->at + (int64_t)below((uint64_t)change->len + 1)) / SECTOR * SECTOR - change->at;
    if (end > 0) write_all(file, change->after, end, change->at);
    told.torn++;
}

/* Each page on its own: the kernel writes them back in any order. */
static void redo_pages(struct file *file, struct change *change) {
    if (change->truncates) {
        if (below(2)) redo_whole(file, change);
        return;
    }
    for (int64_t at = change->at; at < change->at + change->len;) {
        int64_t end = (at / PAGE + 1) * PAGE;
        if (end > change->at + change->len) end = change->at + change->len;
        if (below(2)) write_all(file, change->after + (at - change->at), end - at, at);
        at = end;
    }
    told.torn++;
}

static void lose_bytes(struct file *file, int doomed_only) {
    uint64_t changes = 0;
    for (struct change *change = file->oldest; change; change = change->newer) changes++;
    undo(file);
    uint64_t how = doomed_only ? 1 : below(4), first_lost = below(changes + 1), number = 0;
    for (struct change *change = file->oldest; change; change = change->newer, number++) {
        if (change->doomed || how == 0) told.lost++;
        else if (how == 1 || (how == 2 && number < first_lost)) redo_whole(file, change);
        else if (how == 2 && number == first_lost) redo_torn(file, change);
        else if (how == 3) redo_pages(file, change);
        else told.lost++;
    }
    told.files++;
}

/* A folder that was never durable takes everything in it along. Its files were undone one by one before: what is left
 * are entries that had been synced into a folder that itself was not. */
static void remove_folder(const char *path) {
    char line[2048];
    struct { uint64_t inode, offset; unsigned short length; unsigned char kind; char name[]; } *found;
    char buffer[4096];
    int fd = (int)shim_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_DIRECTORY, 0, 0, 0);
    if (fd < 0) return;
    for (long got; (got = shim_call(SYS_getdents64, fd, (long)buffer, sizeof buffer, 0, 0, 0)) > 0;)
        for (long at = 0; at < got; at += found->length) {
            found = (void *)(buffer + at);
            if (!strcmp(found->name, ".") || !strcmp(found->name, "..")) continue;
            snprintf(line, sizeof line, "%s/%s", path, found->name);
            if (shim_call(SYS_unlink, (long)line, 0, 0, 0, 0, 0) != 0) remove_folder(line);
        }
    shim_call(SYS_close, fd, 0, 0, 0, 0, 0);
    shim_call(SYS_rmdir, (long)path, 0, 0, 0, 0, 0);
}

static void undo_entry(struct entry *entry) {
    long path = (long)entry->path;
    switch (entry->kind) {
    case ENTRY_MADE: shim_call(SYS_unlink, path, 0, 0, 0, 0, 0); break;
    case ENTRY_FOLDER_MADE: remove_folder(entry->path); break;
    case ENTRY_RENAMED:
        shim_call(SYS_rename, path, (long)entry->from, 0, 0, 0, 0);
        if (entry->kept) shim_call(SYS_rename, (long)entry->kept, path, 0, 0, 0, 0);
        break;
    case ENTRY_GONE:
        if (entry->kept) shim_call(SYS_rename, (long)entry->kept, path, 0, 0, 0, 0);
        break;
    case ENTRY_FOLDER_GONE: shim_call(SYS_mkdir, path, 0777, 0, 0, 0, 0); break;
    }
    entry->undone = 1;
    told.entries_lost++;
}

/* File systems journal their metadata: of each folder's changes the newest are lost, from somewhere on. */
static void lose_entries(void) {
    uint64_t done[256], many = 0, from[256];
    for (struct entry *entry = model_newest_entry(); entry; entry = entry->older) {
        uint64_t which = 0;
        while (which < many && done[which] != entry->directory) which++;
        if (which == many) {
            if (many == 256) continue;
            uint64_t count = 0;
            for (struct entry *one = entry; one; one = one->older) count += one->directory == entry->directory;
            done[many] = entry->directory;
            from[many++] = below(count + 1);
        }
        if (from[which] == 0) {
            told.entries_kept++;
        } else {
            from[which]--;
            undo_entry(entry);
        }
    }
}

static void tell(const char *why) {
    char line[256];
    int fd = (int)shim_call(SYS_openat, AT_FDCWD, (long)shim.report, O_WRONLY | O_CREAT | O_APPEND, 0644, 0, 0);
    int len = snprintf(line, sizeof line,
                       "{\"why\":\"%s\",\"files\":%lu,\"kept\":%lu,\"lost\":%lu,\"torn\":%lu,\"entries_kept\":%lu,"
                       "\"entries_lost\":%lu}\n",
                       why, told.files, told.kept, told.lost, told.torn, told.entries_kept, told.entries_lost);
    shim_call(SYS_write, fd, (long)line, len, 0, 0, 0);
}

/* The power goes. The lock is held and never given back: nobody else touches a file any more. */
void loss_now(const char *why) {
    model_each_changed(lose_bytes, 0);
    lose_entries();
    tell(why);
    shim_call(SYS_kill, shim_call(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGKILL, 0, 0, 0, 0);
    for (;;) shim_call(SYS_pause, 0, 0, 0, 0, 0, 0);
}

/* The process ends after a failed sync: what that sync dropped is gone, the rest is still on its way to the disk. */
void loss_of_doomed(void) {
    model_each_changed(lose_bytes, 1);
    tell("ended after a failed sync");
}
