"""What the user wrote: policy files in, one frozen `Snapshot` or every complaint at once out.

Floor 1 and pure: texts and an environment are passed in. It reads no file, watches nothing, asks no
network, and knows nothing of how a route is carried out. Keys that nothing obeys yet are refused.

    sources --> YAML / TOML with marks --> ${NAME} --> schema --> merge, cross checks --> Snapshot
"""
