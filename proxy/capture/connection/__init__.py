"""One connection of an app: what is HTTP on it, how much of it, and the words for what is not."""
