/* SPDX-License-Identifier: Apache-2.0
 * The names of tiles (C2SP tlog-tiles): "0/x001/x234/067" is tile 1234067 of level 0, and
 * "0/067.p/8" the first eight hashes of tile 67. A tile has one name and no other. */
#ifndef METE_HTTP_TILES_H
#define METE_HTTP_TILES_H

#include "engine/tile.h"

/** "x001/x234/067" and the like. False: this is no tile's name. */
bool tile_index_read(struct text name, struct tile *out) METE_MUST_CHECK;
/** 0 to 63, without zeros in front. */
bool tile_level_read(struct text level, struct tile *out) METE_MUST_CHECK;

#endif
