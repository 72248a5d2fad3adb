"""Networks as programs of a device's operators: float or int8 numbers, and the files that carry them."""
