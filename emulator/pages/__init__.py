"""The page at the loopback http port: what there is, whether it is healthy, what happened last. It only reads."""
