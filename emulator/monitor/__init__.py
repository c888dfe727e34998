"""Azure Monitor: Log Analytics workspaces and Application Insights components."""
