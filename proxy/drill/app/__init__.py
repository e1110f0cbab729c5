"""An application, as the drill plays it: it asks over HTTP, and judges what it hears as a client
library would, with none of the program's own readers. It never asks twice by itself."""
