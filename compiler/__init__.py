"""gatec: a hardware compiler for trained gate nets."""
