"""What stands around a core on a board: links, clock, LEDs."""
