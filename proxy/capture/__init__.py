"""The way in: one listener for base-URL and proxy requests, and the way back to the app.

It turns HTTP into Calls and Replies into HTTP. What happens between is the engine's.
"""
