"""convsmith: images and a budget in; a finished convolutional network out."""

__version__ = "0.1.0"
