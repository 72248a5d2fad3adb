"""From the bytes of an image file to 8-bit pixels, safely, in processes of their own."""
