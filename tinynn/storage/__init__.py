"""Files that keep what was learnt: written whole or not at all, checked to the last bit when read.

model.py saves and loads networks, architecture.py tells what they are made of; container.py is the file
itself, reader.py what believes nothing of it, packing.py the nested states in it; atomic.py replaces files.
"""

from tinynn.storage.model import load, save

__all__ = ["load", "save"]
