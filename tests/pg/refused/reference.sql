create table mete.page (
    book_id bigint not null,
    seq bigint not null references mete.event (seq),
    primary key (book_id, seq)
);
