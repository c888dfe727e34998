"""Online deployments: their ARM type, what they run, and how they are started, scaled and removed."""
