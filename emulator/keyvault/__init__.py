"""Key Vault: vaults with soft delete, and the secrets data plane."""
