/* SPDX-License-Identifier: Apache-2.0
 * The contract of the store, the same cases on memory, SQLite and PostgreSQL: groups, reading back,
 * tree, state, and what stands beside the log. What only a file can do or suffer is in
 * test_store_file.c. Built with STORE_COUNTED another store, counted_store.c, takes the place of
 * SQLite: the same cases prove that it is one. covers: V-054 V-055 V-093
 */
#include "store_fixture.h"

#ifdef STORE_COUNTED
#include "counted_store.h"
#define STORE_EMBEDDED "counted"
#else
#define STORE_EMBEDDED "sqlite"
#endif

/* --- groups ------------------------------------------------------------------------------------*/

static void test_an_empty_book(void **state)
{
    struct fixture *f = *state;
    struct log_row row;
    struct bytes packed;
    mete_time at;
    struct hash h;
    struct hash empty = sha256((struct bytes){0});
    struct log_head head = book_head(f->book);
    assert_int_equal(head.size, 0);
    assert_int_equal(head.recorded_at, 0);
    assert_true(hash_eq(&head.root, &empty));
    assert_int_equal(book_row(f->book, 1, &row, NULL), STORE_NONE);
    assert_int_equal(book_row(f->book, 0, &row, NULL), STORE_NONE);
    assert_int_equal(book_page(f->book, 1, 1, &packed, &at, NULL), STORE_NONE);
    assert_int_equal(book_page_count(f->book, 1), 0);
    assert_int_equal(book_tree_hash(f->book, 0, 0, &h, NULL), STORE_NONE);
    assert_int_equal(book_seq_at(f->book, 5), 1);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    book_rollback(f->book);
}

static void test_rows_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 700, 100);
    fixture_check_rows(f);
    fixture_reopen(f);
    fixture_check_rows(f);
}

static void test_queued_rows_are_readable(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 10, 10);
    fixture_queue(f);
    fixture_queue(f);
    assert_int_equal(book_size(f->book), 12);
    fixture_check_rows(f);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    fixture_check_rows(f);
}

static void test_rollback_undoes_all_of_a_group(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 300, 7);
    fixture_side(f, 1);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    struct hash before = fixture_digest(f->book);
    struct model kept = f->model;
    for (unsigned i = 0; i < 300; i++) {
        fixture_queue(f);
    }
    fixture_side(f, 2);
    uint64_t count;
    assert_int_equal(book_seal_erase(f->book, TEXT("did:x:1"), &count, NULL), STORE_OK);
    assert_int_equal(book_quarantine_remove(f->book, 1, NULL), STORE_OK);
    struct hash amid = fixture_digest(f->book);
    assert_false(hash_eq(&before, &amid));
    book_rollback(f->book);
    f->model = kept;
    struct hash after = fixture_digest(f->book);
    assert_true(hash_eq(&before, &after));
    fixture_check_rows(f);
    fixture_append(f, 50, 50);
    fixture_check_rows(f);
    struct hash now = fixture_digest(f->book);
    fixture_reopen(f);
    after = fixture_digest(f->book);
    assert_true(hash_eq(&now, &after));
}

static void test_an_uncommitted_group_is_lost_at_close(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 20, 20);
    struct hash before = fixture_digest(f->book);
    struct model kept = f->model;
    for (unsigned i = 0; i < 700; i++) {
        fixture_queue(f);
    }
    fixture_side(f, 3);
    fixture_reopen(f);
    f->model = kept;
    struct hash after = fixture_digest(f->book);
    assert_true(hash_eq(&before, &after));
}

static void test_pages_replay_in_their_place(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 5, 5);
    /* Pages of an early event come after later ones; each sets the same key, so order shows. */
    for (uint32_t i = 1; i <= 40; i++) {
        fixture_page(f, 3, i);
        if (i % 3 == 0) {
            fixture_queue(f);
        }
        if (i % 7 == 0) {
            assert_int_equal(book_commit(f->book, NULL), STORE_OK);
        }
    }
    fixture_page(f, book_size(f->book), 1);
    assert_int_equal(book_page_count(f->book, book_size(f->book)), 1);
    fixture_queue(f);
    assert_int_equal(book_page_count(f->book, book_size(f->book)), 0);
    fixture_page(f, book_size(f->book), 1);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    assert_int_equal(book_page_count(f->book, 3), 40);
    assert_int_equal(book_page_count(f->book, 4), 0);
    struct hash before = fixture_digest(f->book);
    fixture_reopen(f);
    struct hash after = fixture_digest(f->book);
    assert_true(hash_eq(&before, &after));
    assert_int_equal(book_page_count(f->book, 3), 40);
    assert_int_equal(book_page_count(f->book, book_size(f->book)), 1);
    struct bytes packed;
    mete_time at;
    assert_int_equal(book_page(f->book, 3, 40, &packed, &at, NULL), STORE_OK);
    assert_int_equal(book_page(f->book, 3, 41, &packed, &at, NULL), STORE_NONE);
    assert_int_equal(book_page(f->book, 3, 0, &packed, &at, NULL), STORE_NONE);
    fixture_page(f, 3, 41);
    fixture_page(f, book_size(f->book), 2);
    assert_int_equal(book_page_count(f->book, book_size(f->book)), 2);
    book_rollback(f->book);
    assert_int_equal(book_page_count(f->book, book_size(f->book)), 1);
    assert_int_equal(book_page(f->book, 3, 41, &packed, &at, NULL), STORE_NONE);
    assert_int_equal(book_page_count(f->book, 3), 40);
}

/* --- reading the log ---------------------------------------------------------------------------*/

struct seqs {
    uint64_t next;
    uint64_t stop_at;
};

static bool expect_seq(void *arg, const struct log_row *row)
{
    struct seqs *s = arg;
    assert_int_equal(row->seq, s->next);
    assert_true(row->event_id.len > 0);
    s->next++;
    return s->next != s->stop_at;
}

static void test_scanning_the_log(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 60, 60);
    fixture_queue(f);
    struct seqs s = {1, 0};
    assert_int_equal(book_scan_log(f->book, 1, UINT64_MAX, expect_seq, &s, NULL), STORE_OK);
    assert_int_equal(s.next, 62);
    s = (struct seqs){10, 0};
    assert_int_equal(book_scan_log(f->book, 10, 20, expect_seq, &s, NULL), STORE_OK);
    assert_int_equal(s.next, 20);
    s = (struct seqs){1, 5};
    assert_int_equal(book_scan_log(f->book, 0, 40, expect_seq, &s, NULL), STORE_OK);
    assert_int_equal(s.next, 5);
    s = (struct seqs){1, 0};
    assert_int_equal(book_scan_log(f->book, 30, 30, expect_seq, &s, NULL), STORE_OK);
    assert_int_equal(book_scan_log(f->book, 90, 95, expect_seq, &s, NULL), STORE_OK);
    assert_int_equal(s.next, 1);
}

static void test_seq_at_finds_the_first_of_a_moment(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 500, 100);
    for (uint64_t seq = 1; seq <= 500; seq++) {
        mete_time t = fixture_time(seq);
        uint64_t first = seq;
        while (first > 1 && fixture_time(first - 1) == t) {
            first--;
        }
        assert_int_equal(book_seq_at(f->book, t), first);
        assert_int_equal(book_seq_at(f->book, t - 1), first);
    }
    assert_int_equal(book_seq_at(f->book, fixture_time(500) + 1), 501);
    assert_int_equal(book_seq_at(f->book, TIME_ALWAYS), 1);
    assert_int_equal(book_seq_at(f->book, TIME_NEVER), 501);
}

/* --- state -------------------------------------------------------------------------------------*/

static void test_event_ids_lead_to_their_row(void **state)
{
    struct fixture *f = *state;
    fixture_append(f, 400, 90);
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t seq = 1; seq <= 400; seq++) {
            char id[64];
            struct key key = key_event_id(fixture_event_id(seq, id));
            struct bytes value;
            assert_int_equal(book_get(f->book, key_bytes(&key), &value, NULL), STORE_OK);
            struct reader r = reader_of(value);
            assert_int_equal(read_varint(&r), seq);
            assert_true(reader_done(&r));
        }
        struct key key = key_event_id(TEXT("nobody sent this"));
        struct bytes value;
        assert_int_equal(book_get(f->book, key_bytes(&key), &value, NULL), STORE_NONE);
        fixture_reopen(f);
    }
}

static void test_sums_and_values(void **state)
{
    struct fixture *f = *state;
    struct key account = key_account(16, 3);
    struct key policy = key_u32(KEY_POLICY_NUMBER, 7);
    i128 sums[STATE_SUMS] = {9, 9, 9, 9};
    const i128 more[STATE_SUMS] = {1, -2, (i128)1 << 100, 0};
    struct bytes value;
    assert_int_equal(book_sums(f->book, key_bytes(&account), sums, NULL), STORE_NONE);
    assert_true(sums[0] == 0 && sums[3] == 0);
    book_add(f->book, key_bytes(&account), more);
    book_add(f->book, key_bytes(&account), more);
    assert_int_equal(book_sums(f->book, key_bytes(&account), sums, NULL), STORE_OK);
    assert_true(sums[0] == 2 && sums[1] == -4 && sums[2] == (i128)1 << 101 && sums[3] == 0);
    book_remove(f->book, key_bytes(&account));
    assert_int_equal(book_sums(f->book, key_bytes(&account), sums, NULL), STORE_NONE);
    book_set(f->book, key_bytes(&policy), text_bytes(TEXT("first")));
    book_set(f->book, key_bytes(&policy), text_bytes(TEXT("second")));
    assert_int_equal(book_get(f->book, key_bytes(&policy), &value, NULL), STORE_OK);
    assert_true(text_is(bytes_text(value), "second"));
    book_set(f->book, key_bytes(&policy), (struct bytes){0});
    assert_int_equal(book_get(f->book, key_bytes(&policy), &value, NULL), STORE_OK);
    assert_int_equal(value.len, 0);
    book_remove(f->book, key_bytes(&policy));
    assert_int_equal(book_get(f->book, key_bytes(&policy), &value, NULL), STORE_NONE);
    book_rollback(f->book);
}

struct range {
    struct book *book;
    uint32_t next;
    uint32_t stop_at;
};

static bool expect_party(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct range *r = arg;
    i128 again[STATE_SUMS];
    assert_int_equal(key.p[0], KEY_ACCOUNT);
    assert_int_equal(key_read_u32(key, 1), r->next);
    assert_int_equal(value.len, 0);
    assert_true(sums[1] == r->next);
    /* reading inside a scan is allowed */
    assert_int_equal(book_sums(r->book, key, again, NULL), STORE_OK);
    assert_true(again[1] == r->next);
    r->next++;
    return r->next != r->stop_at;
}

static void test_ranges_of_the_state(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 50; i > 0; i--) {
        struct key key = key_account(i, 1);
        const i128 sums[STATE_SUMS] = {0, i, 0, 0};
        book_add(f->book, key_bytes(&key), sums);
    }
    struct key gone = key_account(77, 1);
    const i128 one[STATE_SUMS] = {1, 77, 0, 0};
    book_add(f->book, key_bytes(&gone), one);
    book_remove(f->book, key_bytes(&gone));
    struct key from = key_u32(KEY_ACCOUNT, 10);
    struct key until = key_u32(KEY_ACCOUNT, 20);
    struct key end = key_prefix_end(key_of(KEY_ACCOUNT));
    struct range r = {f->book, 10, 0};
    assert_int_equal(
        book_scan_state(f->book, key_bytes(&from), key_bytes(&until), expect_party, &r, NULL),
        STORE_OK);
    assert_int_equal(r.next, 20);
    r = (struct range){f->book, 10, 0};
    assert_int_equal(
        book_scan_state(f->book, key_bytes(&from), key_bytes(&end), expect_party, &r, NULL),
        STORE_OK);
    assert_int_equal(r.next, 51);
    r = (struct range){f->book, 10, 13};
    assert_int_equal(
        book_scan_state(f->book, key_bytes(&from), key_bytes(&end), expect_party, &r, NULL),
        STORE_OK);
    assert_int_equal(r.next, 13);
    book_rollback(f->book);
}

/* --- the tree ----------------------------------------------------------------------------------*/

struct prover {
    struct book *book;
    unsigned reads;
};

static bool read_node(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
    struct prover *p = ctx;
    p->reads++;
    return book_tree_hash(p->book, level, index, out, NULL) == STORE_OK;
}

static void check_proofs(struct fixture *f, const struct hash *leaf, uint64_t size)
{
    struct prover p = {f->book, 0};
    struct hash path[MERKLE_PROOF_MAX];
    struct hash root = book_head(f->book).root;
    struct hash first_root;
    size_t count;
    for (unsigned i = 0; i < 60; i++) {
        uint64_t index = i == 0 ? 0 : i == 1 ? size - 1 : rng_below(&f->rng, size);
        assert_true(merkle_inclusion(read_node, &p, index, size, path, &count));
        assert_true(merkle_inclusion_verify(&leaf[index], index, size, path, count, &root));
        uint64_t first = rng_below(&f->rng, size + 1);
        assert_true(merkle_root_at(read_node, &p, first, &first_root));
        assert_true(merkle_consistency(read_node, &p, first, size, path, &count));
        assert_true(merkle_consistency_verify(first, size, &first_root, &root, path, count));
    }
    assert_true(p.reads > 0);
}

static void test_tree_hashes_and_proofs(void **state)
{
    struct fixture *f = *state;
    enum { SIZE = 1300 };
    static struct hash node[11][SIZE];
    fixture_append(f, SIZE, 77);
    for (unsigned i = 0; i < SIZE; i++) {
        node[0][i] = f->model.leaf[i];
    }
    for (unsigned level = 1; level < 11; level++) {
        for (unsigned i = 0; i < (unsigned)SIZE >> level; i++) {
            node[level][i] = merkle_node(&node[level - 1][2 * i], &node[level - 1][2 * i + 1]);
        }
    }
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned level = 0; level < 11; level++) {
            struct hash h;
            for (unsigned i = 0; i < (unsigned)SIZE >> level; i++) {
                assert_int_equal(book_tree_hash(f->book, level, i, &h, NULL), STORE_OK);
                assert_true(hash_eq(&h, &node[level][i]));
            }
            assert_int_equal(book_tree_hash(f->book, level, SIZE >> level, &h, NULL), STORE_NONE);
        }
        struct hash h;
        assert_int_equal(book_tree_hash(f->book, 11, 0, &h, NULL), STORE_NONE);
        assert_int_equal(book_tree_hash(f->book, 63, 0, &h, NULL), STORE_NONE);
        check_proofs(f, f->model.leaf, SIZE);
        fixture_reopen(f);
    }
}

/* Past 65,536 leaves a second kept level begins. */
static void test_a_tree_of_70000_leaves(void **state)
{
    struct fixture *f = *state;
    enum { SIZE = 70000 };
    struct hash *leaf = malloc(SIZE * sizeof *leaf);
    struct merkle m = {0};
    assert_non_null(leaf);
    for (uint32_t i = 0; i < SIZE; i++) {
        struct log_row row = fixture_bare_row(f, i + 1);
        leaf[i] = row.leaf;
        merkle_append(&m, &leaf[i], NULL, NULL);
        assert_int_equal(book_append(f->book, &row, NULL), STORE_OK);
        if (i % 5000 == 0) {
            assert_int_equal(book_commit(f->book, NULL), STORE_OK);
        }
    }
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    struct hash want = merkle_root(&m);
    for (unsigned round = 0; round < 2; round++) {
        struct hash root = book_head(f->book).root;
        assert_true(hash_eq(&root, &want));
        check_proofs(f, leaf, SIZE);
        fixture_reopen(f);
    }
    free(leaf);
}

/* --- beside the log ----------------------------------------------------------------------------*/

struct tally {
    unsigned count;
    uint64_t last;
};

static bool count_seal(void *arg, const struct sealed_value *v)
{
    struct tally *t = arg;
    t->count++;
    assert_true(v->seq >= t->last);
    assert_true(v->sealed.len > 0 && v->pointer.len > 0);
    t->last = v->seq;
    return true;
}

static unsigned seals(struct book *b, uint64_t seq, struct text party)
{
    struct tally t = {0, 0};
    assert_int_equal(book_seals(b, seq, party, count_seal, &t, NULL), STORE_OK);
    return t.count;
}

static bool first_seal(void *arg, const struct sealed_value *v)
{
    struct sealed_value *want = arg;
    assert_int_equal(v->seq, want->seq);
    assert_true(text_eq(v->pointer, want->pointer) && text_eq(v->party, want->party));
    assert_true(hash_eq(&v->commitment, &want->commitment));
    assert_true(text_eq(bytes_text(v->sealed), bytes_text(want->sealed)));
    want->seq = 99;
    return false;
}

static void test_sealed_values(void **state)
{
    struct fixture *f = *state;
    uint64_t count = 7;
    struct sealed_value v = {.pointer = TEXT("/payload/destination"),
                             .party = TEXT("did:x:a"),
                             .commitment = sha256(text_bytes(TEXT("c"))),
                             .sealed = text_bytes(TEXT("sealed bytes"))};
    for (v.seq = 1; v.seq <= 4; v.seq++) {
        v.party = v.seq % 2 == 0 ? TEXT("did:x:a") : TEXT("did:x:b");
        assert_int_equal(book_seal_add(f->book, &v, NULL), STORE_OK);
    }
    v.seq = 4;
    v.pointer = TEXT("/payload/display_name");
    v.party = (struct text){0};
    assert_int_equal(book_seal_add(f->book, &v, NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    assert_int_equal(seals(f->book, 0, (struct text){0}), 5);
    assert_int_equal(seals(f->book, 4, (struct text){0}), 2);
    assert_int_equal(seals(f->book, 9, (struct text){0}), 0);
    assert_int_equal(seals(f->book, 0, TEXT("did:x:a")), 2);
    struct sealed_value want = {.seq = 2,
                                .pointer = TEXT("/payload/destination"),
                                .party = TEXT("did:x:a"),
                                .commitment = v.commitment,
                                .sealed = v.sealed};
    assert_int_equal(book_seals(f->book, 0, TEXT("did:x:a"), first_seal, &want, NULL), STORE_OK);
    assert_int_equal(want.seq, 99);
    assert_int_equal(book_seal_erase(f->book, TEXT("did:x:a"), &count, NULL), STORE_OK);
    assert_int_equal(count, 2);
    book_rollback(f->book);
    assert_int_equal(seals(f->book, 0, (struct text){0}), 5);
    assert_int_equal(book_seal_erase(f->book, TEXT("did:x:a"), &count, NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    assert_int_equal(seals(f->book, 0, TEXT("did:x:a")), 0);
    assert_int_equal(seals(f->book, 4, (struct text){0}), 1);
    assert_int_equal(book_seal_erase(f->book, TEXT("did:x:a"), &count, NULL), STORE_OK);
    assert_int_equal(count, 0);
    /* nobody in particular is not somebody to erase */
    assert_int_equal(book_seal_erase(f->book, (struct text){0}, &count, NULL), STORE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    fixture_reopen(f);
    assert_int_equal(seals(f->book, 0, (struct text){0}), 3);
}

struct refused_list {
    unsigned count;
    uint64_t id[64];
    uint32_t attempts[64];
    char first_body[32];
};

static bool list_refused(void *arg, const struct quarantined *q)
{
    struct refused_list *l = arg;
    assert_true(l->count < 64);
    if (l->count == 0) {
        text_copy(l->first_body, sizeof l->first_body, q->body);
    }
    l->id[l->count] = q->id;
    l->attempts[l->count] = q->attempts;
    l->count++;
    return true;
}

static struct refused_list refused(struct book *b, uint64_t after)
{
    struct refused_list l = {0};
    assert_int_equal(book_quarantine(b, after, list_refused, &l, NULL), STORE_OK);
    return l;
}

static void refuse(struct book *b, unsigned body, uint64_t max)
{
    char text[32];
    snprintf(text, sizeof text, "{\"n\":%u}", body);
    const struct quarantined q = {.received_at = 1000 + body,
                                  .event_id = TEXT("e"),
                                  .code = METE_MEMBER_MISSING,
                                  .pointer = TEXT("/payload"),
                                  .message = TEXT("absent"),
                                  .body = text_of(text),
                                  .cut = body == 3};
    assert_int_equal(book_quarantine_add(b, &q, max, NULL), STORE_OK);
}

static bool check_refused(void *arg, const struct quarantined *q)
{
    assert_int_equal(q->received_at, 1003);
    assert_int_equal(q->code, METE_MEMBER_MISSING);
    assert_true(text_is(q->event_id, "e") && text_is(q->pointer, "/payload"));
    assert_true(text_is(q->message, "absent") && text_is(q->body, "{\"n\":3}"));
    assert_true(q->cut);
    *(bool *)arg = true;
    return false;
}

static void test_quarantine_is_bounded_and_counts(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 5; i++) {
        refuse(f->book, i, 100);
    }
    refuse(f->book, 2, 100);
    refuse(f->book, 2, 100);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    struct refused_list l = refused(f->book, 0);
    fixture_check_refused(f->book);
    assert_int_equal(l.count, 5);
    assert_int_equal(l.id[0], 1);
    assert_int_equal(l.attempts[0], 1);
    assert_int_equal(l.attempts[1], 3);
    bool checked = false;
    assert_int_equal(book_quarantine(f->book, 2, check_refused, &checked, NULL), STORE_OK);
    assert_true(checked);
    refuse(f->book, 6, 3); /* the three newest stay */
    l = refused(f->book, 0);
    assert_int_equal(l.count, 3);
    assert_int_equal(l.id[0], 4);
    assert_string_equal(l.first_body, "{\"n\":4}");
    assert_int_equal(l.id[2], 6);
    fixture_check_refused(f->book); /* of the queued group, too */
    book_rollback(f->book);
    fixture_check_refused(f->book);
    l = refused(f->book, 0);
    assert_int_equal(l.count, 5);
    assert_int_equal(l.attempts[1], 3);
    refuse(f->book, 6, 3);
    assert_int_equal(book_quarantine_remove(f->book, 6, NULL), STORE_OK);
    assert_int_equal(book_quarantine_remove(f->book, 6, NULL), STORE_NONE);
    assert_int_equal(book_quarantine_remove(f->book, 0, NULL), STORE_NONE);
    assert_int_equal(book_quarantine_remove(f->book, UINT64_MAX, NULL), STORE_NONE);
    refuse(f->book, 1, 3); /* forgotten by now: a new row, and no id comes twice */
    fixture_check_refused(f->book);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    fixture_reopen(f);
    fixture_check_refused(f->book);
    refuse(f->book, 7, 3);
    l = refused(f->book, 0);
    assert_int_equal(l.count, 3);
    assert_int_equal(l.id[0], 5);
    assert_int_equal(l.id[1], 7);
    assert_int_equal(l.id[2], 8);
    l = refused(f->book, 7);
    assert_int_equal(l.count, 1);
    assert_int_equal(refused(f->book, 8).count, 0);
    assert_int_equal(refused(f->book, UINT64_MAX - 1).count, 0);
}

static bool take_checkpoint(void *arg, const struct checkpoint *c)
{
    uint64_t *sizes = arg;
    sizes[0] += c->size;
    sizes[1]++;
    assert_true(c->root.b[0] == (uint8_t)c->size);
    assert_true(text_is(c->note, "note\n") && c->signed_at == 55);
    return true;
}

static void test_checkpoints(void **state)
{
    struct fixture *f = *state;
    uint64_t sizes[2] = {0, 0};
    for (uint64_t size = 1; size <= 3; size++) {
        struct checkpoint c = {.size = size, .signed_at = 55, .note = TEXT("note\n")};
        c.root.b[0] = (uint8_t)size;
        assert_int_equal(book_checkpoint_add(f->book, &c, NULL), STORE_OK);
        if (size == 2) {
            assert_int_equal(book_commit(f->book, NULL), STORE_OK);
        }
    }
    book_rollback(f->book);
    fixture_reopen(f);
    assert_int_equal(book_checkpoints(f->book, take_checkpoint, sizes, NULL), STORE_OK);
    assert_int_equal(sizes[0], 3);
    assert_int_equal(sizes[1], 2);
}

static void test_named_values(void **state)
{
    struct fixture *f = *state;
    struct arena a;
    struct text value;
    arena_init(&a, 1 << 20);
    assert_int_equal(book_meta_get(f->book, "log_key", &a, &value, NULL), STORE_NONE);
    assert_int_equal(book_meta_set(f->book, "log_key", TEXT("one"), NULL), STORE_OK);
    assert_int_equal(book_meta_set(f->book, "empty", (struct text){0}, NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    assert_int_equal(book_meta_set(f->book, "log_key", TEXT("two"), NULL), STORE_OK);
    assert_int_equal(book_meta_get(f->book, "log_key", &a, &value, NULL), STORE_OK);
    assert_true(text_is(value, "two"));
    book_rollback(f->book);
    fixture_reopen(f);
    assert_int_equal(book_meta_get(f->book, "log_key", &a, &value, NULL), STORE_OK);
    assert_true(text_is(value, "one"));
    assert_int_equal(book_meta_get(f->book, "empty", &a, &value, NULL), STORE_OK);
    assert_int_equal(value.len, 0);
    arena_clear(&a);
}

/* --- books -------------------------------------------------------------------------------------*/

static void test_books_of_a_store(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    struct book *other = NULL;
    struct arena a;
    struct text *names;
    size_t count;
    fixture_append(f, 30, 30);
    struct hash main_digest = fixture_digest(f->book);
    assert_int_equal(book_open(&other, f->store, TEXT("main"), false, &err), METE_STORE_BUSY);
    assert_int_equal(book_open(&other, f->store, TEXT("main"), true, &err), METE_STORE_EXISTS);
    struct log_row queued = fixture_bare_row(f, book_size(f->book) + 1);
    assert_int_equal(book_append(f->book, &queued, &err), STORE_OK);
    assert_int_equal(book_open(&other, f->store, TEXT("second"), true, &err), METE_STORE_BUSY);
    book_rollback(f->book);
    assert_int_equal(book_open(&other, f->store, TEXT("none"), false, &err), METE_STORE_MISSING);
    assert_int_equal(book_open(&other, f->store, (struct text){0}, true, &err), METE_TEXT_LENGTH);
    assert_int_equal(book_open(&other, f->store, TEXT("\xff"), true, &err), METE_TEXT_LENGTH);
    assert_int_equal(book_open(&other, f->store, TEXT("second"), true, &err), METE_OK);
    assert_int_equal(book_size(other), 0);
    struct log_row row = fixture_bare_row(f, 1);
    assert_int_equal(book_append(other, &row, &err), STORE_OK);
    assert_int_equal(book_append(f->book, &queued, &err), STORE_FAILED); /* one group at a time */
    assert_int_equal(err.code, METE_STORE_BUSY);
    book_rollback(f->book);
    assert_int_equal(book_size(other), 1);
    assert_int_equal(book_commit(other, &err), STORE_OK);
    struct hash root = book_head(other).root;
    assert_true(hash_eq(&root, &row.leaf));
    book_close(other);
    arena_init(&a, 1 << 20);
    assert_int_equal(store_books(f->store, &a, &names, &count, &err), STORE_OK);
    assert_int_equal(count, 2);
    assert_true(text_is(names[0], "main") && text_is(names[1], "second") && names[2].p == NULL);
    arena_clear(&a);
    struct hash again = fixture_digest(f->book);
    assert_true(hash_eq(&main_digest, &again));
}

static void test_unknown_kinds_of_store_are_refused(void **state)
{
    (void)state;
    struct store *s;
    struct mete_err err;
    struct store_options o = {.create = true};
    assert_int_equal(store_open(&s, "mysql://host/db", &o, &err), METE_USAGE);
    assert_int_equal(store_open(&s, "oracle://host/db", &o, NULL), METE_USAGE);
    static const char *const wrong[] = {"foo:bar",      "sqlite3:x.db", "postgres:db",
                                        "postgres:/db", "SQLITE:x.db",  "memory:x",
                                        "a+b:x",        "file:x.db"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(store_open(&s, wrong[i], &o, &err), METE_USAGE);
        assert_non_null(strstr(err.text, ", memory:, sqlite:..., "));
        assert_non_null(strstr(err.text, "./NAME"));
        assert_null(store_file(wrong[i]));
    }
    /* what is plainly a file stays one */
    static const char *const file[] = {"x.db",     "./foo:bar",   "../a/foo:bar",   "/tmp/foo:bar",
                                       "C:/x.db",  "a/foo:bar",   "day-1T10:30.db", "book.db:1",
                                       "10:30.db", "foo_bar:x.db"};
    for (size_t i = 0; i < ARRAY_LEN(file); i++) {
        assert_string_equal(store_file(file[i]), file[i]);
    }
    assert_string_equal(store_file("sqlite:foo:bar"), "foo:bar");
}

/* --- all stores --------------------------------------------------------------------------------*/

/* The same events give the same head and the same state on both. */
static void agrees_with_memory(const char *url)
{
    struct fixture memory;
    struct fixture stored;
    fixture_open(&memory, "memory:", 0);
    fixture_open(&stored, url, (size_t)256 << 10);
    for (unsigned i = 0; i < 6; i++) {
        fixture_append(&memory, 1500, 100);
        fixture_append(&stored, 1500, 100);
        struct hash a = fixture_digest(memory.book);
        struct hash b = fixture_digest(stored.book);
        assert_true(hash_eq(&a, &b));
    }
    const struct state_stats *t = book_stats(stored.book);
    print_message("# %llu flushes, %llu merges, %zu runs in %u levels\n",
                  (unsigned long long)t->flushes, (unsigned long long)t->merges_done, t->runs,
                  t->levels);
    assert_true(t->flushes >= 10 && t->merges_done >= 1);
    fixture_reopen(&stored);
    struct hash a = fixture_digest(memory.book);
    struct hash b = fixture_digest(stored.book);
    assert_true(hash_eq(&a, &b));
    fixture_close(&memory);
    fixture_close(&stored);
}

static void test_memory_and_file_agree(void **state)
{
    (void)state;
    agrees_with_memory(STORE_EMBEDDED ":");
}

static void test_memory_and_postgres_agree(void **state)
{
    (void)state;
    agrees_with_memory("postgres:");
}

static bool count_class(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    unsigned *count = arg;
    (void)value;
    (void)sums;
    count[key.p[0]]++;
    return true;
}

static void test_entries_can_be_left_out(void **state)
{
    (void)state;
    struct fixture f;
    unsigned count[256] = {0};
    fixture_open_with(&f, "memory:", &(struct store_options){.create = true, .no_entries = true});
    fixture_append(&f, 50, 50);
    assert_int_equal(
        book_scan_state(f.book, (struct bytes){0}, (struct bytes){0}, count_class, count, NULL),
        STORE_OK);
    assert_int_equal(count[KEY_ENTRY], 0);
    assert_int_equal(count[KEY_PENDING], 0);
    assert_true(count[KEY_ACCOUNT] > 0);
    book_keep_entries(f.book);
    fixture_append(&f, 50, 50);
    assert_int_equal(
        book_scan_state(f.book, (struct bytes){0}, (struct bytes){0}, count_class, count, NULL),
        STORE_OK);
    assert_true(count[KEY_ENTRY] > 0);
    assert_true(count[KEY_PENDING] > 0);
    fixture_close(&f);
}

#ifdef STORE_COUNTED
/** Last of all: the cases before it went by the adapter, and by nothing else. */
static void test_all_of_it_passed_through_the_adapter(void **state)
{
    (void)state;
    assert_true(COUNTED.opened > 20 && COUNTED.opened == COUNTED.closed);
    assert_true(COUNTED.rows > 70000);
    assert_true(COUNTED.commits > 100 && COUNTED.rollbacks > 10);
}
#endif

/* --- running -----------------------------------------------------------------------------------*/

static int setup_memory(void **state)
{
    return fixture_setup(state, "memory:", 0);
}

static int setup_file(void **state)
{
    return fixture_setup(state, STORE_EMBEDDED ":", 0);
}

/* So little memory that every few events are flushed. */
static int setup_small(void **state)
{
    return fixture_setup(state, STORE_EMBEDDED ":", (size_t)32 << 10);
}

static int setup_postgres(void **state)
{
    return fixture_setup(state, "postgres:", 0);
}

static int setup_postgres_small(void **state)
{
    return fixture_setup(state, "postgres:", (size_t)32 << 10);
}

#define ON_ALL(test)                                                                               \
    {#test " (memory)", test, setup_memory, fixture_teardown, NULL},                               \
        {#test " (" STORE_EMBEDDED ")", test, setup_file, fixture_teardown, NULL},                 \
        {#test " (" STORE_EMBEDDED ", little memory)", test, setup_small, fixture_teardown, NULL}, \
        {#test " (postgres)", test, setup_postgres, fixture_teardown, NULL},                       \
    {                                                                                              \
#test " (postgres, little memory)", test, setup_postgres_small, fixture_teardown, NULL     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_an_empty_book),
        ON_ALL(test_rows_come_back_as_they_were),
        ON_ALL(test_queued_rows_are_readable),
        ON_ALL(test_rollback_undoes_all_of_a_group),
        ON_ALL(test_an_uncommitted_group_is_lost_at_close),
        ON_ALL(test_pages_replay_in_their_place),
        ON_ALL(test_scanning_the_log),
        ON_ALL(test_seq_at_finds_the_first_of_a_moment),
        ON_ALL(test_event_ids_lead_to_their_row),
        ON_ALL(test_sums_and_values),
        ON_ALL(test_ranges_of_the_state),
        ON_ALL(test_tree_hashes_and_proofs),
        ON_ALL(test_a_tree_of_70000_leaves),
        ON_ALL(test_sealed_values),
        ON_ALL(test_quarantine_is_bounded_and_counts),
        ON_ALL(test_checkpoints),
        ON_ALL(test_named_values),
        ON_ALL(test_books_of_a_store),
        cmocka_unit_test(test_unknown_kinds_of_store_are_refused),
        cmocka_unit_test(test_memory_and_file_agree),
        cmocka_unit_test(test_memory_and_postgres_agree),
        cmocka_unit_test(test_entries_can_be_left_out),
#ifdef STORE_COUNTED
        cmocka_unit_test(test_all_of_it_passed_through_the_adapter),
#endif
    };
    if (database_url("APP") != NULL) {
        cmocka_set_test_filter("*postgres*");
    } else { /* they run beside a database: tests/pg/with_postgres */
        cmocka_set_skip_filter("*postgres*");
    }
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
