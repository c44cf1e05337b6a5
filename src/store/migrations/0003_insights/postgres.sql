-- What apps report of themselves for people to look at: beside the log, without effect on money, and
-- thrown away when it is old. Names before the time, so that a series is one place of the tree.
-- Texts are UTF-8 bytes: their order is then the same in every database.

-- Key performance indicators: the value of a metric in one bucket of time.
create table mete.kpi (
    book_id bigint not null references mete.book (book_id), -- whose
    app bytea not null, -- that reports
    metric bytea not null, -- what was measured
    bucket bytea not null, -- how long t stands for: "1m", "1h" ...
    env bytea not null, -- prod, staging or dev
    tags bytea not null, -- JSON (RFC 8785): labels, part of the name; "{}": none
    t bigint not null, -- time: the bucket's
    v bytea not null, -- a plain decimal, exact
    unit bytea not null, -- of the value; empty: not said
    sent_at bigint not null, -- time: of two values the one that was sent later holds
    received_at bigint not null, -- time
    primary key (book_id, app, metric, bucket, env, tags, t)
);

-- What happened in an app, and which batches of points came already.
create table mete.insight (
    book_id bigint not null references mete.book (book_id), -- whose
    kind bigint not null, -- 1: an event; 2: the dedupeKey of a batch
    app bytea not null, -- that reports
    env bytea not null, -- prod, staging or dev
    id bytea not null, -- eventId or dedupeKey
    t bigint not null, -- time: when it happened, or came
    type bytea not null, -- of an event; empty
    severity bytea not null, -- of an event; empty: not said
    message bytea not null, -- for people; empty: none
    data bytea not null, -- JSON (RFC 8785); empty: none
    sha256 bytea not null, -- 32 bytes: of all that was said under this id
    received_at bigint not null, -- time
    primary key (book_id, kind, app, env, id),
    unique (book_id, kind, app, t, env, id) -- the order in which they are read
);
