/* SPDX-License-Identifier: Apache-2.0
 * The work of the durable benchmarks, the same for every side: revenue events of about 1 KB, signed
 * with HMAC-SHA256, each split five ways after a fee. Repeatable from the event's number. */
#ifndef METE_BENCH_WORKLOAD_H
#define METE_BENCH_WORKLOAD_H

#include "base/buf.h"
#include "base/time.h"
#include "base/types.h"

#define WORKLOAD_POLICIES 1000u
#define WORKLOAD_SHARES   5u
#define WORKLOAD_POSTINGS 6u /* one debit of the gross is counted, the credits, the fee apart */
#define WORKLOAD_PARTIES  100000u
#define WORKLOAD_KEY_ID   "bench"
#define WORKLOAD_SECRET   "a text of 32 characters for HMAC"

struct workload {
    mete_time at;   /* of the first event; each further one is a millisecond later at most */
    bool hot;       /* one party has a share in every event */
    bool unsigned_; /* leave the signature away */
    uint64_t run;   /* part of every id: another run sends other events */
};

/** Appends the events that must stand in the book before: fees, policies, the key. NDJSON. */
void workload_setup(const struct workload *w, struct buf *out);
/** Appends event i as one line, with '\n'. */
void workload_event(const struct workload *w, uint64_t i, struct buf *out);
/** A party whose share is in the event i. */
unsigned workload_party(const struct workload *w, uint64_t i, unsigned share);
/** Minor units of its gross. */
uint64_t workload_gross(uint64_t i);
/** 16 bytes that look random and belong to event i alone. */
void workload_id(const struct workload *w, uint64_t i, uint8_t id[16]);

#endif
