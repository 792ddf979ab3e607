"""What all commands share: arguments, sizes, files, exit codes."""
