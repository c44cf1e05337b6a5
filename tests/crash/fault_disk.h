/* SPDX-License-Identifier: Apache-2.0
 * A disk that fails, below SQLite: a VFS in front of the real one. It knows of every file what has
 * reached the platter (all that was written before the last successful sync) and what is only on
 * its way, so that a power cut can lose, keep, tear and reorder the latter. */
#ifndef METE_TESTS_CRASH_FAULT_DISK_H
#define METE_TESTS_CRASH_FAULT_DISK_H

#include "base/rng.h"

enum disk_fault {
    DISK_WRITE_ERROR, /* EIO, nothing written */
    DISK_SHORT_WRITE, /* EIO after a part of it */
    DISK_FULL,        /* ENOSPC, until fault_disk_clear */
    DISK_SYNC_ERROR,  /* EIO from fsync; what it should have kept may be lost for good */
    DISK_READ_ERROR,  /* EIO */
    DISK_POWER_CUT,   /* from here on everything fails, until fault_disk_power_on */
    DISK_FAULTS
};
extern const char *const DISK_FAULT_NAME[DISK_FAULTS];

/** Makes it the process's default VFS. Once, before SQLite is used. */
void fault_disk_install(void);
/** From now on what SQLite calls random follows from the seed. */
void fault_disk_chance(uint64_t seed);
/** The operation number `nth` from now (1: the next) that can fail in this way does. */
void fault_disk_arm(enum disk_fault fault, uint64_t nth);
/** Nothing is armed any more, and a full disk has room again. */
void fault_disk_clear(void);
/** While paused nothing is counted and nothing new fails: for those who only look. */
void fault_disk_pause(bool paused);
/** True after a power cut. */
bool fault_disk_is_dark(void);
/** True when the armed one has happened. */
bool fault_disk_fired(void);
/** Operations so far that could have failed in this way. */
uint64_t fault_disk_operations(enum disk_fault fault);

struct disk_loss {
    uint64_t kept; /* writes that were on their way */
    uint64_t lost;
    uint64_t torn;
};
/** Call it when every file is closed: writes down what the platter holds after the power cut. Of
 *  what was on its way some part is there, by `rng`. */
void fault_disk_power_on(struct rng *rng, struct disk_loss *loss);
/** Forgets a file that was removed behind its back. */
void fault_disk_forget_file(const char *path);
/** Forgets all files. */
void fault_disk_forget(void);

#endif
