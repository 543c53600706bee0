"""Measurements: what a stage takes as the data grows, and the sweep beside its peers.

``generators``  rows and stores to measure with, seeded and made in place
``processes``   what a command takes: time, processor, memory and bytes of its tree of processes
``stages``      how each stage is called, what it needs before, what its result says
``growth``      the exponent with which a cost grows
``scale``       one stage over several sizes; ``scaled`` what was found, ``plot`` its picture
``svg``         what pictures are drawn with
``peers``       the k sweep beside other libraries
``results``     figures as JSON, with the environment that they were measured in
"""
