"""The Hugging Face Hub: bundles are published there and fetched from there."""
