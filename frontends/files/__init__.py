"""Containers that trainers write, read as bounded data; nothing in them is executed."""
