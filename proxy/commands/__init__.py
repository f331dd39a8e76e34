"""The commands, one a module: each reads its options, asks the rest of the shell, shows what came of it."""
