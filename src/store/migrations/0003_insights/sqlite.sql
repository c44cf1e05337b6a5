-- What apps report of themselves for people to look at: beside the log, without effect on money, and
-- thrown away when it is old. Names before the time, so that a series is one place of the tree.

-- Key performance indicators: the value of a metric in one bucket of time.
create table kpi (
    book_id integer not null references book (book_id), -- whose
    app text not null, -- that reports
    metric text not null, -- what was measured
    bucket text not null, -- how long t stands for: "1m", "1h" ...
    env text not null, -- prod, staging or dev
    tags text not null, -- JSON (RFC 8785): labels, part of the name; "{}": none
    t integer not null, -- time: the bucket's
    v text not null, -- a plain decimal, exact
    unit text not null, -- of the value; empty: not said
    sent_at integer not null, -- time: of two values the one that was sent later holds
    received_at integer not null, -- time
    primary key (book_id, app, metric, bucket, env, tags, t)
) strict, without rowid;

-- What happened in an app, and which batches of points came already.
create table insight (
    book_id integer not null references book (book_id), -- whose
    kind integer not null, -- 1: an event; 2: the dedupeKey of a batch
    app text not null, -- that reports
    env text not null, -- prod, staging or dev
    id text not null, -- eventId or dedupeKey
    t integer not null, -- time: when it happened, or came
    type text not null, -- of an event; empty
    severity text not null, -- of an event; empty: not said
    message text not null, -- for people; empty: none
    data text not null, -- JSON (RFC 8785); empty: none
    sha256 blob not null, -- 32 bytes: of all that was said under this id
    received_at integer not null, -- time
    primary key (book_id, kind, app, env, id)
) strict, without rowid;

create index insight_by_time on insight (book_id, kind, app, t, env, id);
