"""Metrics of online endpoints: counted at the gateway, asked for as Azure Monitor's."""
