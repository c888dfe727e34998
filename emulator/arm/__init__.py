"""Azure Resource Manager: resource documents, long-running operations, locks, soft delete, metadata."""
