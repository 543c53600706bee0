"""Image and text of a banner as one row.

``ads``    which image and which text belong together: rows of two stores
``fusing`` how two vectors become one, and what stands in for a text that is not there
``store``  the ads as an embeddings store, fused while they are read
"""
