"""An application on an API that nobody reads: whatever came whole is an answer."""

from proxy.core.call import Operation
from proxy.drill.app.tongue import QUESTION, Asking, Heard, document, post


class Raw:
    """One request of no API in particular."""

    operations = (Operation.OTHER,)

    def model(self, operation: Operation) -> str:
        return ""

    def streams(self, operation: Operation) -> bool:
        return False

    def ask(self, operation: Operation, model: str, stream: bool) -> Asking:
        return post("/v1/ask", {"question": QUESTION})

    def hear(self, operation: Operation, stream: bool, body: bytes) -> Heard:
        said = document(body)
        if "said" in said:
            return Heard(str(said["said"]), finished=True)
        error = said.get("error") or said
        return Heard(error=str(error.get("message", "")))
