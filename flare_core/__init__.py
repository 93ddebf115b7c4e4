"""Carry pretrained robot policies onto new bodies, fine-tune them, measure them, share them."""
