"""Vectors made in this process, when the provider that should make them cannot.

It reads sentence-transformers folders of the BERT family with mean pooling (all-MiniLM-L6-v2 is the
one it is tested with), and makes the vectors that sentence-transformers would make of them.

    Encode -> LocalModel -> Lanes -> Tokens                   texts to token numbers
                                  -> Line                     which texts are encoded together
                                  -> Encoder (NumpyEncoder)   token numbers to vectors

It never downloads a model, never blocks the event loop, holds no weights before the first use, and
refuses by name what a model's configuration asks that is not built here.
"""
