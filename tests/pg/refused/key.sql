create table mete.meta (
    book_id bigint not null,
    name text not null unique,
    value text not null,
    primary key (book_id, name)
);
