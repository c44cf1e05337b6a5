select seq from mete.event where book_id = 1 and event ~ 'x' limit 1 with ties;
