"""Whether features of networks add to the statistics: each block of them held to the gate.

    python -m benchmarks.heatmap_blocks FOLDER [--grids 24 0 20] [--seed 21] [--steps 300]

FOLDER keeps the trained networks: a run that was ended goes on. ``--weights resnet50=FILE`` and
``vit=FILE`` give the users' backbones, which have no weights here. Combinations are taught on
the training grids and measured on the held-out ones, which are of other layout families.

Features depend on the number of clicks N: few clicks make a sparse image. So a heatmap is compared
with its grid's references thinned to the same N, and not with the references as they are. They are
the same thinned references that show what a healthy heatmap scores, left out of their own mean;
this costs no further features. Scores of a block are the cosine to the mean of the references'
features, Mahalanobis' distance of the difference from that mean (covariance of all training grids'
references by Ledoit and Wolf), and the distance to the nearest references; all calibrated as the
statistics are. A block named ``noise`` is three columns of random numbers: what it gains is what
nothing gains.

The figures go to ``results/heatmap_blocks.json``, those of a run of another size to the file that
``--output`` names.
"""
