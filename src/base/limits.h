/* SPDX-License-Identifier: Apache-2.0
 * Every bound in one place, so that no loop and no buffer is without one. */
#ifndef METE_BASE_LIMITS_H
#define METE_BASE_LIMITS_H

#define EVENT_SIZE_MAX       (4u << 20) /* bytes of one event as sent */
#define JSON_DEPTH_MAX       64         /* nested arrays and objects */
#define EVENT_ID_LEN_MAX     200        /* bytes */
#define PARTY_ID_LEN_MAX     200        /* bytes; also policy, key and content item ids */
#define LABEL_LEN_MAX        200        /* roles, fee labels, condition names, sources */
#define SHARES_MAX           4000       /* shares of one policy */
#define ENTRIES_MAX          16000      /* temporal entries of one policy */
#define CONDITIONS_MAX       64         /* distinct condition names of one policy */
#define FEES_MAX             32         /* fees of a schedule, and children of a fee */
#define CONTRIBUTIONS_MAX    4000       /* contributions of one content item */
#define POLICY_DEPTH_MAX     16         /* nesting of policies */
#define LEGS_MAX             4096       /* of one decision */
#define SPLIT_LINES_MAX      1000000    /* of one event over all its pages */
#define INVESTMENTS_MAX      100000     /* confirmed commitments of one campaign */
#define OFF_RAMPS_MAX        32         /* of one campaign */
#define ATTRIBUTIONS_MAX     1000       /* of one user */
#define REFUNDS_MAX          1000       /* of one invoice */
#define ASSETS_MAX           10000      /* defined in one book */
#define AMOUNT_BITS_MAX      120        /* |amount| < 2^120 */
#define SCALE_MAX            30
#define METER_SCALE          18                   /* decimals of a metered cost */
#define FUTURE_US_MAX        ((int64_t)300000000) /* occurred_at may lead the clock by 5 minutes */
#define X402_RAW_LEN_MAX     (128u << 10)         /* characters of a signed transaction */
#define X402_LISTING_LEN_MAX (64u << 10)          /* bytes of what is listed of a resource */
#define X402_ASSETS_MAX      5000                 /* of the ASSETS_MAX, up to here by payments */
#define X402_VALUE_BITS_MAX  96                   /* value of a payment < 2^96 */
#define CLEAR_DAYS_MAX       3650

#endif
