"""Where code runs, the node's side."""
