"""The `hrm-rl` command: one file a command."""
