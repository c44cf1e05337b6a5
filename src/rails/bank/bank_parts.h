/* SPDX-License-Identifier: Apache-2.0
 * What the files of the bank rail share. Private to it. */
#ifndef METE_RAILS_BANK_BANK_PARTS_H
#define METE_RAILS_BANK_BANK_PARTS_H

#include "rails/bank/bank.h"
#include "rails/web.h"
#include "wire/bank/iban.h"
#include "wire/bank/nacha.h"
#include "wire/bank/pain001.h"

#define BANK_MESSAGE_LEN 35u
#define BANK_BATCH_MAX   1000u /* payments of a file: it is kept in one event of 4 MiB */
#define BANK_NAME_ROOM   288u  /* bytes of a name with its NUL: 70 characters of UTF-8 */

enum bank_format { BANK_PAIN001_03, BANK_PAIN001_09, BANK_NACHA };

struct bank_settings {
    enum bank_format format;
    bool sepa;         /* euro within SEPA; else any currency */
    bool unicode;      /* names as they are */
    unsigned days;     /* banking days from today to the execution */
    unsigned presumed; /* NACHA: banking days after which silence means paid */
    char *debtor;
    struct iban iban;
    struct bic bic;
    /* NACHA */
    struct routing destination; /* of the bank that gets the file */
    char *destination_name;
    char *origin; /* our number at it */
    char *company_id;
    bool business; /* CCD, else PPD */
    bool crlf;
};

struct rail {
    struct bank_settings s;
    char *folder; /* where files are put; NULL: `url` */
    char *url;
    char *
        marks; /* the folder that remembers what was put out; NULL: none does, of pain.001 by URL */
    char *token; /* that the URL wants; in guarded memory; NULL: none */
    struct web *web;
    struct web_answer answer;
};

enum mete_code bank_settings_read(struct rail *r, const struct rail_config *c,
                                  struct mete_err *err) METE_MUST_CHECK;

/* Where money goes. */
struct payee {
    char name[BANK_NAME_ROOM];
    struct iban iban;
    struct bic bic; /* empty: not given */
    char town[BANK_NAME_ROOM];
    char country[3];
    struct routing routing; /* NACHA */
    char account[NACHA_ACCOUNT_MAX + 1];
    bool savings;
};
/** Reads {"name","iban","bic"?,"town"?,"country"?} or {"name","routing","account","type"?}, or the
 *  same as people write it: "IBAN, NAME". METE_BANK_FIELD, METE_IBAN_INVALID, METE_BIC_INVALID,
 *  METE_ROUTING_INVALID, METE_JSON_...; no part of it stands in the message. */
enum mete_code payee_read(struct text destination, bool ach, struct payee *out, struct arena *a,
                          struct mete_err *err) METE_MUST_CHECK;

/* One payment of a file that is made. */
struct bank_line {
    struct rail_payment *payment;
    struct payee payee;
    char e2e[BANK_E2E_LEN + 1];
    char trace[NACHA_TRACE_LEN + 1]; /* NACHA */
};

/* A file that is made. */
struct bank_file {
    char message[BANK_MESSAGE_LEN + 1];
    mete_time now;
    int32_t day; /* of the execution */
    struct bank_line *line;
    size_t count;
    struct buf bytes;
};

/** The first banking day on which a file of `now` can be executed. */
int32_t bank_execution_day(const struct bank_settings *s, mete_time now);
/** The first banking day at least `days` banking days behind `day`. */
int32_t bank_days_after(const struct bank_settings *s, int32_t day, unsigned days);

/** Whether a file can carry this line alone. */
enum mete_code bank_line_check(const struct bank_settings *s, const struct bank_file *f,
                               const struct bank_line *line, struct mete_err *err) METE_MUST_CHECK;
/** Writes the whole file, and reads it back with the reader that shares no arithmetic with the
 *  writer. */
enum mete_code bank_file_write(const struct bank_settings *s, struct bank_file *f,
                               struct mete_err *err) METE_MUST_CHECK;

void bank_prepare(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);

enum bank_place {
    BANK_PLACED, /* it stands there, or stood there and was fetched */
    BANK_ABSENT,
    BANK_OTHER,  /* another file has its name */
    BANK_UNTOLD, /* nobody can say; *why */
};
/* One file that is put out, or looked for. */
struct bank_job {
    struct rail *rail;
    const char *name;
    struct bytes file; /* none when its bytes are not known */
    mete_time now;
    struct arena *a;
    mete_time at;    /* when it was put out; 0: not known */
    const char *why; /* of BANK_UNTOLD */
};
/** Puts the file where the bank's programs fetch it; again is the same as once. Never ABSENT. */
enum bank_place bank_place_put(struct bank_job *j);
/** Looks for it. */
enum bank_place bank_place_look(struct bank_job *j);

/* --- marks -------------------------------------------------------------------------------------*/

#define BANK_BEGUN ".begun"

/** The folder of marks, made when it is not there, without what was left behind in it. */
bool bank_marks_make(const char *folder);
/** Whether the file is marked as out, or as begun by `end` BANK_BEGUN. PLACED, ABSENT, OTHER,
 *  UNTOLD. */
enum bank_place bank_mark_look(struct bank_job *j, const char *end);
/** Begins a NACHA file: whoever gets ABSENT is the only one, and puts it out. Else: what is known
 * of it. */
enum bank_place bank_mark_begin(struct bank_job *j);
/** ABSENT: nobody has begun it. UNTOLD: somebody has, and perhaps put it out. */
enum bank_place bank_mark_begun(struct bank_job *j);
/** It is out. PLACED or UNTOLD. */
enum bank_place bank_mark_done(struct bank_job *j);
/** Proven: it was not put out. */
void bank_mark_drop(struct bank_job *j);

/** A new file in the folder of marks that holds these bytes, durably; its path, or NULL and why. */
const char *bank_temp_write(struct bank_job *j, struct bytes b, unsigned mode);
bool bank_folder_sync(const char *path);
/** "doing: what the system says"; UNTOLD. */
enum bank_place bank_untold(struct bank_job *j, const char *doing);

void bank_send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);
void bank_probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);

#endif
