"""The evidence bundle: one file about one campaign that anybody can check, offline."""
