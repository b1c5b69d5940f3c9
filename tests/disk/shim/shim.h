/* A disk that forgets what was not synced: see README.md in the folder above.
 *
 * trap.c  sees every system call of the process that changes files, however it is made
 * model.c knows which of those changes are durable by now
 * loss.c  puts the files into a state that a power cut could have left behind
 */
#ifndef SHIM_H
#define SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A system call that is not trapped again; the result is the kernel's own: -errno on failure. */
long shim_call(long number, long a, long b, long c, long d, long e, long f);

/* One change of a file's bytes or length since its last sync. */
struct change {
    struct change *older, *newer;
    uint64_t place;       /* in the order of all changes */
    int truncates;        /* a change of length, else a write */
    int doomed;           /* a failed sync dropped it: no later one can save it */
    int64_t at, len;      /* where it was written; where the new length ends */
    int64_t size_before;  /* length of the file before it */
    unsigned char *before; /* the bytes it replaced, */
    int64_t before_len;    /* as many as there were */
    unsigned char *after; /* the bytes it wrote */
};

/* A file below the root, by its inode. */
struct file {
    struct file *next;
    uint64_t device, inode;
    int fd; /* our own, for reading what is there */
    struct change *oldest, *newest;
};

/* One change of a directory since its last sync. */
enum entry_kind { ENTRY_MADE, ENTRY_FOLDER_MADE, ENTRY_RENAMED, ENTRY_GONE, ENTRY_FOLDER_GONE };
struct entry {
    struct entry *older, *newer;
    uint64_t place;
    enum entry_kind kind;
    uint64_t directory; /* inode */
    char *path;         /* where it is now, or was */
    char *from;         /* of a rename */
    char *kept;         /* a second link to what was replaced or removed, or NULL */
    int undone;
};

struct shim {
    char root[1024];   /* the folder that is watched */
    char trash[1024];  /* beside it: links to what may have to come back */
    char arm[1024];    /* calls are counted once this file exists; empty: from the start */
    char report[1024]; /* what was lost is told here */
    uint64_t seed;
    uint64_t loss_at; /* the power goes at this call; 0: never */
    uint64_t eio_at;  /* this sync fails, once; 0: none */
    uint64_t full_at; /* from this call on the disk is full; 0: never */
};
extern struct shim shim;

void model_each_changed(void (*visit)(struct file *, int), int argument);
struct entry *model_newest_entry(void);

/* model.c; all of them with the lock held */
struct file *model_find(int fd);
struct file *model_know(int fd);
void model_will_write(struct file *file, int64_t at, const void *bytes, int64_t len);
void model_will_truncate(struct file *file, int64_t size);
void model_take_back(struct file *file, int64_t written);
void model_synced(struct file *file);
void model_doom(struct file *file);
void model_entry(enum entry_kind kind, const char *path, const char *from, char *kept);
void model_directory_synced(uint64_t inode);
char *model_keep(const char *path);

/* loss.c */
uint64_t shim_random(void);
void loss_now(const char *why);
void loss_of_doomed(void);

/* trap.c */
void shim_say(const char *text);
void shim_die(const char *why);

#endif
