"""Online endpoints of Azure ML: their ARM types, the gateway that clients call, and its metrics."""
