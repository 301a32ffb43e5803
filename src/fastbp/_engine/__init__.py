"""The compiled core: kernels for each target, and the engine that runs a network as a list of operations."""
