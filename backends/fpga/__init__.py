"""Synthesis, place and route with each family's tools."""
