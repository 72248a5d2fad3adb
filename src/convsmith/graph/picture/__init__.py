"""A network as its readers see it: blocks, boxes and wires, drawn as SVG or text."""
