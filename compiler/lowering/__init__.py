"""From the blocks of a ModelGraph to gates, each with the claim that its proof starts from."""
