"""Pictures that a network is sure of and a person is not: by evolution and by gradient ascent.

A. Nguyen, J. Yosinski, J. Clune, "Deep Neural Networks are Easily Fooled", CVPR 2015.
"""
