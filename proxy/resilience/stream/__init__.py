"""Answers that have begun: how long they may be silent, and what becomes of one that breaks."""
