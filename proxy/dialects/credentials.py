"""Headers that say who the caller is. They belong to one provider and never travel to another."""

CREDENTIALS = frozenset(
    (
        "authorization",
        "proxy-authorization",
        "cookie",
        "api-key",
        "x-api-key",
        "x-auth-token",
        "x-goog-api-key",
        "x-goog-user-project",
        "ocp-apim-subscription-key",
        "openai-organization",
        "openai-project",
        "x-amz-security-token",
        "x-amz-date",
        "x-amz-content-sha256",
    )
)
"""Lower-case. Keys, sessions, signatures and the accounts that are billed."""
