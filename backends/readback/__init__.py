"""The independent readers of emitted text, on which the proof rests."""
