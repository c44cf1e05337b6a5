delete from mete.answer where node = 'x' and book_id in (select book_id from mete.lease where book_id = 1);
