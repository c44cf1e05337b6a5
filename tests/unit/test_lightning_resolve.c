/* SPDX-License-Identifier: Apache-2.0
 * Before a Lightning payment: settings, destinations, hosts by script that answer what they like,
 * and each check of an invoice before it is taken. */
#include "lightning_case.h"

#include "wire/lightning/lnurl.h"

/* --- preparing ---------------------------------------------------------------------------------*/

static void check_commitment(struct bench *b, const struct node_words *n)
{
    struct doc d;
    assert_text(b->p.anchor, b->w.hash);
    assert_int_equal(b->p.body_count, 1);
    doc_read(&d, b->p.body[0]);
    assert_non_null(d.root);
    assert_true(text_eq(json_get(d.root, "invoice")->text, buf_text(&b->w.invoice)));
    assert_text(json_get(d.root, "node")->text, n->name);
    assert_text(json_get(d.root, "amount_msat")->text, "12345000");
    assert_text(json_get(d.root, "fee_max_msat")->text, "133450"); /* 1 % and 10 sat */
    assert_text(json_get(d.root, "expires_at")->text, "2025-01-31T12:34:56Z");
    assert_int_equal(json_get(d.root, "payee")->text.len, 66);
    /* the destination is in none of it */
    assert_null(memmem(b->p.body[0].p, b->p.body[0].len, "bob", 3));
    assert_null(memmem(b->p.body[0].p, b->p.body[0].len, "pay.example", 11));
    doc_clear(&d);
}

static void test_prepare_commits_one_invoice(void **state)
{
    (void)state;
    each_node(check_commitment);
}

static void check_header(struct bench *b, const struct node_words *n)
{
    says(b, n->info_at, &n->info);
    says(b, n->look_at, &n->absent);
    (void)run(b, rail_lightning.probe);
    assert_int_equal(b->w.asked_count, 2);
    for (size_t i = 0; i < b->w.asked_count; i++)
        assert_non_null(strstr(b->w.asked[i], n->header));
    assert_null(strstr(b->p.report.reason, n->header));
}

static void test_key_is_shown_to_the_node_alone(void **state)
{
    (void)state;
    each_node(check_header);
    struct bench b;
    bench_open(&b, &nodes_said[0], NULL);
    host_says(&b, ASK_AT, FIRST);
    host_says(&b, CALL_AT, SECOND);
    (void)run(&b, rail_lightning.prepare);
    assert_outcome(&b, RAIL_ACCEPTED, ""); /* although the node does not answer */
    for (size_t i = 0; i < b.w.asked_count; i++)
        assert_true((b.w.peer[i] == LIGHTNING_NODE) == (strstr(b.w.asked[i], "Rune") != NULL));
    bench_close(&b);
}

/* What a host may answer wrongly, and the words of the reason. */
struct bad_answer {
    const char *first;
    const char *second;
    const char *words;
};

static const struct bad_answer bad_answers[] = {
    {"<html>", SECOND, "JSON"},
    {"{'status':'ERROR','reason':'no user bob here, bob@pay.example'}", SECOND,
     "the service says: no user ... here, ..."},
    {"{'tag':'withdrawRequest'}", SECOND, "payRequest"},
    {"{'tag':'payRequest','callback':'http://cb.example/','minSendable':1,'maxSendable':100000000,"
     "'metadata':'@M'}",
     SECOND, "https"},
    {"{'tag':'payRequest','callback':'https://127.0.0.1/','minSendable':1,'maxSendable':100000000,"
     "'metadata':'@M'}",
     SECOND, "domain"},
    {"{'tag':'payRequest','callback':'https://cb.example/','minSendable':12345001,'maxSendable':"
     "100000000,'metadata':'@M'}",
     SECOND, "the service takes"},
    {"{'tag':'payRequest','callback':'https://cb.example/','minSendable':1,'maxSendable':12344999,"
     "'metadata':'@M'}",
     SECOND, "the service takes"},
    {"{'tag':'payRequest','callback':'https://cb.example/','minSendable':1.5,'maxSendable':1e8,"
     "'metadata':'@M'}",
     SECOND, "millisatoshi"},
    {"{'tag':'payRequest','callback':'https://cb.example/pay?k=1','minSendable':1,'maxSendable':"
     "100000000,'metadata':'[[\\'text/plain\\',\\'y\\']]'}",
     SECOND, "metadata"},
    {"{'tag':'payRequest','callback':'https://cb.example/pay?k=1','minSendable':1,'maxSendable':"
     "100000000,'metadata':'[[\\'text/plain\\',\\'x\\'],[\\'text/identifier\\',\\'eve@pay.example\\"
     "']]'}",
     SECOND, "not the address"},
    {"{'tag':'payRequest','callback':'https://cb.example/pay?k=1','minSendable':1,'maxSendable':"
     "100000000,'metadata':'@M','payerData':{'name':{'mandatory':true}}}",
     SECOND, "not given out"},
    {FIRST, "{'status':'ERROR','reason':'ask eve@other.example later'}", "ask ... later"},
    {FIRST, "{'status':'ERROR','reason':'no 0123456789abcdef0123456789abcdef0123456789'}",
     "no ..."},
    {FIRST, "{'pr':''}", "invoice"},
    {FIRST, "{'pr':'lnbc1'}", ""},
    {FIRST, "{'pr':'@I','successAction':{'tag':'aes'}}", "LUD-09"},
    {FIRST, "{'pr':'@I','successAction':{'tag':'url','url':'https://evil.example/'}}",
     "another host"},
};

static void test_answers_of_hosts_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_answers); i++) {
        struct bench b;
        bench_open(&b, &nodes_said[0], NULL);
        host_says(&b, ASK_AT, bad_answers[i].first);
        host_says(&b, "GET https://cb.example/", bad_answers[i].second);
        (void)run(&b, rail_lightning.prepare);
        assert_outcome(&b, RAIL_TRANSIENT, bad_answers[i].words);
        assert_int_equal(b.p.body_count, 0);
        assert_true(b.p.report.remediation[0] != '\0');
        assert_null(strstr(b.p.report.reason, "bob"));
        assert_null(strstr(b.p.report.reason, "pay.example"));
        bench_close(&b);
    }
}

/* One thing of an invoice that is otherwise as agreed. */
static void spoil(struct bolt11 *i, size_t which)
{
    switch (which) {
    case 0:
        i->amount_msat++;
        break;
    case 1:
        i->amount_msat--;
        break;
    case 2:
        i->network = BOLT11_REGTEST;
        break;
    case 3:
        i->description_hash.b[31] ^= 1;
        break;
    case 4:
        i->has_description_hash = false;
        i->has_description = true;
        i->description = TEXT(METADATA);
        break;
    case 5:
        i->expiry_s = 29;
        break;
    case 6:
        i->expiry_s = 604801;
        break;
    case 7:
        i->cltv = 1009;
        break;
    case 8:
        i->timestamp_s = NOW_S - EXPIRY_S;
        break;
    case 9:
        i->has_amount = false;
        break;
    default:
        break;
    }
}

static void test_invoices_that_are_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"agreed", "agreed", "regtest", "metadata", "metadata",
                                        "expire", "week",   "blocks",  "expire",   "amount"};
    for (size_t i = 0; i <= ARRAY_LEN(words); i++) {
        struct bench b;
        bench_open(&b, &nodes_said[0], NULL);
        struct bolt11 terms = invoice_terms(AMOUNT_MSAT);
        spoil(&terms, i);
        world_invoice(&b.w, &terms);
        host_says(&b, ASK_AT, FIRST);
        host_says(&b, CALL_AT, SECOND);
        (void)run(&b, rail_lightning.prepare);
        if (i < ARRAY_LEN(words))
            assert_outcome(&b, RAIL_TRANSIENT, words[i]);
        else
            assert_outcome(&b, RAIL_ACCEPTED, "");
        bench_close(&b);
    }
}

static void test_bounds_of_expiry_are_exact(void **state)
{
    (void)state;
    static const uint64_t good[] = {30, 604800};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct bench b;
        bench_open(&b, &nodes_said[0], NULL);
        struct bolt11 terms = invoice_terms(AMOUNT_MSAT);
        terms.expiry_s = good[i];
        terms.cltv = 1008;
        world_invoice(&b.w, &terms);
        host_says(&b, ASK_AT, FIRST);
        host_says(&b, CALL_AT, SECOND);
        assert_int_equal(run(&b, rail_lightning.prepare), RAIL_ACCEPTED);
        bench_close(&b);
    }
}

static void test_a_payee_that_is_ourselves_is_refused(void **state)
{
    (void)state;
    struct bench b;
    uint8_t secret[32];
    uint8_t key[SECP_COMPRESSED_LEN];
    char hex[2 * SECP_COMPRESSED_LEN + 1];
    char body[200];
    memset(secret, 0x11, sizeof secret);
    assert_true(secp_public_compressed(key, secret));
    hex_encode(hex, (struct bytes){key, sizeof key});
    snprintf(body, sizeof body, "{'id':'%s','network':'bitcoin'}", hex);
    bench_open(&b, &nodes_said[0], NULL);
    says(&b, "getinfo", &(struct said){201, body});
    host_says(&b, ASK_AT, FIRST);
    host_says(&b, CALL_AT, SECOND);
    (void)run(&b, rail_lightning.prepare);
    assert_outcome(&b, RAIL_TRANSIENT, "");
    assert_int_equal(b.p.body_count, 0);
    bench_close(&b);
}

/* What the web says, and what follows. */
static void test_hosts_that_cannot_be_asked(void **state)
{
    (void)state;
    static const struct {
        enum web_outcome outcome;
        unsigned status;
        const char *words;
    } rows[] = {{WEB_NOT_SENT, 0, "no answer"},
                {WEB_REFUSED, 0, "no answer"},
                {WEB_BROKEN, 0, "no answer"},
                {WEB_ANSWERED, 302, "redirect"},
                {WEB_ANSWERED, 500, "JSON"}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        const size_t at = i / 2;
        struct bench b;
        bench_open(&b, &nodes_said[0], NULL);
        if (i % 2 == 1)
            host_says(&b, ASK_AT, FIRST);
        world_rule(&b.w, (struct rule){LIGHTNING_PAYEE, "GET https://", 0, rows[at].outcome,
                                       rows[at].status, "moved"});
        (void)run(&b, rail_lightning.prepare);
        assert_outcome(&b, RAIL_TRANSIENT, rows[at].words);
        bench_close(&b);
    }
}

/* LNURL gives no meaning to the status. */
static void test_status_of_hosts_means_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, &nodes_said[0], NULL);
    world_rule(&b.w, (struct rule){LIGHTNING_PAYEE, ASK_AT, 0, WEB_ANSWERED, 404, FIRST});
    world_rule(&b.w, (struct rule){LIGHTNING_PAYEE, CALL_AT, 0, WEB_ANSWERED, 500, SECOND});
    assert_int_equal(run(&b, rail_lightning.prepare), RAIL_ACCEPTED);
    bench_close(&b);
}

static void test_destinations(void **state)
{
    (void)state;
    static const struct {
        const char *destination;
        const char *asked; /* NULL: rejected before anybody is asked */
        enum lightning_peer peer;
    } rows[] = {
        {"bob@pay.example", ASK_AT, LIGHTNING_PAYEE},
        {"lnurlp://pay.example/.well-known/lnurlp/bob", ASK_AT, LIGHTNING_PAYEE},
        {"LNURLP://pay.example/.well-known/lnurlp/bob", ASK_AT, LIGHTNING_PAYEE},
        {"lightning:bob@pay.example", ASK_AT, LIGHTNING_PAYEE},
        {"bob@abcdefghijklmnop.onion", "GET http://abcdefghijklmnop.onion/", LIGHTNING_ONION},
        {"lnurlp://abcdefghijklmnop.onion/x", "GET http://abcdefghijklmnop.onion/x",
         LIGHTNING_ONION},
        {"", NULL, 0},
        {"bob", NULL, 0},
        {"Bob@pay.example", NULL, 0},
        {"bob+1@pay.example", NULL, 0},
        {"bob@127.0.0.1", NULL, 0},
        {"bob@localhost", NULL, 0},
        {"bob@pay.example:8080", NULL, 0},
        {"bob@pay.example/x", NULL, 0},
        {"..@pay.example", NULL, 0},
        {"lnurlp://127.0.0.1/x", NULL, 0},
        {"lnurlp://[::1]/x", NULL, 0},
        {"lnurl1qqqq", NULL, 0},
        {"http://pay.example/", NULL, 0},
        {"0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae", NULL, 0},
    };
    const struct pair onion[] = {{"onion_proxy", "socks5h://127.0.0.1:9050"}, {NULL, NULL}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_open(&b, &nodes_said[0], onion);
        b.p.destination = text_of(rows[i].destination);
        (void)run(&b, rail_lightning.prepare);
        if (rows[i].asked == NULL) {
            assert_outcome(&b, RAIL_REJECTED, "");
            assert_true(b.p.report.remediation[0] != '\0');
            assert_null(world_asked(&b.w, "pay.example"));
        } else {
            assert_outcome(&b, RAIL_TRANSIENT, "no answer");
            assert_non_null(world_asked(&b.w, rows[i].asked));
            assert_int_equal(b.w.peer[b.w.asked_count - 1], rows[i].peer);
        }
        bench_close(&b);
    }
}

static void test_lnurl_in_bech32(void **state)
{
    (void)state;
    struct bench b;
    struct buf lnurl = {0};
    lnurl_write(&lnurl, TEXT("https://pay.example/.well-known/lnurlp/bob"));
    bench_open(&b, &nodes_said[0], NULL);
    host_says(&b, ASK_AT, FIRST);
    host_says(&b, CALL_AT, SECOND);
    b.p.destination = buf_text(&lnurl);
    assert_int_equal(run(&b, rail_lightning.prepare), RAIL_ACCEPTED);
    bench_close(&b);
    buf_clear(&lnurl);
}

static void test_onion_without_a_proxy_is_rejected(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, &nodes_said[0], NULL);
    b.p.destination = TEXT("bob@abcdefghijklmnop.onion");
    (void)run(&b, rail_lightning.prepare);
    assert_outcome(&b, RAIL_REJECTED, "onion_proxy");
    bench_close(&b);
}

/** An invoice that the party gave: exact, or for good refused. */
static void test_an_invoice_as_destination(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct bench b;
        bench_open(&b, &nodes_said[0], NULL);
        struct bolt11 terms = invoice_terms(AMOUNT_MSAT + (i == 1));
        terms.timestamp_s -= i == 2 ? EXPIRY_S : 0;
        terms.network = i == 3 ? BOLT11_TESTNET : BOLT11_BITCOIN;
        world_invoice(&b.w, &terms);
        b.p.destination = buf_text(&b.w.invoice);
        b.p.anchors_taken = i == 4;
        (void)run(&b, rail_lightning.prepare);
        assert_outcome(&b, i == 0 ? RAIL_ACCEPTED : RAIL_REJECTED, "");
        assert_null(world_asked(&b.w, "pay.example"));
        bench_close(&b);
    }
}

static void test_assets(void **state)
{
    (void)state;
    static const struct {
        struct asset asset;
        i128 amount;
        uint64_t msat; /* 0: rejected */
    } rows[] = {
        {{.code = "SAT"}, 12345, 12345000},
        {{.code = "MSAT"}, 12345000, 12345000},
        {{.code = "BTC", .scale = 8}, 12345, 12345000},
        {{.code = "BTC", .scale = 11}, 12345000, 12345000},
        {{.code = "BTC", .scale = 6}, 12345, 0},
        {{.code = "SAT", .scale = 2}, 12345, 0},
        {{.code = "USD", .scale = 2}, 12345, 0},
        {{.code = "SATS"}, 12345, 0},
        {{.code = "SAT"}, (i128)1 << 100, 0},
        {{.code = "SAT"}, INT64_C(2100000000000001), 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_open(&b, &nodes_said[0], NULL);
        host_says(&b, ASK_AT, FIRST);
        host_says(&b, CALL_AT, SECOND);
        b.p.asset = rows[i].asset;
        b.p.amount = rows[i].amount;
        (void)run(&b, rail_lightning.prepare);
        assert_outcome(&b, rows[i].msat > 0 ? RAIL_ACCEPTED : RAIL_REJECTED, "");
        assert_int_equal(b.w.asked_count > 0, rows[i].msat > 0);
        bench_close(&b);
    }
}

static void test_comment_goes_along_where_it_fits(void **state)
{
    (void)state;
    static const char *const allowed[] = {"11", "12"};
    const struct pair more[] = {{"comment", "payout & fee"}, {NULL, NULL}};
    for (size_t i = 0; i < 2; i++) {
        struct bench b;
        char first[400];
        bench_open(&b, &nodes_said[0], more);
        snprintf(first, sizeof first,
                 "{'tag':'payRequest','callback':'https://cb.example/pay?k=1','minSendable':1,"
                 "'maxSendable':100000000,'metadata':'@M','commentAllowed':%s}",
                 allowed[i]);
        host_says(&b, ASK_AT, first);
        host_says(&b, "GET https://cb.example/", SECOND);
        assert_int_equal(run(&b, rail_lightning.prepare), RAIL_ACCEPTED);
        assert_int_equal(world_asked(&b.w, "&comment=payout%20%26%20fee ") != NULL, i == 1);
        bench_close(&b);
    }
}

static void test_host_that_repeats_itself(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, &nodes_said[0], NULL);
    host_says(&b, ASK_AT, FIRST);
    host_says(&b, CALL_AT, SECOND);
    b.p.anchors_taken = 2;
    assert_int_equal(run(&b, rail_lightning.prepare), RAIL_ACCEPTED);
    b.p.anchors_taken = 3;
    (void)run(&b, rail_lightning.prepare);
    assert_outcome(&b, RAIL_TRANSIENT, "before");
    bench_close(&b);
}

static void check_known_hash(struct bench *b, const struct node_words *n)
{
    const struct said *seen[] = {&n->paid, &n->pending, &n->failed};
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        world_forget(&b->w);
        b->p.body_count = 0;
        says_reserve(b);
        says(b, n->info_at, &n->info);
        says(b, n->look_at, seen[i]);
        host_says(b, ASK_AT, FIRST);
        host_says(b, CALL_AT, SECOND);
        (void)run(b, rail_lightning.prepare);
        assert_outcome(b, RAIL_TRANSIENT, "not new");
        assert_int_equal(b->p.body_count, 0);
    }
}

static void test_an_invoice_that_the_node_knows_is_another_payment(void **state)
{
    (void)state;
    each_node(check_known_hash);
}

static void test_node_on_another_network(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(nodes_said); i++) {
        struct bench b;
        if (nodes_said[i].other_network.body == NULL)
            continue;
        bench_open(&b, &nodes_said[i], NULL);
        says(&b, nodes_said[i].info_at, &nodes_said[i].other_network);
        (void)run(&b, rail_lightning.prepare);
        assert_outcome(&b, RAIL_TRANSIENT, "the node is on regtest");
        bench_close(&b);
    }
}

/* --- fee caps ----------------------------------------------------------------------------------*/

static const struct {
    const char *percent, *base;
    i128 fee_max;
    const char *msat;
} caps[] = {{NULL, NULL, -1, "133450"}, {"0.5", "0", -1, "61725"}, {"0", "7", -1, "7000"},
            {"0.0001", "0", -1, "12"},  {"5", "5", 3, "3000"},     {"5", "5", 0, "0"}};

static void test_fee_caps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        const struct pair more[] = {
            {"fee_percent", caps[i].percent}, {"fee_base_sat", caps[i].base}, {NULL, NULL}};
        struct bench b;
        struct doc d;
        bench_open(&b, &nodes_said[1], more);
        host_says(&b, ASK_AT, FIRST);
        host_says(&b, CALL_AT, SECOND);
        b.p.fee_max = caps[i].fee_max;
        assert_int_equal(run(&b, rail_lightning.prepare), RAIL_ACCEPTED);
        doc_read(&d, b.p.body[0]);
        assert_text(json_get(d.root, "fee_max_msat")->text, caps[i].msat);
        doc_clear(&d);
        bench_close(&b);
    }
}

/** phoenixd and LNbits take no cap: what they would take more is not sent to them. */
static void test_nodes_without_a_cap(void **state)
{
    (void)state;
    for (size_t i = 2; i < 4; i++) {
        const struct node_words *n = &nodes_said[i];
        /* phoenixd: 4 sat and 0.4 % of 12,345 sat are 53.38 sat; LNbits says 100 sat */
        const i128 least = i == 2 ? 54 : 100;
        for (int enough = 0; enough < 2; enough++) {
            struct bench b;
            bench_open(&b, n, NULL);
            says_reserve(&b);
            says(&b, n->info_at, &n->info);
            says(&b, n->look_at, &n->absent);
            host_says(&b, ASK_AT, FIRST);
            host_says(&b, CALL_AT, SECOND);
            b.p.fee_max = least - 1 + enough;
            (void)run(&b, rail_lightning.prepare);
            assert_outcome(&b, enough ? RAIL_ACCEPTED : RAIL_TRANSIENT, enough ? "" : "msat");
            bench_close(&b);
        }
    }
}

/* A reserve that was raised between preparing and sending: nothing is sent. */
static void test_reserve_is_asked_again_before_sending(void **state)
{
    (void)state;
    struct bench b;
    const struct node_words *n = &nodes_said[3];
    bench_prepared(&b, n);
    says(&b, "payments/fee-reserve?invoice=lnbc", &(struct said){200, "{'fee_reserve':134000}"});
    says(&b, n->info_at, &n->info);
    says(&b, n->look_at, &n->absent);
    (void)run(&b, rail_lightning.send);
    assert_outcome(&b, RAIL_UNKNOWN, "134000 msat");
    assert_null(world_asked(&b.w, "POST "));
    bench_close(&b);
}

/* --- settings ----------------------------------------------------------------------------------*/

static char *good_key, *open_key, *empty_key;

static void assert_open(const struct pair *pairs, const char *words)
{
    struct rail *rail = NULL;
    struct mete_err err = {0};
    const struct rail_config config = {pair_get, (void *)(uintptr_t)pairs};
    const enum mete_code code = rail_lightning.open(&rail, &config, &err);
    if (words == NULL) {
        if (code != METE_OK)
            fail_msg("%s", err.text);
        rail_lightning.close(rail);
    } else if (code != METE_USAGE || strstr(err.text, words) == NULL) {
        fail_msg("'%s' has no '%s'", err.text, words);
    }
}

static void test_unsafe_settings_are_refused(void **state)
{
    (void)state;
    good_key = key_file("0201036c6e64", 0600);
    open_key = key_file("0201036c6e64", 0640);
    empty_key = key_file("", 0600);
    const struct {
        struct pair p;
        const char *words; /* NULL: it opens */
    } rows[] = {
        {{"x", "x"}, NULL},
        {{"node", NULL}, "cln, lnd, phoenixd or lnbits"},
        {{"node", "eclair"}, "cln, lnd, phoenixd or lnbits"},
        {{"url", NULL}, "url is missing"},
        {{"url", "http://10.0.0.1:8080"}, "in the clear"},
        {{"url", "http://127.0.0.1:8080"}, NULL},
        {{"url", "http://[::1]:8080"}, NULL},
        {{"url", "https://u:p@host"}, "url"},
        {{"url", "https://host/?a=1"}, "query"},
        {{"url", "ftp://host"}, "url"},
        {{"macaroon_file", NULL}, "macaroon_file is missing"},
        {{"macaroon_file", "/nonexistent"}, "cannot be read"},
        {{"macaroon_file", "/tmp"}, "no ordinary file"},
        {{"macaroon_file", open_key}, "chmod 600"},
        {{"macaroon_file", empty_key}, "empty"},
        {{"network", "bitcoin"}, NULL},
        {{"network", "mainnet"}, "network is"},
        {{"fee_percent", "0.1234"}, NULL},
        {{"fee_percent", "0.12345"}, "fee_percent"},
        {{"fee_percent", "101"}, "fee_percent"},
        {{"fee_percent", "100.5"}, "fee_percent"},
        {{"fee_percent", "-1"}, "fee_percent"},
        {{"fee_percent", "1."}, "fee_percent"},
        {{"fee_base_sat", "1.5"}, "fee_base_sat"},
        {{"max_delay_blocks", "39"}, "max_delay_blocks"},
        {{"max_delay_blocks", "2017"}, "max_delay_blocks"},
        {{"pay_timeout_s", "46"}, "pay_timeout_s"},
        {{"takes_plus", "perhaps"}, "takes_plus"},
        {{"resolve_public_only", "0"}, "resolve_public_only"},
        {{"resolve_public_only", "no"}, NULL},
        {{"resolve_to", "127.0.0.1:1"}, "resolve_public_only"},
        {{"onion_proxy", "socks5://127.0.0.1:9050"}, "socks5h://"},
        {{"onion_proxy", "socks5h://127.0.0.1:9050"}, NULL},
        {{"node_certificate", "/nonexistent"}, "node_certificate"},
        {{"resolve_ca", "/nonexistent"}, "resolve_ca"},
        {{"comment", "\xff"}, "UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct pair pairs[] = {rows[i].p,
                                     {"node", "lnd"},
                                     {"url", "https://node.example"},
                                     {"macaroon_file", good_key},
                                     {NULL, NULL}};
        assert_open(pairs, rows[i].words);
    }
    char *const files[] = {good_key, open_key, empty_key};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        unlink(files[i]);
        free(files[i]);
    }
}

static void test_keys_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *node, *setting, *content, *words;
    } rows[] = {{"cln", "rune_file", "a b", "rune"},
                {"cln", "rune_file", "a\nX-Evil: 1", "rune"},
                {"lnd", "macaroon_file", "not hex", "macaroon"},
                {"lnd", "macaroon_file", "\x02\x01\x03lnd", NULL},
                {"phoenixd", "password_file", "\n", "password"},
                {"lnbits", "key_file", "a b", "admin key"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *file = key_file(rows[i].content, 0600);
        const struct pair pairs[] = {{"node", rows[i].node},
                                     {"url", "https://node.example"},
                                     {rows[i].setting, file},
                                     {NULL, NULL}};
        assert_open(pairs, rows[i].words);
        unlink(file);
        free(file);
    }
}

static void test_the_kind_is_in_the_list(void **state)
{
    (void)state;
    assert_ptr_equal(rail_kind_of(TEXT("lightning")), &rail_lightning);
    assert_ptr_equal(rail_kind_of(TEXT("lightning_address")), &rail_lightning);
    assert_null(rail_kind_of(TEXT("lightnin")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepare_commits_one_invoice),
        cmocka_unit_test(test_key_is_shown_to_the_node_alone),
        cmocka_unit_test(test_answers_of_hosts_that_are_refused),
        cmocka_unit_test(test_invoices_that_are_refused),
        cmocka_unit_test(test_bounds_of_expiry_are_exact),
        cmocka_unit_test(test_a_payee_that_is_ourselves_is_refused),
        cmocka_unit_test(test_hosts_that_cannot_be_asked),
        cmocka_unit_test(test_status_of_hosts_means_nothing),
        cmocka_unit_test(test_destinations),
        cmocka_unit_test(test_lnurl_in_bech32),
        cmocka_unit_test(test_onion_without_a_proxy_is_rejected),
        cmocka_unit_test(test_an_invoice_as_destination),
        cmocka_unit_test(test_assets),
        cmocka_unit_test(test_comment_goes_along_where_it_fits),
        cmocka_unit_test(test_host_that_repeats_itself),
        cmocka_unit_test(test_an_invoice_that_the_node_knows_is_another_payment),
        cmocka_unit_test(test_node_on_another_network),
        cmocka_unit_test(test_fee_caps),
        cmocka_unit_test(test_nodes_without_a_cap),
        cmocka_unit_test(test_reserve_is_asked_again_before_sending),
        cmocka_unit_test(test_unsafe_settings_are_refused),
        cmocka_unit_test(test_keys_that_are_none),
        cmocka_unit_test(test_the_kind_is_in_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
