"""What steps do: one file a kind, all behind `kind.Kind`, listed in `registry`. No SQL: the ledger is `workers.act`."""
