"""The engine: a Graph as a torch module, trained with Keras's semantics, faster.

Take what you need from its own file (``from convsmith.engine.lower import lower``): importing the room
imports no torch.
"""
