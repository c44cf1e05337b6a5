-- How much one act of a key may be about.
alter table mete.api_key add column
    limits text not null default ''; -- "USD=100.00 SAT=5000": of one act, by asset; empty: no bound
