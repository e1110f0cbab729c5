"""What the stand-in says."""


def stand_in_text(upstream: str) -> str:
    """Words for the person who reads the application's output: what happened, and what to do."""
    return (
        f"This is a stand-in answer from Understudy, not from a model: {upstream} could not answer"
        " this request, and neither could anything else that is set up for it. Please try again"
        " later."
    )
