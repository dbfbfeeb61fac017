"""The detection matrix: does each faulty twin turn its check red, and a healthy operator none?

`python -m detection` (`make detection`) runs them; docs/detection.md says how to read the result.

twins     which there are: the files below operators_under_test
plan      what is run for each, and what runs of the same sources are there already
running   several runs at a time
matrix    what was found, missed, found beside; as Markdown and JSON
"""
