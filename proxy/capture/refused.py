"""Why somebody was not served."""

Fields = tuple[tuple[str, str], ...]


class Refused(Exception):
    """A request that is not served: the status, and what is wrong and what would be right.

    `reason` is one of few words, for a metric. `fields` are header fields that the answer needs.
    """

    def __init__(
        self, status: int, message: str, reason: str = "bad_request", fields: Fields = ()
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.reason = reason
        self.fields = fields
