"""What costs time and what to change: one function a rule, each with its threshold and source."""
