"""The report of a run as one HTML file: read the folder, draw charts and floors as SVG, fill the template."""
