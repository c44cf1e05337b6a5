update mete.lease set expires_at = clock_timestamp() where book_id = 1;
