select seq from mete.event, mete.page where book_id = 1;
