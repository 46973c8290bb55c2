"""E-mail: letters as they are written down (RFC 5322, 8058), handed to a mail server by ``channels.mail_line``."""
