"""One module for each format of data, with one reader; `registry` lists them.

To add a format, write a `Reader` (see ``latentscape.data.contents``) in a module of its own and add
a line to the registry. Loading, streaming and embedding follow from it.
"""
