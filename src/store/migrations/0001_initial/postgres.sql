-- Every key begins with book_id, nothing joins across books: a book is what can be moved to another
-- machine. Times named _at are microseconds since 1970-01-01T00:00:00Z, but for those of leases and
-- the inbox, which are the database's own. Formats of bytes: doc/format.md.

create table mete.book (
    book_id bigint primary key, -- 1, 2, ... below 2^22
    name text not null unique, -- 1 to 200 bytes
    created_at bigint not null -- time
);

-- What the stored runs of a book's state cover; the log after it is applied again at opening.
create table mete.book_state (
    book_id bigint primary key references mete.book (book_id), -- whose
    flushed_seq bigint not null, -- events, from the first on
    flushed_page bigint not null, -- page rows, from the first on
    quarantine_last bigint not null -- the highest quarantine number ever given
);

-- Who writes a book. Every commit locks its row and finds its token in it, or is refused.
create table mete.lease (
    book_id bigint primary key references mete.book (book_id), -- whose
    token bigint not null, -- how often it was taken: who took it last has the highest
    owner text not null, -- the process, for people; empty: nobody
    expires_at timestamptz not null, -- from then on others may take it
    commits bigint not null -- groups since the book was made: tells whether one arrived
);

-- The log: append-only.
create table mete.event (
    book_id bigint not null, -- whose
    seq bigint not null, -- from 1
    recorded_at bigint not null, -- time of the commit; never falls
    leaf bytea not null, -- 32 bytes: leaf of the Merkle tree, and the row's checksum
    decision bytea not null, -- page 0, packed
    signature bytea, -- JSON of the envelope's signature; null: not signed
    event bytea not null, -- RFC 8785 bytes, private values replaced by commitments
    primary key (book_id, seq)
);

-- Further pages of large decisions: append-only.
create table mete.page (
    book_id bigint not null, -- whose
    number bigint not null, -- in order of storing, from 1
    seq bigint not null, -- whose decision it continues
    page bigint not null, -- 1, 2, ...
    after_seq bigint not null, -- events in the log when it was stored: its place in a replay
    recorded_at bigint not null, -- time of the commit
    sha256 bytea not null, -- of the packed page
    decision bytea not null, -- packed
    primary key (book_id, number),
    unique (book_id, seq, page),
    foreign key (book_id, seq) references mete.event (book_id, seq)
);

-- Inner nodes of the Merkle tree, every eighth level: append-only.
create table mete.tree_node (
    book_id bigint not null, -- whose
    level bigint not null, -- 8, 16, 24 or 32
    number bigint not null, -- from 0
    hash bytea not null, -- 32 bytes
    primary key (book_id, level, number)
);

-- Signed heads: append-only.
create table mete.checkpoint (
    book_id bigint not null references mete.book (book_id), -- whose
    number bigint not null, -- in order of signing, from 1
    size bigint not null, -- events
    root bytea not null, -- 32 bytes
    signed_at bigint not null, -- time
    note text not null, -- C2SP signed note
    primary key (book_id, number)
);

-- Private values, outside the log: may be erased, never changed.
create table mete.sealed (
    book_id bigint not null, -- whose
    seq bigint not null, -- of the event it was in
    pointer bytea not null, -- JSON pointer inside that event, UTF-8
    party text not null, -- whom it is about; empty: nobody in particular
    commitment bytea not null, -- 32 bytes: what stands in the log for it
    sealed bytea not null, -- salt and value, encrypted
    primary key (book_id, seq, pointer)
);

-- Refused events, outside the log: bounded.
create table mete.quarantine (
    book_id bigint not null references mete.book (book_id), -- whose
    number bigint not null, -- in order of arrival, never given twice
    received_at bigint not null, -- time
    event_id bytea not null, -- as far as it could be read, UTF-8
    code bigint not null, -- enum mete_code
    pointer bytea not null, -- JSON pointer to what was wrong, UTF-8
    message bytea not null, -- what was wrong, UTF-8
    body bytea not null, -- as received, at most 4 MiB
    cut boolean not null, -- the body was longer
    attempts bigint not null, -- times it was refused
    sha256 bytea not null, -- of the body
    primary key (book_id, number),
    unique (book_id, sha256)
);

create table mete.meta (
    book_id bigint not null references mete.book (book_id), -- whose
    name text not null, -- of the value
    value text not null, -- as it was set last
    primary key (book_id, name)
);

-- The state that follows from the log, as sorted runs. All of it can be rebuilt.
create table mete.segment (
    book_id bigint not null, -- whose
    number bigint not null, -- of the segment
    run_id bigint not null, -- segments of one run do not overlap
    level bigint not null, -- 0: written by a flush; else merged from the level before
    oldest bigint not null, -- flushes that the run covers: the first
    newest bigint not null, -- and the last; a higher one hides a lower
    first_block bigint not null, -- number of its first block
    blocks bigint not null, -- blocks of items; one more holds their index
    items bigint not null, -- keys
    size bigint not null, -- bytes of all its blocks
    first_key bytea not null, -- its smallest key
    last_key bytea not null, -- its largest key
    primary key (book_id, number)
);

create table mete.block (
    book_id bigint not null, -- whose
    number bigint not null, -- in order of writing
    data bytea not null, -- items or index, and a checksum
    primary key (book_id, number)
);

create table mete.merge (
    book_id bigint not null references mete.book (book_id), -- whose
    level bigint not null, -- of the runs that are merged
    run_id bigint not null, -- what they become
    oldest bigint not null, -- flushes that it covers: the first
    newest bigint not null, -- and the last
    position bytea not null, -- up to this key the new run counts, beyond it the old ones
    primary key (book_id, level)
);

-- Requests that reached a process that does not write their book. Deleted by the transaction that
-- decides them.
create table mete.inbox (
    book_id bigint not null references mete.book (book_id), -- whose
    id bytea not null, -- 16 bytes, random
    received_at timestamptz not null, -- when it was put here
    kind bigint not null, -- 1: writes, 2: changes nothing
    node text not null, -- the process that asks
    request bytea not null, -- packed and sealed
    primary key (book_id, id)
);

-- What became of them, stored by the same transaction, deleted by who asked.
create table mete.answer (
    book_id bigint not null references mete.book (book_id), -- whose
    id bytea not null, -- that of the request
    decided_at timestamptz not null, -- old ones are swept away: nobody waits any more
    node text not null, -- the process that asked
    answer bytea not null, -- packed and sealed
    primary key (book_id, id)
);
