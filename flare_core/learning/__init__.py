"""Training: cloning an expert, and PPO from a pretrained policy with the FLaRe or the graft recipe."""
