select seq from mete.event where seq = 1;
