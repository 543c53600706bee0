"""Measurements: peer and project in one run, a null run beside them, results kept as JSON.

python -m benchmarks.sweep       k sweep against scikit-learn
python -m benchmarks.race        race of restarts against the full search
python -m benchmarks.silhouettes all silhouettes against an iteration of the sweep
python -m benchmarks.embedding   files to Zarr against a plain timm loop
python -m benchmarks.hostile     2 % hostile files against clean ones: counts, time, memory
python -m benchmarks.resize      native aspect + L2 against squashed + raw, on real banners
python -m benchmarks.importing   import against readers of Parquet alone
python -m benchmarks.reading     a store tile by tile against a plain file

``benchmarks/asv/`` holds classes for asv. ``bc bench scale`` and ``bc bench peers`` are commands.
"""
