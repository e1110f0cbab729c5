"""What is wrong with the CA, in words for the person who has to put it right."""


class NotTrustworthy(Exception):
    """The CA cannot be used, or not for what was asked; the message says what is wrong, where, and
    what would be right."""
