"""Targets, their devices, fabrics and pins, as data."""
