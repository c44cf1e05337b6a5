-- Row keys named "key" are book_id << 40 | number, so that a book's rows follow each other.
-- Times are microseconds since 1970-01-01T00:00:00Z. Formats of blobs: doc/format.md.

create table schema_migrations (
    version integer primary key, -- 1, 2, ...
    name text not null, -- its folder
    sha256 text not null, -- of its text, in hexadecimal: a released migration never changes
    applied_at integer not null -- time
) strict;

create table book (
    book_id integer primary key, -- 1, 2, ... below 2^22
    name text not null unique, -- 1 to 200 bytes
    created_at integer not null -- time
) strict;

-- What the stored runs of a book's state cover; the log after it is applied again at opening.
create table book_state (
    book_id integer primary key references book (book_id), -- whose
    flushed_seq integer not null, -- events, from the first on
    flushed_page integer not null, -- page rows, from the first on
    quarantine_last integer not null -- the highest quarantine number ever given
) strict;

-- The log: append-only. (No trigger looks at inserts here: it would cost as much as the insert. What
-- "insert or replace" can put in a row's place no longer fits the tree: an audit finds it.)
create table event (
    key integer primary key, -- number: seq, from 1
    recorded_at integer not null, -- time of the commit; never falls
    leaf blob not null, -- 32 bytes: leaf of the Merkle tree, and the row's checksum
    decision blob not null, -- page 0, packed
    signature blob, -- JSON of the envelope's signature; null: not signed
    event blob not null -- RFC 8785 bytes, private values replaced by commitments
) strict;

create trigger event_no_update before update on event begin
    select raise(abort, 'event is append-only');
end;
create trigger event_no_delete before delete on event begin
    select raise(abort, 'event is append-only');
end;

-- Further pages of large decisions: append-only.
create table page (
    key integer primary key, -- number: in order of storing, from 1
    event_key integer not null references event (key), -- whose decision it continues
    page integer not null, -- 1, 2, ...
    after_seq integer not null, -- events in the log when it was stored: its place in a replay
    recorded_at integer not null, -- time of the commit
    sha256 blob not null, -- of the packed page
    decision blob not null, -- packed
    unique (event_key, page)
) strict;

create trigger page_no_replace before insert on page
when exists (select 1 from page where key = new.key) begin
    select raise(abort, 'page is append-only');
end;
create trigger page_no_update before update on page begin
    select raise(abort, 'page is append-only');
end;
create trigger page_no_delete before delete on page begin
    select raise(abort, 'page is append-only');
end;

-- Inner nodes of the Merkle tree, every eighth level: append-only.
create table tree_node (
    key integer primary key, -- number: level / 8 << 36 | index
    hash blob not null -- 32 bytes
) strict;

create trigger tree_node_no_replace before insert on tree_node
when exists (select 1 from tree_node where key = new.key) begin
    select raise(abort, 'tree_node is append-only');
end;
create trigger tree_node_no_update before update on tree_node begin
    select raise(abort, 'tree_node is append-only');
end;
create trigger tree_node_no_delete before delete on tree_node begin
    select raise(abort, 'tree_node is append-only');
end;

-- Signed heads: append-only.
create table checkpoint (
    checkpoint_id integer primary key, -- in order of signing
    book_id integer not null references book (book_id), -- whose
    size integer not null, -- events
    root blob not null, -- 32 bytes
    signed_at integer not null, -- time
    note text not null -- C2SP signed note
) strict;

create trigger checkpoint_no_replace before insert on checkpoint
when exists (select 1 from checkpoint where checkpoint_id = new.checkpoint_id) begin
    select raise(abort, 'checkpoint is append-only');
end;
create trigger checkpoint_no_update before update on checkpoint begin
    select raise(abort, 'checkpoint is append-only');
end;
create trigger checkpoint_no_delete before delete on checkpoint begin
    select raise(abort, 'checkpoint is append-only');
end;

-- Private values, outside the log: may be erased, never changed.
create table sealed (
    book_id integer not null references book (book_id), -- whose
    seq integer not null, -- of the event it was in
    pointer text not null, -- JSON pointer inside that event
    party text not null, -- whom it is about; empty: nobody in particular
    commitment blob not null, -- 32 bytes: what stands in the log for it
    sealed blob not null, -- salt and value, encrypted
    primary key (book_id, seq, pointer)
) strict, without rowid;

create trigger sealed_no_update before update on sealed begin
    select raise(abort, 'sealed values can only be erased');
end;

-- Refused events, outside the log: bounded.
create table quarantine (
    key integer primary key, -- number: in order of arrival, never given twice
    book_id integer not null references book (book_id), -- whose
    received_at integer not null, -- time
    event_id text not null, -- as far as it could be read
    code integer not null, -- enum mete_code
    pointer text not null, -- JSON pointer to what was wrong
    message text not null, -- what was wrong
    body blob not null, -- as received, at most 4 MiB
    cut integer not null, -- 1: the body was longer
    attempts integer not null, -- times it was refused
    sha256 blob not null, -- of the body
    unique (book_id, sha256)
) strict;

create table meta (
    book_id integer not null references book (book_id), -- whose
    name text not null, -- of the value
    value text not null, -- as it was set last
    primary key (book_id, name)
) strict, without rowid;

-- The state that follows from the log, as sorted runs. All of it can be rebuilt.
create table segment (
    key integer primary key, -- number: of the segment
    run_id integer not null, -- segments of one run do not overlap
    level integer not null, -- 0: written by a flush; else merged from the level before
    oldest integer not null, -- flushes that the run covers: the first
    newest integer not null, -- and the last; a higher one hides a lower
    first_block integer not null, -- number of its first block
    blocks integer not null, -- blocks of items; one more holds their index
    items integer not null, -- keys
    size integer not null, -- bytes of all its blocks
    first_key blob not null, -- its smallest key
    last_key blob not null -- its largest key
) strict;

create table block (
    key integer primary key, -- number: in order of writing
    data blob not null -- items or index, and a checksum
) strict;

create table merge (
    book_id integer not null references book (book_id), -- whose
    level integer not null, -- of the runs that are merged
    run_id integer not null, -- what they become
    oldest integer not null, -- flushes that it covers: the first
    newest integer not null, -- and the last
    position blob not null, -- up to this key the new run counts, beyond it the old ones
    primary key (book_id, level)
) strict, without rowid;
