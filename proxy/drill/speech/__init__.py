"""How each provider family says things: good answers, errors, and events that end a stream."""
