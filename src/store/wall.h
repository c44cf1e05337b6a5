/* SPDX-License-Identifier: Apache-2.0
 * The operating system's time of day, which somebody may set: for all from the store up. What waits
 * or measures takes store/steady.h. */
#ifndef METE_STORE_WALL_H
#define METE_STORE_WALL_H

#include "base/time.h"

mete_time wall_now(void);

#endif
