"""The proof that a shell is the stated machine, register by register."""
