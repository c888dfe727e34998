"""One of several classes, with the probability of each."""
