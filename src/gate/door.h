/* SPDX-License-Identifier: Apache-2.0
 * What the server calls for each request. Private to src/gate. */
#ifndef METE_GATE_DOOR_H
#define METE_GATE_DOOR_H

#include "gate/parts.h"

server_handle door_handle;
server_begin door_begin;
server_log door_log;
server_handle door_admin;

#endif
