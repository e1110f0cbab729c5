"""The ways in, as tests are run for each: what stands before the path that the app asks for."""

import pytest

from tests.outside.policies import HOST

WAYS_IN = pytest.mark.parametrize(
    "prefix", ["/openai", f"http://{HOST}"], ids=["base_url", "http_proxy"]
)
