"""The studio: pages in the browser that start jobs of the command line and show run folders."""
