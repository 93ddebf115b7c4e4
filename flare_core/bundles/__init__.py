"""What is saved and shared: a folder with weights, specs, plan, lineage, results and card."""
