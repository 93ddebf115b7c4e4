"""Whole jobs: carry a policy onto a body (carry), set the scene (stages), judge (judge), fine-tune (finetune), pretrain (pretrain)."""
