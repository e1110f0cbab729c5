"""Understudy: a sidecar proxy that keeps an application working while its providers fail."""
