"""The way back: a reply carried to the app, and how an app is kept waiting for one."""
