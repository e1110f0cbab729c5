"""What the drill plays: each fault with what it amounts to. All of them are in `table`."""
