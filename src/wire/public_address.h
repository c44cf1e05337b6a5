/* SPDX-License-Identifier: Apache-2.0
 * Which addresses a request may go to when its host was chosen by somebody else. No names here, no
 * look-ups: the caller resolves once, asks, and connects to exactly that address. */
#ifndef METE_WIRE_PUBLIC_ADDRESS_H
#define METE_WIRE_PUBLIC_ADDRESS_H

#include "base/types.h"

/** True when `address`, 4 or 16 bytes in network order (sin_addr, sin6_addr), is an ordinary
 * unicast address of the Internet. False for every other length, and for what could lead back
 * inside: loopback, private, shared (100.64.0.0/10), link-local, unique local, multicast,
 * unspecified, broadcast, documentation, benchmarking, reserved, the metadata services of clouds,
 * and IPv6 forms that carry an IPv4 address (mapped, compatible, 6to4, Teredo). 64:ff9b::/96
 * (NAT64) is judged by the address it carries. Source: the IANA special-purpose registries of IPv4
 * and IPv6 (RFC 6890).
 */
bool address_is_public(struct bytes address) METE_MUST_CHECK;

#endif
