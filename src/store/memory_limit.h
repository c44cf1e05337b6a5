/* SPDX-License-Identifier: Apache-2.0
 * How much memory this process may have: what the machine has, or less where a container or a
 * service unit was given less. */
#ifndef METE_STORE_MEMORY_LIMIT_H
#define METE_STORE_MEMORY_LIMIT_H

#include "base/types.h"

/** Bytes, of this process; read once. 8 GiB when the machine does not say. */
size_t memory_limit(void);

/** The same of any: `membership` is a file as /proc/self/cgroup, of which the line of the unified
 *  hierarchy ("0::/path") counts, `root` the folder where that hierarchy is mounted, `physical` the
 *  machine's bytes. The least `memory.max` from the group upwards, where there is one.
 *  Source: Linux Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files". */
size_t memory_limit_of(const char *membership, const char *root, size_t physical);

#endif
