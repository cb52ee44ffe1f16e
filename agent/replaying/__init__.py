"""A recorded call lived again."""
