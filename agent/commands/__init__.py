"""What people type: ``allo COMMAND``, a module for each."""
