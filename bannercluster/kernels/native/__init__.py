"""Compiled CPU loops: what one tile needs beside its matrix product, fused and without temporaries.

Those that label rows and keep sums have a twin in :mod:`bannercluster.kernels.portable`, written
with torch operations (used on CUDA); both agree to the bit, and the tests hold them to it. The twin
of the silhouettes' is in :mod:`bannercluster.kernels.silhouette`. All release the GIL and run on
one thread: parallelism lies in the tiles, never inside one.

Sums over features are re-associated by the compiler into vector lanes, always in the same way, so a
value depends on its inputs and the instruction set only.
"""
