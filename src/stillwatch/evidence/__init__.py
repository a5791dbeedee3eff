"""Evidence that stands on its own: ledger, bundles, and the report for authorities."""
