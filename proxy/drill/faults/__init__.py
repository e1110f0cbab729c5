"""What a provider can do wrong: one small file each, all by name in `table`. See README.md."""
