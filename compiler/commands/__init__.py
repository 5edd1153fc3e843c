"""The commands of `gatec`, one file each."""
