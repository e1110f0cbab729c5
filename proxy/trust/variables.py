"""The environment variables that name files of trusted certificates, and who reads each."""

TRUST = (
    "SSL_CERT_FILE",  # OpenSSL, and so Python's ssl, httpx, aiohttp; Go
    "REQUESTS_CA_BUNDLE",  # Python's requests
    "CURL_CA_BUNDLE",  # curl
    "GIT_SSL_CAINFO",  # git
    "AWS_CA_BUNDLE",  # AWS's SDKs and command line
    "NODE_EXTRA_CA_CERTS",  # Node, beside the roots that it brings along
    "DENO_CERT",  # Deno, likewise
)
"""Those that make a program trust a file as soon as they are set."""

TRUST_WHERE_SET = (
    "PIP_CERT",
    "HTTPLIB2_CA_CERTS",
    "NIX_SSL_CERT_FILE",
    "CARGO_HTTP_CAINFO",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
)
"""The same, of programs that look elsewhere as long as these are not set."""

NAMED_BY = ("SSL_CERT_DIR", *TRUST, *TRUST_WHERE_SET)
"""What a person has programs trust: files, or (the first) folders of files."""
