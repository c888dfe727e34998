"""Yes or no, with the probability of yes."""
