"""How well broken banners are found: the scorer against the simulator's own likelihood ratio.

    python -m benchmarks.heatmap FOLDER [--seeds 7 8 9] [--grids 120 20 60] [--workers 2]

FOLDER keeps the trained comparison network and the scored heatmaps: a run that was ended goes on
with what is whole, and ``--figures-only`` makes the figures again without simulating. Grids are
split before anything is drawn; the held-out ones are of layout families that nothing was taught on.
Each seed has grids of its own and teaches combinations of its own; the figures are of all held-out
grids together, and a seed's own stand beside. They go to ``results/heatmap.json``, those of a
smaller run to the file that ``--output`` names.
"""
