"""The steps of the main job, in their order: images, search, train, judge, explain, export, report."""
